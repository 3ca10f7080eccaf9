"""Scores of the speaker verification system (ASV) that a tandem metric assumes.

ASVspoof 2019 gives `bonafide|ATTACK target|nontarget|spoof score`; ASVspoof 2021 gives `speaker utterance
score`, whose kinds stand in the trial metadata of its ASV, of logical or of physical access, and besides the
constants that follow from them.
"""

import contextlib
from pathlib import Path

import numpy as np

from dada.errors import ConfigError, DataError
from dada.formats.c012 import SUFFIXES, read_c012
from dada.formats.columns import Columns, Layout, read_columns, refuse
from dada.formats.key import (
    ALL_SUBSETS,
    ASV_WORDS,
    ASVSPOOF2021,
    ASVSPOOF2021_PA,
    DEFAULT_SUBSET,
    conditions_of,
)
from dada.metrics.tdcf import ASVSPOOF5_RATES, Asv

FIXED_RATES = "asvspoof5"  # in place of a file
LAYOUTS = (
    Layout("ASVspoof 2019 ASV scores", ("attack", "kind", "score")),
    Layout("ASVspoof 2021 ASV scores", ("speaker", "trial", "score")),
)
KEY_LAYOUTS = (
    Layout("ASVspoof 2021 LA ASV metadata", ASVSPOOF2021),
    Layout("ASVspoof 2021 PA ASV metadata", ASVSPOOF2021_PA),
)


def read_asv(name: str, key: Path | None = None, subset: str | None = None) -> Asv:
    """An ASV from its score file, from the C012 constants of ASVspoof 2021, or by the word asvspoof5 the
    rates of ASVspoof 5.

    Raises DataError for what does not fit together.
    """
    if name == FIXED_RATES:
        return Asv("rates given by ASVspoof 5", ASVSPOOF5_RATES)
    if Path(name).suffix in SUFFIXES:
        return Asv(f"constants of {name}", None, c012=read_c012(Path(name)))
    table = read_columns(Path(name), LAYOUTS, {"kind": ASV_WORDS.__contains__}, "score file")
    scores = _numbers(table)
    if "kind" in table.values:
        wrong = [
            (line, f"kind {kind!r}")
            for line, kind in zip(table.lines, table.values["kind"], strict=True)
            if kind not in ASV_WORDS
        ]
        refuse(table.path, wrong, "write target, nontarget or spoof")
        kinds, conditions = (
            table.values["kind"],
            {name: column for name, column in conditions_of(table).items() if name != "kind"},
        )
    elif "trial" in table.values and "speaker" in table.values:
        if key is None:
            raise ConfigError(
                f"{name} does not say which trials are targets ({table.layout}): give its trial metadata "
                "by --asv_key"
            )
        kinds, scores, conditions = _joined(table, scores, key, subset)
    else:
        raise DataError(f"{name} is no ASV score file ({table.layout})")
    of_kind = [np.array(kinds) == kind for kind in ASV_WORDS]
    values = {condition: np.array(column) for condition, column in conditions.items()}
    return Asv.of(
        f"{table.path} ({table.layout})",
        tuple(scores[chosen] for chosen in of_kind),
        {condition: tuple(column[chosen] for chosen in of_kind) for condition, column in values.items()},
    )


def _numbers(table: Columns) -> np.ndarray:
    values, wrong = np.full(len(table), np.nan), []
    for i, text in enumerate(table.values.get("score", [])):
        with contextlib.suppress(ValueError):
            values[i] = float(text)
        if not np.isfinite(values[i]):
            wrong.append((table.lines[i], f"score {text!r}"))
    refuse(table.path, wrong, "an ASV score must be a finite number")
    return values


def _joined(
    table: Columns, scores: np.ndarray, key: Path, subset: str | None
) -> tuple[list[str], np.ndarray, dict[str, list[str]]]:
    """Kinds, scores and conditions of the key's trials of one subset.

    A score without a trial there is passed over, as the official package does.
    """
    metadata = read_columns(Path(key), KEY_LAYOUTS, {"label": ASV_WORDS.__contains__}, "key")
    values, subset = metadata.values, subset or DEFAULT_SUBSET
    pairs = list(zip(table.values["speaker"], table.values["trial"], strict=True))
    index = {pair: i for i, pair in enumerate(pairs)}
    repeated = [
        (table.lines[i], f"trial {' '.join(pair)} is there again")
        for i, pair in enumerate(pairs)
        if index[pair] != i
    ]
    refuse(table.path, repeated, "keep one line of each")
    rows, places, missing = [], [], []
    columns = zip(metadata.lines, values["speaker"], values["trial"], values["subset"], strict=True)
    for row, (line, speaker, trial, part) in enumerate(columns):
        if part != subset and subset != ALL_SUBSETS:
            continue
        place = index.get((speaker, trial))
        if place is None:
            missing.append((line, f"trial {speaker} {trial} has no ASV score"))
        else:
            rows.append(row)
            places.append(place)
    refuse(metadata.path, missing, f"score them, or give the metadata that belong to {table.path}")
    if not rows:
        raise DataError(f"{key} has no trials of subset {subset!r}: give --subset")
    conditions = {name: [column[row] for row in rows] for name, column in conditions_of(metadata).items()}
    return [values["label"][row] for row in rows], scores[places], conditions
