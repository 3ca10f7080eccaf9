"""Reading the results of stages 9 and 10 for a report."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from dada.data.datadir import named_attacks
from dada.errors import ConfigError
from dada.evaluate.paths import difference_paths, result_path, transcripts_path, weighted_path
from dada.evaluate.results import PairResults, SystemResults, TranscriptResults, WeightedResults, read_results
from dada.explain.paths import explanation_paths, pages_path
from dada.plugins import nearest
from dada.report.config import ReportConfig
from dada.report.paths import read_text_counts
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
    # those of the training data, under any of their names; None where that is not there or names none
    known_attacks: set[str] | None = None
    differences: list[PairResults] = field(default_factory=list)
    transcripts: TranscriptResults | None = None
    # Of the first test split: the summaries of stage explain of systems and of pairs, and its list of pages
    # of
    # single utterances.
    explained: tuple[list[dict[str, Any]], list[dict[str, Any]]] = field(default_factory=lambda: ([], []))
    pages: list[dict[str, Any]] = field(default_factory=list)
    text_counts: dict[str, int] = field(default_factory=dict)  # of the first test split: the text corpus
    # Of the last test split of a weighted mean: system -> its mean.
    weighted: dict[str, WeightedResults] = field(default_factory=dict)

    @property
    def scored(self) -> dict[str, SystemResults]:
        """The systems whose results have metrics: not those of an unlabelled set."""
        return {name: result for name, result in self.results.items() if result.metrics is not None}

    def values(self, condition: str) -> list[str]:
        """The values that spoofs have of a condition."""
        return sorted(
            {value for result in self.scored.values() for value in result.conditions.get(condition, {})}
        )


def load(views: Sequence[Any]) -> list[Section]:
    """Every split with results, test splits of all protocols before dev splits; a system without results is
    left out.
    """
    sections = []
    for is_test in (True, False):
        for view in views:
            for split in view.splits.test if is_test else [name for name in [view.splits.dev] if name]:
                results = {
                    system: read_results(path)
                    for system in view.planned
                    if (path := result_path(view, system, split)).exists()
                }
                if results:
                    paths = [path for path in difference_paths(view, split) if path.exists()]
                    transcripts = transcripts_path(view, split)
                    section = Section(
                        view.protocol,
                        split,
                        is_test,
                        results,
                        differences=[read_results(path) for path in paths],
                        known_attacks=known_attacks(view),
                    )
                    section.transcripts = read_results(transcripts) if transcripts.exists() else None
                    if split in view.splits.test[:1]:
                        kinds = explanation_paths(view)
                        summaries, pairs = (
                            [read_json(path) for path in kind if path.exists()] for kind in kinds
                        )
                        section.explained = summaries, pairs
                        section.pages = read_pages(view)
                        section.text_counts = read_text_counts(view)
                    if split == next(reversed(view.evaluate.weighted_eer), None):
                        section.weighted = {
                            name: read_results(path)
                            for name in results
                            if (path := weighted_path(view, name)).exists()
                        }
                    sections.append(section)
    _place_conditions(sections, views[0].report)
    return sections


def known_attacks(view: Any) -> set[str] | None:
    """The attacks of the training data and their other names; None where the recipe has or names none."""
    split = view.splits.train
    known = named_attacks(view.data_dir(split)) if split else None
    if known is None:
        return None
    return known | {name for name, same in view.evaluate.same_attack.items() if same in known}


def read_pages(view: Any) -> list[dict[str, Any]]:
    """The pages that exist and that the recipe wants, with a `link` from the folder of the report."""
    path, chosen = pages_path(view), view.explain
    if not (chosen.systems and (chosen.pages or chosen.utterances) and path.exists()):
        return []
    folder = Path(os.path.relpath(path.parent, view.exp_root))
    listed = [
        row for row in read_json(path, needs={"pages": list})["pages"] if (path.parent / row["file"]).exists()
    ]
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
