"""Check a GPU, and this toolkit on it: agreement with the CPU, speed beside floors, memory, training, stages.

Prints a table with a bound and a verdict in each line, and writes JSON. Exit code 1 where a check fails. A
part that ends with an error is a failed line with its message, and the other parts go on. Floors are those of
an H100; on a slower card they are lowered in proportion to its measured ceilings. benchmarks/GPU.md explains
the parts.
"""

import importlib
import logging
import os
import sys
import tempfile
import time
from dataclasses import asdict, replace
from pathlib import Path

import torch
from gpu import ceilings
from gpu.common import FAIL, PASS, SKIPPED, Row, Setup

from dada import program
from dada.errors import UserError
from dada.storage.environment import REPORTED, cpu_name, utc_now, versions
from dada.storage.json_file import write_json

PARTS = (
    "ceilings",
    "agreement",
    "official",
    "drift",
    "kernels",
    "throughput",
    "transcription",
    "memory",
    "resume",
    "miniature",
    "loader",
)
REFERENCE = Path(__file__).parents[2] / "shared" / "reference"


def main() -> int:
    """Run the parts, and return 1 where a check fails."""
    parser = program.parser(
        __doc__, "tools/gpu_check.sh --device cpu --small", "gpu_check.sh", log_level="warning"
    )
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda", help="the first GPU, or the CPU")
    parser.add_argument(
        "--small", action="store_true", help="the smallest systems, for a test of the program"
    )
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS, help="these parts only")
    parser.add_argument("--json", type=Path, help="write the table to this file, with versions and hardware")
    args = parser.parse_args()
    program.set_up_logging(args.log_level)
    return check(args.device, args.small, args.parts, args.json)


def check(device: str, small: bool, parts: list[str] | tuple[str, ...], json: Path | None) -> int:
    """Run the parts on a device. Return 1 where a check failed, else 0. Raise UserError without the GPU."""
    if device != "cpu" and not torch.cuda.is_available():
        raise UserError(f"--device {device}: torch sees no GPU; --device cpu --small tries the program alone")
    reference = Path(os.environ.get("DADA_REFERENCE", REFERENCE))
    start, table = time.monotonic(), []
    with tempfile.TemporaryDirectory(prefix="dada_gpu_") as folder:
        has_reference = (reference / "expected.json").is_file()
        setup = Setup(torch.device(device), small, Path(folder), reference if has_reference else None)
        for part in parts:
            began = time.monotonic()
            rows = run_part(part, setup)
            if setup.on_gpu and part == "ceilings" and all(row.verdict != FAIL for row in rows):
                setup = replace(setup, speed=ceilings.speed(rows))
                rows.append(Row("floors below are those of an H100 times", setup.speed))
            spent = time.monotonic() - began
            print(f"{part} ({spent:.0f} s)", *(line(row) for row in rows), sep="\n", flush=True)
            table.append({"part": part, "seconds": round(spent, 1), "rows": [asdict(row) for row in rows]})
            if setup.on_gpu:
                torch.cuda.empty_cache()
    verdicts = [row["verdict"] for part in table for row in part["rows"]]
    counts = {name: verdicts.count(name) for name in (PASS, FAIL, SKIPPED)}
    print(f"{counts[PASS]} passed, {counts[FAIL]} failed, {counts[SKIPPED]} skipped; "
          f"{time.monotonic() - start:.0f} s on {name_of(setup.device)}")  # fmt: skip
    if json is not None:
        write_json(json, {**facts(setup, counts), "parts": table}, indent=1)
    return int(counts[FAIL] > 0)


def run_part(part: str, setup: Setup) -> list[Row]:
    """The rows of a part, or a failed one with the message of its error."""
    try:
        found: list[Row] = importlib.import_module(f"gpu.{part}").rows(setup)
    except Exception as error:  # what it is shows in the table, and the other parts go on
        logging.getLogger("dada.gpu_check").debug("%s failed", part, exc_info=True)
        message = " ".join(str(error).split())[:200]
        return [Row("ended with an error", f"{type(error).__name__}: {message}", verdict=FAIL)]
    return found


def line(row: Row) -> str:
    """A row of the printed table."""
    value = row.value if isinstance(row.value, str) else f"{row.value:,.4g}"
    return f"  {row.what:55} {value:>12} {row.unit:8} {row.bound:>10}  {row.verdict}".rstrip()


def name_of(device: torch.device) -> str:
    """The card's name, or the processor's."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else cpu_name()


def facts(setup: Setup, counts: dict[str, int]) -> dict:
    """What the table was made on."""
    return {
        "device": name_of(setup.device),
        "cpu": cpu_name(),
        "cuda": torch.version.cuda,
        "cudnn": torch.backends.cudnn.version() if setup.on_gpu else None,
        "python": sys.version.split()[0],
        "versions": versions(REPORTED),
        "small": setup.small,
        "finished": utc_now(),
        "counts": counts,
    }


if __name__ == "__main__":
    sys.exit(program.run(main, "gpu_check.sh"))
