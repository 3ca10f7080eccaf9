"""Scores of the speaker verification (ASV) that a tandem metric assumes.

ASVspoof 2019 gives `bonafide|ATTACK target|nontarget|spoof score`. ASVspoof 2021 gives `speaker utterance
score`; the kinds of its trials stand in the metadata of its ASV, for logical and for physical access. It also
gives the constants that follow from them.
"""

from pathlib import Path

import numpy as np

from dada.errors import ConfigError, DataError
from dada.evaluation_settings import FIXED_RATES
from dada.formats.asvspoof import ASVSPOOF2021_LA, ASVSPOOF2021_PA
from dada.formats.c012 import SUFFIXES, read_c012
from dada.formats.columns import Columns, Layout, read_columns, refuse_lines, repeats
from dada.formats.key import ALL_SUBSETS, DEFAULT_SUBSET, conditions_of
from dada.formats.words import ASV_KINDS
from dada.metrics.tdcf import ASVSPOOF5_RATES, Asv

LAYOUTS = (
    Layout("ASVspoof 2019 ASV scores", ("attack", "kind", "score")),
    Layout("ASVspoof 2021 ASV scores", ("speaker", "trial", "score")),
)
KEY_LAYOUTS = (
    Layout("ASVspoof 2021 LA ASV metadata", ASVSPOOF2021_LA.columns),
    Layout("ASVspoof 2021 PA ASV metadata", ASVSPOOF2021_PA.columns),
)


def read_asv(name: str, key: Path | None = None, subset: str | None = None) -> Asv:
    """Return the ASV of a score file, of the C012 constants of ASVspoof 2021, or, for the name `asvspoof5`,
    of the rates that ASVspoof 5 gives.

    Raise DataError for files that do not fit together, and ConfigError if the metadata `key` are needed.
    """
    if name == FIXED_RATES:
        return Asv("rates given by ASVspoof 5", ASVSPOOF5_RATES)
    if Path(name).suffix in SUFFIXES:
        return Asv(f"constants of {name}", None, c012=read_c012(Path(name)))
    is_kind = ASV_KINDS.__contains__
    table = read_columns(Path(name), LAYOUTS, {"kind": is_kind}, "score file of an ASV")
    if "score" not in table.values:
        raise DataError(f"{name} is not an ASV score file ({table.layout})")
    scores = table.floats("score")
    if "kind" in table.values:
        table.refuse("kind", is_kind, "write target, nontarget or spoof")
        kinds = table.values["kind"]
        conditions = {name: column for name, column in conditions_of(table).items() if name != "kind"}
    elif "trial" in table.values and "speaker" in table.values:
        if key is None:
            problem = f"{name} does not tell which trials are targets ({table.layout})"
            raise ConfigError(f"{problem}: give its trial metadata by --asv_key")
        kinds, scores, conditions = _joined(table, scores, key, subset)
    else:
        raise DataError(f"{name} is not an ASV score file ({table.layout})")
    of_kind = [np.array(kinds) == kind for kind in ASV_KINDS]
    values = {condition: np.array(column) for condition, column in conditions.items()}
    return Asv.of(
        f"{table.path} ({table.layout})",
        tuple(scores[chosen] for chosen in of_kind),
        {condition: tuple(column[chosen] for chosen in of_kind) for condition, column in values.items()},
    )


def _joined(
    table: Columns, scores: np.ndarray, key: Path, subset: str | None
) -> tuple[list[str], np.ndarray, dict[str, list[str]]]:
    """Return kinds (N,), scores (N,) and conditions of the key's trials of one subset.

    A score without a trial in the key is ignored, as the official package does.
    """
    metadata = read_columns(Path(key), KEY_LAYOUTS, {"label": ASV_KINDS.__contains__}, "key of an ASV")
    values, subset = metadata.values, subset or DEFAULT_SUBSET
    lacking = [name for name in ("speaker", "trial", "label", "subset") if name not in values]
    if lacking:
        raise DataError(f"{key} has no column {', '.join(lacking)} ({metadata.layout}): give ASV metadata")
    trials = [" ".join(pair) for pair in zip(table.values["speaker"], table.values["trial"], strict=True)]
    repeated = [
        (table.lines[i], f"trial {trials[i]} is in line {table.lines[j]}") for i, j in repeats(trials)
    ]
    refuse_lines(table.path, repeated, "keep one line of each")
    index = {trial: i for i, trial in enumerate(trials)}
    wanted = [" ".join(pair) for pair in zip(values["speaker"], values["trial"], strict=True)]
    rows = [i for i, part in enumerate(values["subset"]) if subset in (ALL_SUBSETS, part)]
    missing = [
        (metadata.lines[i], f"trial {wanted[i]} has no ASV score") for i in rows if wanted[i] not in index
    ]
    refuse_lines(metadata.path, missing, f"score them, or give the metadata that belong to {table.path}")
    if not rows:
        raise DataError(f"{key} has no trials of subset {subset!r}: give --subset")
    places = np.array([index[wanted[i]] for i in rows])
    conditions = {name: [column[i] for i in rows] for name, column in conditions_of(metadata).items()}
    return [values["label"][i] for i in rows], scores[places], conditions
