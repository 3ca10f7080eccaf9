"""The differences of two experiments: of their settings, and of the figures of their results."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dada.errors import DataError
from dada.evaluate.results import as_json, read_results
from dada.experiment.folder import ExperimentFolder
from dada.storage.json_file import read_json

ABSENT = "–"
DAMAGED = "the run did not end, or the file is damaged"
NOT_SETTINGS = ("definitions", "command", "scores")  # of the provenance of results


@dataclass
class Run:
    """An experiment folder, flat: `train.optim.lr` -> 0.0001, `test eer` -> its entry with mean, spread and
    interval.
    """

    folder: Path
    settings: dict[str, object] = field(default_factory=dict)
    figures: dict[str, dict[str, Any]] = field(default_factory=dict)


def read_run(folder: Path) -> Run:
    """Read exp/<system> with all its seeds and results, or one seed's folder. Raises DataError where there is
    neither.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise DataError(
            f"{folder} is no folder: name that of a system, e.g. egs/mini/exp/aasist, or of one of its seeds"
        )
    run = Run(folder)
    configs = (
        [ExperimentFolder(folder).config]
        if ExperimentFolder(folder).config.exists()
        else sorted(folder.glob("seed_*/config.json"))
    )
    per_seed = {path.parent.name: _flat(read_json(path, DAMAGED)) for path in configs}
    for seed, settings in per_seed.items():
        same = settings == next(iter(per_seed.values()))
        run.settings |= settings if same else {f"{seed}: {name}": value for name, value in settings.items()}
    results = sorted([*folder.glob("results/*.json"), *folder.glob("results/minus_*/*.json")])
    for path in results:
        _add_results(run, path, path.relative_to(folder / "results").with_suffix("").as_posix())
    if not configs and not results:
        raise DataError(
            f"{folder} holds no config.json, no seed_*/config.json and no results: it is not the folder of "
            "an experiment"
        )
    return run


def compare_runs(first: Run, second: Run) -> list[str]:
    """The differing settings and figures, one a line, and how many agree."""
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
    names = list(dict.fromkeys([*first, *second]))
    differing = [name for name in names if first.get(name, ABSENT) != second.get(name, ABSENT)]
    lines = ["", f"{what}: {len(differing)} differ, {len(names) - len(differing)} agree"]
    rows = [
        [name, *(show(side[name]) if name in side else ABSENT for side in (first, second))]
        for name in differing
    ]
    widths = [max((len(row[i]) for row in rows), default=0) for i in range(3)]
    for name, row in zip(differing, rows, strict=True):
        tail = change(first[name], second[name]) if name in first and name in second else ""
        lines.append(
            "  "
            + "  ".join(
                [*(f"{text:{width}}" for text, width in zip(row, widths, strict=True)), tail]
            ).rstrip()
        )
    return lines


def _add_results(run: Run, path: Path, split: str) -> None:
    content = as_json(read_results(path))
    provenance = content.get("provenance") or {}
    facts = {name: value for name, value in provenance.items() if name not in NOT_SETTINGS} | {
        name: value for name, value in content.items() if name.startswith("num_") or name == "seeds"
    }
    run.settings |= {f"{split}: {name}": value for name, value in _flat(facts).items()}
    for place, figure in _figures(content):
        run.figures[f"{split} {place}"] = figure


def _figures(value: object, above: tuple[str, ...] = ()) -> Iterator[tuple[str, dict[str, Any]]]:
    """(place, figure) of everything below a JSON value that has a mean."""
    if isinstance(value, dict):
        if "mean" in value:
            yield ", ".join(part for part in above if part != "metrics"), value
        else:
            for name, inner in value.items():
                yield from _figures(inner, (*above, name))


def _figure(entry: dict[str, Any]) -> str:
    interval = "" if entry.get("low") is None else f" [{entry['low']:.4f}, {entry['high']:.4f}]"
    return f"{entry['mean']:.5f}{interval}"


def _change(first: dict[str, Any], second: dict[str, Any]) -> str:
    return f"{second['mean'] - first['mean']:+.5f}"


def _flat(values: Mapping[str, Any], above: str = "") -> dict[str, object]:
    flat: dict[str, object] = {}
    for name, value in values.items():
        flat |= (
            _flat(value, f"{above}{name}.")
            if isinstance(value, dict) and value
            else {f"{above}{name}": value}
        )
    return flat
