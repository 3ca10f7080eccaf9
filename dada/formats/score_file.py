"""Score files: those of this package, those of the ASVspoof challenges, and any with named columns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dada.errors import ConfigError, DataError
from dada.formats.columns import (
    NO_VALUE,
    Columns,
    Layout,
    is_by_name,
    is_number,
    read_columns,
    refuse_lines,
    repeats,
)
from dada.formats.key import LABEL_ADVICE, SCORED, conditions_of, trial_names
from dada.formats.words import label_words
from dada.storage.json_file import read_json

# Of the countermeasure, of the speaker verification, and of both together.
SCORES = ("score", "asv_score", "sasv_score")
LAYOUTS = (
    Layout("utterance and score", ("trial", "score")),
    Layout("ASVspoof 2019 scores", SCORED.columns),
    Layout("score before label", ("trial", "score", "label")),
    Layout("label before score", ("trial", "label", "score")),
)


@dataclass
class ScoreFile:
    """Trials and their scores, each (N,) in the order of the file. A higher score means more bona fide.

    A trial of speaker verification is `speaker utterance`.
    """

    path: Path
    layout: str
    trials: list[str]
    lines: list[int]  # of each trial in the file
    scores: dict[str, np.ndarray]  # by kind of score, see SCORES
    labels: list[str] | None  # None if the file has none
    conditions: dict[str, list[str]]
    kind: str | None  # what the scores are, of SCORE_KINDS; None if the file beside does not tell


def read_score_file(
    path: Path, columns: Sequence[str] | None = None, labels: Mapping[str, str] | None = None
) -> ScoreFile:
    """Read a score file of any known layout, or with the given `columns`; `labels` as of `read_key`.

    Raise DataError, with file and line, for scores that are not finite numbers and for repeated trials, and
    ConfigError for columns without a trial or a score.
    """
    in_order = [] if columns is None or is_by_name(columns) else columns
    if in_order and ("trial" not in in_order or not set(in_order) & set(SCORES)):
        example = "e.g. trial,score or -,trial,label,score"
        raise ConfigError(f"--columns {','.join(in_order)} names no trial or no score: {example}")
    words = label_words(labels)
    checks = {"score": is_number, "label": lambda value: value.lower() in words}
    table = read_columns(path, LAYOUTS, checks, "score file", columns)
    scores = {name: table.floats(name) for name in SCORES if _is_given(table, name)}
    if not scores:
        like = next((name for name, values in table.values.items() if is_number(values[0])), "COLUMN")
        advice = f"say which column it is, e.g. --columns score={like}"
        raise DataError(f"{path} has no column of scores ({', '.join(SCORES)}); {table.layout}: {advice}")
    trials = trial_names(table)
    _refuse_repeated(table, trials, next(iter(scores.values())))
    table.refuse("label", checks["label"], LABEL_ADVICE)
    classes = [words[value.lower()] for value in table.values["label"]] if "label" in table.values else None
    conditions, kind = conditions_of(table), _read_kind(table.path)
    return ScoreFile(table.path, table.layout, trials, table.lines, scores, classes, conditions, kind)


def _is_given(table: Columns, name: str) -> bool:
    """Whether the file has scores of a kind: a column of `-` beside another kind of score counts as none."""
    if name not in table.values:
        return False
    alone = set(table.values) & set(SCORES) == {"score"}
    return alone or any(text != NO_VALUE for text in table.values[name])


def _refuse_repeated(table: Columns, trials: list[str], scores: np.ndarray) -> None:
    problems = []
    for i, j in repeats(trials):
        how = (
            "with the same score as"
            if scores[i] == scores[j]
            else f"with {scores[i]:g}, not {scores[j]:g} as"
        )
        problems.append((table.lines[i], f"{trials[i]} is there again {how} in line {table.lines[j]}"))
    refuse_lines(table.path, problems, f"{len(problems)} lines repeat a trial; keep one line of each")


def _read_kind(path: Path) -> str | None:
    """Return `score_kind` of the JSON file beside a score file of this package."""
    beside = path.with_suffix(".json")
    if path.suffix != ".txt" or not beside.is_file():
        return None
    kind = read_json(beside, "remove it").get("score_kind")
    return kind if isinstance(kind, str) else None
