"""Reading the results of stages 9 and 10 for a report."""

import itertools
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from dada.errors import ConfigError
from dada.evaluate.paths import difference_paths, result_path, transcripts_path, weighted_path
from dada.evaluate.results import PairResults, SystemResults, TranscriptResults, WeightedResults, read_results
from dada.explain.paths import comparison_path, pages_path, summary_path
from dada.plugins import nearest
from dada.report.config import ReportConfig
from dada.storage.json_file import read_json


@dataclass
class Section:
    """One split under one protocol; `results` is system -> its results, in the order of the recipe."""

    protocol: str
    split: str
    is_test: bool
    results: dict[str, SystemResults]
    columns: list[str] = field(default_factory=list)  # conditions of the main table
    own_tables: list[str] = field(default_factory=list)  # conditions with too many values for it
    differences: list[PairResults] = field(default_factory=list)
    transcripts: TranscriptResults | None = None
    # Of the first test split: the summaries of stage explain of systems and of pairs, and its list of pages
    # of
    # single utterances.
    explained: tuple[list[dict[str, Any]], list[dict[str, Any]]] = field(default_factory=lambda: ([], []))
    pages: list[dict[str, Any]] = field(default_factory=list)
    # Of the last test split of a weighted mean: system -> its mean.
    weighted: dict[str, WeightedResults] = field(default_factory=dict)

    @property
    def scored(self) -> dict[str, SystemResults]:
        """The systems whose results have metrics: not those of an unlabelled set."""
        return {name: result for name, result in self.results.items() if result.metrics is not None}

    @property
    def units(self) -> str:
        """Units that the intervals resample: sources of texts, speakers, or trials without speakers."""
        if not self.scored and any(result.authorship for result in self.results.values()):
            return "sources"
        return "speakers" if any(result.num_speakers for result in self.results.values()) else "trials"

    def values(self, condition: str) -> list[str]:
        """The values that spoofs have of a condition."""
        return sorted(
            {value for result in self.scored.values() for value in result.conditions.get(condition, {})}
        )


def load(views: Sequence[Any]) -> list[Section]:
    """Return every split with results, test splits of all protocols before dev splits. Systems without
    results are left out.
    """
    tests = [_section(view, split, True) for view in views for split in view.splits.test]
    devs = [_section(view, view.splits.dev, False) for view in views if view.splits.dev]
    sections = [section for section in [*tests, *devs] if section.results]
    _place_conditions(sections, views[0].report)
    return sections


def _section(view: Any, split: str, is_test: bool) -> Section:
    results = _existing({system: result_path(view, system, split) for system in view.planned})
    section = Section(view.protocol, split, is_test, results)
    section.differences = [read_results(path) for path in difference_paths(view, split) if path.exists()]
    section.transcripts = _existing({"": transcripts_path(view, split)}).get("")
    if split in view.splits.test[:1]:
        summaries, pairs = (
            [read_json(path) for path in paths if path.exists()] for paths in explanation_paths(view)
        )
        section.explained, section.pages = (summaries, pairs), read_pages(view)
    if split == next(reversed(view.evaluate.weighted_eer), None):
        section.weighted = _existing({system: weighted_path(view, system) for system in results})
    return section


def _existing(paths: dict[str, Path]) -> dict[str, Any]:
    """Read the results that exist."""
    return {name: read_results(path) for name, path in paths.items() if path.exists()}


def explanation_paths(view: Any) -> tuple[list[Path], list[Path]]:
    """Return where stage 10 writes the summaries of systems, and the comparisons of pairs."""
    pairs = itertools.combinations(view.explain.systems, 2)
    return [summary_path(view, name) for name in view.explain.systems], [
        comparison_path(view, *pair) for pair in pairs
    ]


def read_pages(view: Any) -> list[dict[str, Any]]:
    """The pages that exist and that the recipe wants, with a `link` from the folder of the report."""
    path, chosen = pages_path(view), view.explain
    if not (chosen.systems and (chosen.pages or chosen.utterances) and path.exists()):
        return []
    folder = Path(os.path.relpath(path.parent, view.exp_root))
    listed = [row for row in read_json(path)["pages"] if (path.parent / row["file"]).exists()]
    return [{**row, "link": quote((folder / row["file"]).as_posix())} for row in listed]


def _place_conditions(sections: list[Section], config: ReportConfig) -> None:
    """Decide once for all splits which conditions are columns of the main table, so that tables of two splits
    can be compared.
    """
    values: dict[str, set[str]] = {}
    for section in sections:
        for result in section.scored.values():
            for condition, table in result.conditions.items():
                values.setdefault(condition, set()).update(table)
    few = [name for name in sorted(values) if len(values[name]) <= config.max_column_values]
    columns = config.columns or few
    unknown = [name for name in columns if name not in values]
    if unknown and values:
        known = sorted(values)
        raise ConfigError(
            f"report.columns: no split has a condition {unknown[0]!r}{nearest(unknown[0], known)}; known: "
            f"{', '.join(known)}"
        )
    for section in sections:
        section.columns = [name for name in columns if section.values(name)]
        section.own_tables = [name for name in sorted(values) if name not in columns and section.values(name)]
