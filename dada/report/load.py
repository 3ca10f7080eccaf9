"""Reading the results of stages 9 and 10 for a report."""

import itertools
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from dada.errors import ConfigError
from dada.plugins import nearest
from dada.storage.json_file import read_json


@dataclass
class Section:
    """One split under one protocol: system -> the content of its results file, in the order of the recipe."""

    protocol: str
    split: str
    is_test: bool
    results: dict[str, dict]
    columns: list[str] = field(default_factory=list)  # conditions of the main table
    own_tables: list[str] = field(default_factory=list)  # conditions with too many values for it
    differences: list[dict] = field(default_factory=list)  # of pairs of systems
    transcripts: dict | None = None  # their word error rates
    explained: tuple[list[dict], list[dict]] = (
        (),
        (),
    )  # of the first test split: what stage explain found of systems, and of pairs
    pages: list[dict] = field(
        default_factory=list
    )  # of the first test split: those of single utterances, as stage explain lists them
    weighted: dict[str, dict] = field(
        default_factory=dict
    )  # system -> its mean over this and other test sets, at the last of them

    @property
    def scored(self) -> dict[str, dict]:
        """The systems whose results have metrics: not those of an unlabelled set."""
        return {name: result for name, result in self.results.items() if result["metrics"] is not None}

    def values(self, condition: str) -> list[str]:
        """The values that spoofs have of a condition here."""
        return sorted(
            {value for result in self.scored.values() for value in result["conditions"].get(condition, {})}
        )


def load(views: Sequence) -> list[Section]:
    """Every split with results, test splits of all protocols before dev splits; a system without results is
    left out.
    """
    sections = []
    for is_test in (True, False):
        for view in views:
            for split in view.splits.test if is_test else [name for name in [view.splits.dev] if name]:
                results = {
                    system: read_result(path)
                    for system in view.planned
                    if (path := result_path(view, system, split)).exists()
                }
                if results:
                    paths = [path for path in difference_paths(view, split) if path.exists()]
                    said = transcripts_path(view, split)
                    section = Section(
                        view.protocol,
                        split,
                        is_test,
                        results,
                        differences=[read_result(path) for path in paths],
                    )
                    section.transcripts = read_result(said) if said.exists() else None
                    if split in view.splits.test[:1]:
                        kinds = explanation_paths(view)
                        section.explained = tuple(
                            [read_result(path) for path in kind if path.exists()] for kind in kinds
                        )
                        section.pages = read_pages(view)
                    if split == next(reversed(view.evaluate.weighted_eer), None):
                        section.weighted = {
                            name: read_result(path)
                            for name in results
                            if (path := weighted_path(view, name)).exists()
                        }
                    sections.append(section)
    _place_conditions(sections, views[0].report)
    return sections


def result_path(view, system: str, split: str) -> Path:
    """Where stage 9 writes."""
    return view.exp_dir(system) / "results" / f"{split}.json"


def difference_path(view, first: str, second: str, split: str) -> Path:
    """Where stage 9 writes the difference of a pair."""
    return view.exp_dir(first) / "results" / f"minus_{re.sub('[:/]', '.', second)}" / f"{split}.json"


def weighted_path(view, system: str) -> Path:
    """Where stage 9 writes a system's mean over test sets."""
    return view.exp_dir(system) / "results" / "weighted_eer.json"


def difference_paths(view, split: str) -> list[Path]:
    """Those of the pairs that are to be compared."""
    return [difference_path(view, first, second, split) for first, second in view.evaluate.compare]


def transcripts_path(view, split: str) -> Path:
    """Where stage 9 writes the word error rates of the transcripts."""
    return view.exp_dir("transcripts") / "results" / f"{split}.json"


def explanation_paths(view) -> tuple[list[Path], list[Path]]:
    """Where stage 10 writes the summaries of systems, and the comparisons of pairs."""
    systems = view.explain.systems
    summaries = [view.exp_dir(name) / "explain" / "summary.json" for name in systems]
    return summaries, [
        view.exp_dir(first) / "explain" / f"with_{second}.json"
        for first, second in itertools.combinations(systems, 2)
    ]


def pages_path(view) -> Path:
    """Where stage 10 lists its pages of utterances; they lie beside the list."""
    return view.exp_dir("explain_pages") / "pages.json"


def read_pages(view) -> list[dict]:
    """The pages that are there and still asked for, with a `link` from the folder of the report."""
    path, chosen = pages_path(view), view.explain
    if not (chosen.systems and (chosen.pages or chosen.utterances) and path.exists()):
        return []
    folder = Path(os.path.relpath(path.parent, view.exp_root))
    listed = [row for row in read_result(path)["pages"] if (path.parent / row["file"]).exists()]
    return [{**row, "link": quote((folder / row["file"]).as_posix())} for row in listed]


def read_result(path: Path) -> dict:
    """A file that stage 9 or 10 wrote. Raises DataError where it is damaged."""
    return read_json(path, "remove it and run the stage again that made it, evaluate or explain")


def _place_conditions(sections: list[Section], config) -> None:
    """Decide once for all splits which conditions are columns of the main table, so that tables of two splits
    can be compared.
    """
    values: dict[str, set[str]] = {}
    for section in sections:
        for result in section.scored.values():
            for condition, table in result["conditions"].items():
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
