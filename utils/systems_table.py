#!/usr/bin/env python3
"""Fill in the columns of egs/systems.csv that follow from the project.

These columns are the configuration, the recipes that run the system, the number of parameters, and the
figures of egs/mini/results.json. All other columns are written by hand. With --check nothing is written, and
a file that is out of date is an error. utils/make_docs.py writes docs/systems.md from the file.
"""

import sys
from dataclasses import replace
from pathlib import Path

import yaml

from dada import program, system_table
from dada.errors import DataError, UserError
from dada.storage.atomic import write_text
from dada.system_table import Row

EXAMPLE = """
utils/systems_table.py
utils/systems_table.py --check
"""
ROOT = Path(__file__).resolve().parents[1]


def derive(rows: dict[str, Row], root: Path) -> dict[str, Row]:
    """Return the rows with the columns filled in that follow from the project at `root`."""
    recipes, mini = default_recipes(root), mini_runs(root / "egs" / "mini" / "results.json")
    return {
        name: replace(
            row,
            configuration=f"dada/conf/{name}.yaml",
            recipes=" ".join(recipes.get(name, [])),
            parameters=str(count_parameters(name) or ""),
            mini_run=mini.get(name, ""),
        )
        for name, row in rows.items()
        if name in system_table.names()
    }


def default_recipes(root: Path) -> dict[str, list[str]]:
    """Return system -> the recipes whose recipe.yaml lists it."""
    recipes: dict[str, list[str]] = {}
    for path in sorted((root / "egs").glob("*/recipe.yaml")):
        if path.parent.name != "TEMPLATE":
            for name in (yaml.safe_load(path.read_text(encoding="utf-8")) or {}).get("systems") or []:
                recipes.setdefault(name, []).append(path.parent.name)
    return recipes


def mini_runs(path: Path) -> dict[str, str]:
    """Return system -> its figures on the test splits: `EER 20.0 % (line), 18.3 % (dialogue)`, or macro-F1.

    They come from the published summary of results; without it there are no figures.
    """
    from dada.report.summary import read_summary

    if not path.exists():
        return {}
    shown_by_system: dict[str, dict[str, list[str]]] = {}
    for row in read_summary(path):
        figures = {"EER": row.metrics.get("eer"), "macro-F1": row.classes.get("macro_f1")}
        for name, value in figures.items():
            if value is not None:
                shown = f"{100 * value:.1f} % ({row.protocol})"
                shown_by_system.setdefault(row.system, {}).setdefault(name, []).append(shown)
    return {
        system: ", ".join(f"{name} {', '.join(shown)}" for name, shown in figures.items())
        for system, figures in shown_by_system.items()
    }


def count_parameters(name: str) -> int | None:
    """Return the number of parameters of a system's network, without allocating it; of a model without
    gradient, the number of fitted values.

    None for systems without parameters, such as sums of other systems, and for networks around a pretrained
    encoder that is not on this machine. A system without configured classes counts with two.
    """
    import torch

    from dada import models
    from dada.recipe.config import load_system_config

    config = load_system_config(name)
    if config.task == "text":  # whose size follows from its encoder and the authors
        return None
    try:
        with torch.device("meta"):
            model = models.build(config.task, config.model, len(config.labels) or 2)
    except UserError:
        return None
    if hasattr(model, "estimate"):
        return sum(value.numel() for value in model.state_dict().values() if value.is_floating_point())
    return sum(parameter.numel() for parameter in model.parameters()) or None


def missing_rows(rows: dict[str, Row]) -> str:
    """Return how to make rows and configurations agree on the systems; empty where they agree."""
    without_row = [name for name in system_table.names() if name not in rows]
    without_file = [name for name in rows if name not in system_table.names()]
    lines = []
    for name in without_row:
        row = Row(
            name,
            "<what it is>",
            paper="<who, where, year>",
            figure="<0.83>",
            metric="<EER %>",
            corpus="<ASVspoof 2019 LA eval>",
        )
        example = system_table.format_rows(
            {name: replace(row, source="<" + "|".join(system_table.SOURCES) + ">")}
        ).splitlines()[1]
        lines.append(
            f"dada/conf/{name}.yaml has no row in egs/systems.csv. Add this line with its <...> filled in "
            "(or left empty where nothing was "
            "published), name in the *_test columns the tests that verify it, and run "
            f"{system_table.REWRITE}:\n{example}"
        )
    lines += [
        f"egs/systems.csv has a row for {name}, but dada/conf/{name}.yaml does not exist: remove the row"
        for name in without_file
    ]
    return "\n".join(lines)


def main() -> None:
    """Compare the file with its wanted content, and write it or raise DataError."""
    parser = program.parser(__doc__, EXAMPLE)
    parser.add_argument(
        "--check", action="store_true", help="write nothing: exit code 2 where the file is out of date"
    )
    args = parser.parse_args()
    program.set_up_logging(args.log_level)

    table = ROOT / "egs" / "systems.csv"
    rows = system_table.read_rows(table)
    problem = missing_rows(rows)
    if problem:
        raise DataError(problem)
    wanted = system_table.format_rows(derive(rows, ROOT))
    if table.read_text(encoding="utf-8") == wanted:
        return
    if args.check:
        raise DataError(f"egs/systems.csv is out of date: run {system_table.REWRITE}")
    write_text(table, wanted)


if __name__ == "__main__":
    sys.exit(program.run(main))
