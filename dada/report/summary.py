"""The summary of a recipe's results that is published beside RESULTS.md, as `results.json`.

    {"version": 1, "results": [{"protocol": "line", "split": "test", "system": "aasist", "seeds": [1, 2],
      "metrics": {"eer": 0.183, "auc": 0.901}, "classes": {"macro_f1": 0.62}}]}

Figures are means over the training seeds, rounded to six decimals.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from dada.errors import DataError
from dada.evaluate.results import SystemResults, from_plain
from dada.metrics.figure import Figure
from dada.report.load import Section
from dada.storage.json_file import read_json

VERSION = 1
AUTHOR_METRICS = ("accuracy", "macro_f1", "weighted_f1")
CLASS_METRICS = ("closed_accuracy", "closed_macro_f1", "accuracy", "macro_f1", "unknown_auc", "unknown_eer")


@dataclass(kw_only=True)
class Summary:
    """Mean figures of a system on a test split."""

    protocol: str
    split: str
    system: str
    seeds: list[int]
    metrics: dict[str, float] = field(default_factory=dict)
    classes: dict[str, float] = field(default_factory=dict)  # recognition of attacks
    authors: dict[str, float] = field(default_factory=dict)  # recognition of authors
    # number of pooled texts -> metrics of claims on texts
    verification: dict[str, dict[str, float]] = field(default_factory=dict)


def results_summary(sections: Sequence[Section]) -> dict[str, Any]:
    """Plain values of `results.json`: the mean figures of every system on every test split."""
    rows = [
        asdict(_summary(section, system, results))
        for section in sections
        if section.is_test
        for system, results in section.results.items()
    ]
    return {"version": VERSION, "results": rows}


def read_summary(path: Path) -> list[Summary]:
    """Read `results.json`. Raise DataError for a damaged file or another version."""
    content = read_json(path)
    try:
        if content["version"] == VERSION:
            return from_plain(list[Summary], content["results"])
    except (TypeError, KeyError, AttributeError) as error:
        raise DataError(f"{path} is no summary of results ({error}): publish the results again") from error
    raise DataError(f"{path} has version {content['version']}, and this is version {VERSION}: publish again")


def _summary(section: Section, system: str, results: SystemResults) -> Summary:
    classes = {name: getattr(results.classes, name) for name in CLASS_METRICS} if results.classes else {}
    found = results.authorship
    authors = {name: getattr(found, name) for name in AUTHOR_METRICS} if found else {}
    return Summary(
        protocol=section.protocol,
        split=section.split,
        system=system,
        seeds=results.seeds,
        metrics=dict(_means(results.metrics or {})),
        classes=dict(_means(classes)),
        authors=dict(_means(authors)),
        verification={
            size: dict(_means(entry.metrics or {})) for size, entry in results.verification.items()
        },
    )


def _means(figures: dict[str, Figure | None]) -> Iterator[tuple[str, float]]:
    for name, figure in figures.items():
        if figure is not None:
            yield name, round(figure.mean, 6)
