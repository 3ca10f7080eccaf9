"""`dada models`: the systems with their input, size, published figures, and what has been verified of each.

Also the columns of systems.csv that utils/systems_table.py derives from the project, and docs/systems.md.
"""

from dataclasses import replace
from pathlib import Path

import yaml

from dada import system_table
from dada.errors import UserError
from dada.system_table import Row

PAGE = """# Systems

<!-- Written by utils/make_docs.py from egs/systems.csv. -->

Every configuration in `dada/conf/` runs with `--system NAME` in every recipe that has what it needs. `dada models`
lists the systems in the terminal. `dada models NAME` shows a system with its configuration and with the tests that
verify it.

Published figures are those of the papers, on the corpora of the papers. Figures marked "second-hand" are quoted in
another paper. The last column lists what the tests of this project verify against the source.

| system | description | published | verified |
|---|---|---|---|
"""


def as_facts(row: Row) -> dict:
    """A row as plain values: numbers as numbers, lists where there may be several."""
    keys = ("figure", "metric", "corpus", "source")
    return {
        **{key: getattr(row, key) for key in ("system", "description", "configuration", "paper")},
        "recipes": row.recipes.split(),
        "input": system_table.input_of(row.system),
        "parameters": int(row.parameters) if row.parameters else None,
        "published": [dict(zip(keys, figure, strict=True)) for figure in system_table.figures(row)],
        "verified": [{"what": what, "test": test or None} for what, test in system_table.verified(row)],
    }


def in_words(row: Row, with_tests: bool = False) -> str:
    """A row as lines to read."""
    size = f"{int(row.parameters):,} parameters, " if row.parameters else ""
    lines = [f"{row.system}: {row.description}", f"    {size}input: {system_table.input_of(row.system)}"]
    if row.paper:
        lines[1] += f"; {row.paper}"
    if row.figure:
        lines.append(f"    published: {system_table.published(row)}")
    facts = [
        what + (f" ({test})" if test and with_tests else "") for what, test in system_table.verified(row)
    ]
    lines += (
        [f"    verified: {fact}" for fact in facts]
        if with_tests
        else [f"    verified: {'; '.join(facts) or '-'}"]
    )
    return "\n".join(lines)


def systems_page(rows: dict[str, Row]) -> str:
    """Return docs/systems.md, a table with a line for each system."""
    lines = []
    for name, row in sorted(rows.items()):
        paper = f" ({row.paper})" if row.paper else ""
        verified = "; ".join(what for what, _ in system_table.verified(row))
        cells = (f"`{name}`", row.description + paper, system_table.published(row), verified)
        lines.append("| " + " | ".join(cell.replace("|", "\\|") or "–" for cell in cells) + " |\n")
    return PAGE + "".join(lines)


def derive(rows: dict[str, Row], root: Path) -> dict[str, Row]:
    """The rows with those columns filled in that the project at `root` itself says."""
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
    """System -> the recipes that run it without being asked."""
    found: dict[str, list[str]] = {}
    for path in sorted((root / "egs").glob("*/recipe.yaml")):
        for name in (yaml.safe_load(path.read_text(encoding="utf-8")) or {}).get("systems") or []:
            if path.parent.name != "TEMPLATE":
                found.setdefault(name, []).append(path.parent.name)
    return found


def mini_runs(path: Path) -> dict[str, str]:
    """System -> its figures on the test splits: `EER 20.0 % (line), 18.3 % (dialogue)`, or macro-F1.

    They come from the published summary of results; without it there are none.
    """
    from dada.report.summary import read_summary

    if not path.exists():
        return {}
    found: dict[str, dict[str, list[str]]] = {}
    for row in read_summary(path):
        figures = {"EER": row.metrics.get("eer"), "macro-F1": row.classes.get("macro_f1")}
        for name, value in figures.items():
            if value is not None:
                shown = f"{100 * value:.1f} % ({row.protocol})"
                found.setdefault(row.system, {}).setdefault(name, []).append(shown)
    return {
        system: ", ".join(f"{name} {', '.join(shown)}" for name, shown in figures.items())
        for system, figures in found.items()
    }


def count_parameters(name: str) -> int | None:
    """Parameters of a system's network as configured, without allocating it; of a model without gradient, its
    fitted numbers.

    None where there are none, as in sums of other systems, and for networks around a pretrained encoder that
    is not here. Classes that only the training data tell count as two.
    """
    import torch

    from dada import models
    from dada.recipe.config import load_system_config

    config = load_system_config(name)
    if config.input.kind == "text":
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
    """What to do where the rows and the configurations are not of the same systems; empty where they are."""
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
