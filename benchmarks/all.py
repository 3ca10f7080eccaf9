"""Run every benchmark that has a reference, each beside it in alternation, and hold the ratios against the
claims.

    OMP_NUM_THREADS=1 python benchmarks/all.py
    OMP_NUM_THREADS=1 python benchmarks/all.py --small --json rows.json
    python benchmarks/all.py --claims

A claim is the least ratio of a piece of work, reference to ours, that a benchmark states in its CLAIMS. The
table marks what lies below its claim, and the program then ends with the code 1. `--small` takes under three
minutes: fewer pieces of work, smaller ones, few repetitions, so that a ratio may fall short by chance, and
the code is 0. `--claims` runs nothing, and prints the table of benchmarks/README.md. A benchmark whose
reference is not installed is named.
"""

import argparse
import ast
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from timing import ROWS_FILE

from dada.storage.environment import cpu_name
from dada.storage.json_file import write_json

FOLDER = Path(__file__).parent
# The benchmarks with a reference: arguments of all of it, and of the small form.
BENCHMARKS: dict[str, tuple[str, str]] = {
    "models.py": ("--repetitions 3", "--systems aasist --repetitions 1 --batch_size 1"),
    "convolutional.py": ("--repetitions 3", "--systems pc_darts inc_tssdnet --repetitions 1"),
    "lcnn_lstm.py": ("", "--repetitions 2 --batch_size 4"),
    "features.py": ("", "--batch 4"),
    "gmm.py": ("", "--frames 40000"),
    "augment.py": ("--rawboost_alone", "--rawboost_alone --repetitions 3"),
    "metrics.py": ("", "--resamples 100 --plain_resamples 2 --repetitions 3"),
    "explain.py": ("", "--systems pc_darts --repetitions 2"),
}


def claims_of(benchmark: str) -> dict[str, float]:
    """The CLAIMS of a benchmark, read without running it: the least ratio of each piece of work."""
    for node in ast.parse((FOLDER / benchmark).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "CLAIMS":
            return ast.literal_eval(node.value)
    return {}


def claims_table() -> str:
    """All claims as a table in Markdown."""
    lines = ["| command | work | times as fast as the reference |", "|---|---|---:|"]
    for benchmark in BENCHMARKS:
        for i, (work, claim) in enumerate(claims_of(benchmark).items()):
            lines.append(f"| {'' if i else f'`{benchmark}`'} | {work} | {claim:g} |")
    return "\n".join(lines)


def run(benchmark: str, arguments: str, rows_file: Path) -> list[dict[str, Any]]:
    """Run a benchmark in a process of its own, which prints as it goes, and return its rows with their ratios
    and claims. Raise CalledProcessError where it fails.
    """
    rows_file.write_text("")
    environment = {**os.environ, ROWS_FILE: str(rows_file)}
    subprocess.run([sys.executable, FOLDER / benchmark, *arguments.split()], env=environment, check=True)
    claims, rows = claims_of(benchmark), []
    for line in rows_file.read_text().splitlines():
        row = {"benchmark": benchmark, **json.loads(line)}
        row["ratio"] = None if row["reference"] is None else row["reference"] / row["ours"]
        row["claim"] = claims.get(row["work"])
        rows.append(row)
    return rows


def is_below(row: dict[str, Any]) -> bool:
    """Whether a row's ratio is smaller than its claim."""
    return None not in (row["ratio"], row["claim"]) and row["ratio"] < row["claim"]


def table(rows: list[dict[str, Any]]) -> str:
    """All rows with a ratio, as text."""
    lines = [f"{'benchmark':17} {'work':34} {'reference ms':>12} {'ours ms':>9} {'ratio':>6} {'claim':>6}"]
    for row in rows:
        if row["ratio"] is not None:
            claim = "-" if row["claim"] is None else f"{row['claim']:g}"
            lines.append(
                f"{row['benchmark']:17} {row['work']:34} {row['reference']:12.2f} {row['ours']:9.2f} "
                f"{row['ratio']:6.2f} {claim:>6}{'  below its claim' if is_below(row) else ''}"
            )
    return "\n".join(lines)


def main() -> None:
    """Run, print the table, keep the JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--small", action="store_true", help="in under three minutes")
    parser.add_argument("--only", nargs="+", choices=list(BENCHMARKS), default=list(BENCHMARKS))
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep all rows here")
    parser.add_argument("--claims", action="store_true", help="print the table of the claims and stop")
    args = parser.parse_args()
    if args.claims:
        print(claims_table())
        return
    start, rows = time.monotonic(), []
    with tempfile.TemporaryDirectory() as folder:
        for benchmark in args.only:
            print(f"# {benchmark}", flush=True)
            rows += run(benchmark, BENCHMARKS[benchmark][args.small], Path(folder) / "rows")
    print(f"\n{cpu_name()}, torch {torch.__version__}, {time.monotonic() - start:.0f} s\n\n{table(rows)}")
    found = {row["work"] for row in rows}
    missing = [work for name in args.only for work in claims_of(name) if work not in found]
    if missing and not args.small:
        print("\nnot measured: " + "; ".join(missing))
    if args.json:
        write_json(
            args.json,
            {"processor": cpu_name(), "torch": torch.__version__, "small": args.small, "rows": rows},
        )
    if not args.small and any(map(is_below, rows)):
        sys.exit(1)


if __name__ == "__main__":
    main()
