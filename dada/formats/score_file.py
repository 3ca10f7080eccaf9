"""Anybody's score files: ours, those of the ASVspoof challenges, and any columns that are named."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dada.errors import ConfigError, DataError
from dada.formats.columns import Columns, Layout, read_columns, refuse
from dada.formats.key import conditions_of, is_label, label_of
from dada.storage.json_file import read_json

SCORES = (
    "score",
    "asv_score",
    "sasv_score",
)  # of the countermeasure, of the speaker verification, of both together
ABSENT = "-"  # in place of a score that a system does not give, for the whole column
LAYOUTS = (
    Layout("utterance and score", ("trial", "score")),
    Layout("ASVspoof 2019 scores", ("trial", "attack", "label", "score")),
    Layout("score before label", ("trial", "score", "label")),
    Layout("label before score", ("trial", "label", "score")),
)


@dataclass
class ScoreFile:
    """Trials and their scores (N,), higher is more bona fide, in the order of the file; `lines` (N,) say
    where each stands.

    A trial of speaker verification is `speaker utterance`. `labels` are those that the file itself holds.
    """

    path: Path
    layout: str
    trials: list[str]
    lines: list[int]
    scores: dict[str, np.ndarray]
    labels: list[str] | None
    conditions: dict[str, list[str]]
    llr: bool | None  # whether they may be read as log-likelihood ratios, where the file beside them says so


def read_score_file(path: Path, columns: Sequence[str] | None = None) -> ScoreFile:
    """Read and check a score file.

    Raises DataError, with file and line, for scores that are no finite numbers, and for trials that are there
    more than once.
    """
    if columns is not None and ("trial" not in columns or not set(columns) & set(SCORES)):
        raise ConfigError(
            f"--columns {','.join(columns)} names no trial or no score: e.g. trial,score or "
            "-,trial,label,score"
        )
    table = read_columns(path, LAYOUTS, {"score": _is_number, "label": is_label}, "score file", columns)
    scores = {
        name: values
        for name in SCORES
        if name in table.values and (values := _numbers(table, name)) is not None
    }
    if not scores:
        raise DataError(
            f"{path} has no column of scores ({table.layout}): its header must name a score, or give "
            "--columns"
        )
    trials = trial_names(table)
    _refuse_repeated(table, trials, next(iter(scores.values())))
    labels = None
    if "label" in table.values:
        wrong = [
            (line, f"label {value!r}")
            for line, value in zip(table.lines, table.values["label"], strict=True)
            if not is_label(value)
        ]
        refuse(table.path, wrong, "write bonafide or spoof")
        labels = [label_of(value) for value in table.values["label"]]
    return ScoreFile(
        table.path,
        table.layout,
        trials,
        table.lines,
        scores,
        labels,
        conditions_of(table),
        _says_llr(table.path),
    )


def trial_names(table: Columns) -> list[str]:
    """What a trial is called: its utterance, with the claimed speaker before it where speakers are verified."""
    trials = table.values["trial"]
    if "speaker" in table.values and {"asv_score", "sasv_score", "asv_label"} & set(table.values):
        return [f"{speaker} {trial}" for speaker, trial in zip(table.values["speaker"], trials, strict=True)]
    return trials


def _numbers(table: Columns, column: str) -> np.ndarray | None:
    texts = table.values[column]
    if column != "score" or len(set(table.values) & set(SCORES)) > 1:
        if all(text == ABSENT for text in texts):
            return None
    wrong = [
        (line, f"score {text!r}")
        for line, text in zip(table.lines, texts, strict=True)
        if not _is_number(text)
    ]
    refuse(table.path, wrong, "a score must be a number, with a point for the decimals")
    values = np.array([float(text) for text in texts])
    bad = np.flatnonzero(~np.isfinite(values))
    refuse(
        table.path,
        [(table.lines[i], f"the score of {table.values['trial'][i]} is {texts[i]}") for i in bad],
        f"{bad.size} of {values.size} scores are not finite; score these trials again",
    )
    return values + 0.0  # a negative zero becomes zero


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return "_" not in text  # Python reads 1_5 as 15


def _refuse_repeated(table: Columns, trials: list[str], scores: np.ndarray) -> None:
    if len(set(trials)) == len(trials):
        return
    first: dict[str, int] = {}
    problems = []
    for i, trial in enumerate(trials):
        j = first.setdefault(trial, i)
        if j != i:
            kind = (
                "again with the same score"
                if scores[i] == scores[j]
                else f"with another score, {scores[i]:g} and not {scores[j]:g},"
            )
            problems.append(
                (
                    table.lines[i],
                    f"{trial} is there {kind} as in line {table.lines[j]}".replace(", as in", ", than in"),
                )
            )
    refuse(table.path, problems, f"{len(problems)} lines repeat a trial; keep one line of each")


def _says_llr(path: Path) -> bool | None:
    """What the JSON beside one of our own score files says."""
    beside = path.with_suffix(".json")
    if path.suffix != ".txt" or not beside.is_file():
        return None
    facts = read_json(beside, "remove it")
    return facts.get("llr") if isinstance(facts, dict) else None
