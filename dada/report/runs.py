"""Comparison of experiments: which settings and figures of their results differ."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dada.errors import ConfigError, DataError
from dada.evaluate.results import as_json, read_results
from dada.experiment.folder import ExperimentFolder
from dada.metrics.figure import Figure
from dada.metrics.measures import MEASURES
from dada.report.names import short_names
from dada.report.tables import ABSENT, Cell, Table, figure_cell, percent, show_of
from dada.settings import flatten
from dada.storage.json_file import read_json

DAMAGED = "the run did not end, or the file is damaged"
NOT_SETTINGS = ("definitions", "command", "scores")  # of the provenance of results
MOST_COLUMNS = 10  # of settings
SEED = re.compile(r"seed_(\d+)")


@dataclass
class Run:
    """An experiment folder, flat: `train.optim.lr` -> 0.0001, `test eer` -> its figure."""

    folder: Path
    settings: dict[str, object] = field(default_factory=dict)
    figures: dict[str, Figure] = field(default_factory=dict)


def read_runs(folders: Sequence[Path]) -> list[Run]:
    """Read experiments: systems (exp/<system>), training runs (exp/<system>/seed_<k>), all systems of exp/.

    Raise DataError for another folder, and for fewer than two experiments.
    """
    runs: list[Run] = []
    for folder in folders:
        if not folder.is_dir():
            raise DataError(
                f"{folder} is no folder: name that of a system, e.g. egs/mini/exp/aasist, of one of its "
                "seeds, or of all experiments"
            )
        experiments = [folder] if _is_experiment(folder) else sorted(filter(_is_experiment, folder.iterdir()))
        if not experiments:
            raise DataError(
                f"neither {folder} nor a folder in it holds config.json, seed_*/config.json or results: it "
                "is not the folder of an experiment"
            )
        runs += map(read_run, experiments)
    if len(runs) < 2:
        raise DataError(f"{runs[0].folder if runs else 'nothing'} is the only experiment: name two or more")
    return runs


def read_run(folder: Path) -> Run:
    """Read a system with all its seeds and the results over them, or a training run with its part of the
    results of its system.
    """
    run = Run(folder)
    alone = ExperimentFolder(folder).config.exists()
    seeds = [folder] if alone else [path.parent for path in sorted(folder.glob("seed_*/config.json"))]
    per_seed = {seed.name: _settings_of(ExperimentFolder(seed), alone) for seed in seeds}
    for name in dict.fromkeys(name for settings in per_seed.values() for name in settings):
        values = {seed: settings.get(name, ABSENT) for seed, settings in per_seed.items()}
        first = next(iter(values.values()))
        if all(value == first for value in values.values()):
            run.settings[name] = first
        else:
            run.settings |= {f"{seed}: {name}": value for seed, value in values.items()}
    number = SEED.fullmatch(folder.resolve().name) if alone else None
    home = folder.resolve().parent if number else folder
    for path in sorted([*home.glob("results/*.json"), *home.glob("results/minus_*/*.json")]):
        split = path.relative_to(home / "results").with_suffix("").as_posix()
        _add_results(run, as_json(read_results(path)), split, int(number[1]) if number else None)
    return run


def comparison_table(runs: Sequence[Run], metrics: Sequence[str]) -> Table:
    """A row for each run: the settings that differ, and those of the metrics that it has, on every split.

    Raise ConfigError where the runs have figures, but none of these metrics.
    """
    labels = short_names(run.folder.resolve() for run in runs)
    settings = differing = _differing([run.settings for run in runs])
    if len(differing) > MOST_COLUMNS:
        settings = []
    figures = [
        name
        for name in dict.fromkeys(name for run in runs for name in run.figures)
        if name.split(" ")[-1] in metrics and "conditions" not in name and not name.startswith("minus_")
    ]
    known = sorted({name.split(" ")[-1] for run in runs for name in run.figures})
    if known and not figures:
        raise ConfigError(f"no results have a metric {' or '.join(metrics)}; known: {', '.join(known)}")
    table = Table("Experiments", "", ["experiment", *settings, *figures])
    for run in runs:
        row = [
            Cell(labels[run.folder.resolve()]),
            *(Cell(str(run.settings.get(name, ABSENT))) for name in settings),
        ]
        for name in figures:
            metric = name.split(" ")[-1]
            row.append(figure_cell(run.figures.get(name), show_of(metric) if metric in MEASURES else percent))
        table.rows.append(row)
    same = len({name for run in runs for name in run.settings}) - len(differing)
    table.note = f"Settings: {len(differing)} differ, {same} agree. "
    table.note += "Shares in %." if figures else "There are no results: stage 9 writes them."
    if differing and not settings:
        table.note += f"\nThe settings that differ, too many for columns: {', '.join(differing)}."
    return table


def differences(first: Run, second: Run) -> list[str]:
    """All settings and figures that differ, one a line, and how many agree."""
    lines = [f"first   {first.folder}", f"second  {second.folder}"]
    lines += _block("settings", first.settings, second.settings, str)
    return lines + _block("figures", first.figures, second.figures, _figure, _change)


def _block(
    what: str,
    first: Mapping[str, Any],
    second: Mapping[str, Any],
    show: Callable[[Any], str],
    change: Callable[[Any, Any], str] = lambda _first, _second: "",
) -> list[str]:
    differing = _differing([first, second])
    lines = ["", f"{what}: {len(differing)} differ, {len({*first, *second}) - len(differing)} agree"]
    rows = [
        [name, *(show(side[name]) if name in side else ABSENT for side in (first, second))]
        for name in differing
    ]
    widths = [max((len(row[i]) for row in rows), default=0) for i in range(3)]
    for name, row in zip(differing, rows, strict=True):
        cells = [f"{text:{width}}" for text, width in zip(row, widths, strict=True)]
        cells.append(change(first[name], second[name]) if name in first and name in second else "")
        lines.append("  " + "  ".join(cells).rstrip())
    return lines


def _differing(sides: Sequence[Mapping[str, Any]]) -> list[str]:
    """Names whose values are not equal everywhere."""
    names = dict.fromkeys(name for side in sides for name in side)
    return [
        name
        for name in names
        if any(side.get(name, ABSENT) != sides[0].get(name, ABSENT) for side in sides[1:])
    ]


def _is_experiment(folder: Path) -> bool:
    patterns = ("config.json", "seed_*/config.json", "results/*.json")
    return any(any(folder.glob(pattern)) for pattern in patterns)


def _settings_of(files: ExperimentFolder, alone: bool) -> dict[str, object]:
    """Settings of a training, and the digests of its data; its seed where it is compared alone."""
    data = read_json(files.run, DAMAGED, {"data": dict})["data"] if files.run.exists() else {}
    kept = {name: value for name, value in data.items() if alone or name != "seed"}
    return flatten({**read_json(files.config, DAMAGED), **kept})


def _add_results(run: Run, content: dict[str, Any], split: str, seed: int | None) -> None:
    """Add the settings and figures of results: over all seeds, or of one."""
    provenance = content.get("provenance") or {}
    facts = {name: value for name, value in provenance.items() if name not in NOT_SETTINGS} | {
        name: value
        for name, value in content.items()
        if name.startswith("num_") or (name == "seeds" and seed is None)
    }
    run.settings |= {f"{split}: {name}": value for name, value in flatten(facts).items()}
    seeds = content.get("seeds") or []
    for place, entry in _figures(content):
        figure = Figure(**{name: entry[name] for name in ("mean", "spread", "per_seed", "low", "high")})
        if seed is None:
            run.figures[f"{split} {place}"] = figure
        elif seed in seeds and len(figure.per_seed) == len(seeds):
            run.figures[f"{split} {place}"] = Figure(mean=figure.per_seed[seeds.index(seed)])


def _figures(value: object, above: tuple[str, ...] = ()) -> Iterator[tuple[str, dict[str, Any]]]:
    """(place, figure) of every figure below a JSON value."""
    if isinstance(value, dict):
        if "per_seed" in value:
            yield ", ".join(part for part in above if part != "metrics"), value
        else:
            for name, inner in value.items():
                yield from _figures(inner, (*above, name))


def _figure(figure: Figure) -> str:
    interval = "" if figure.low is None else f" [{figure.low:.4f}, {figure.high:.4f}]"
    return f"{figure.mean:.5f}{interval}"


def _change(first: Figure, second: Figure) -> str:
    return f"{second.mean - first.mean:+.5f}"
