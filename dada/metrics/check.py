"""Checks that all metrics share: unusable numbers, empty classes, inverted polarity, trials that do not match
their key.
"""

import logging
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from dada.errors import DataError

NUM_NAMED = 5  # how many trials a message names before it only counts
SATURATED = 0.005  # share of probabilities at 0 and 1 that is worth a warning
TIED = 0.05  # share of trials with one score that is

log = logging.getLogger(__name__)


def scores_of(values: ArrayLike, what: str, names: Sequence[str] | None = None) -> np.ndarray:
    """One class's scores as float64 (N,). Raise DataError for none at all, and for NaN or infinite ones,
    naming the trials.
    """
    array = np.asarray(values, dtype=np.float64).ravel()
    if array.size == 0:
        raise DataError(f"there are no {what} scores: the metric needs at least one trial of each class")
    bad = np.flatnonzero(~np.isfinite(array))
    if bad.size:
        named = [f"{names[i] if names is not None else f'trial {i}'} ({array[i]})" for i in bad[:NUM_NAMED]]
        raise DataError(
            f"{bad.size} of {array.size} {what} scores are NaN or infinite: {listing(named, bad.size)}: "
            "score these again"
        )
    return array


def both_classes(bonafide: ArrayLike, spoof: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Scores of bona fide and of spoofed trials, checked by `scores_of`."""
    return scores_of(bonafide, "bona fide"), scores_of(spoof, "spoof")


def warn_if_inverted(eer: float, what: str = "these scores") -> bool:
    """Warn where the EER is above 50 %: higher scores must mean more bona fide, so the sign may be wrong."""
    if eer > 0.5:
        log.warning(
            "%s: EER %.2f %% is above 50 %%: spoofs score higher than bona fide speech. If the sign is "
            "inverted, negate the scores; "
            "higher must mean more bona fide.",
            what,
            100 * eer,
        )
    return eer > 0.5


def unique_table(pairs: Iterable[tuple[str, str]], what: str) -> dict[str, str]:
    """(trial, value) pairs as a dict. Raise DataError naming the trials that are there more than once."""
    pairs = list(pairs)
    table = dict(pairs)
    if len(table) < len(pairs):
        twice = sorted(trial for trial, count in Counter(trial for trial, _ in pairs).items() if count > 1)
        raise DataError(
            f"{what}: {len(twice)} trials are there more than once: {listing(twice)}: keep one line of each"
        )
    return table


def join_scores(
    scores: Mapping[str, str | float], key: Iterable[str], scores_name: str, key_name: str
) -> np.ndarray:
    """Scores as float64 (N,) in the order of `key`.

    Raise DataError naming the trials without a score, the scored ones that are not in the key, and scores
    that are not finite numbers.
    """
    key = list(key)
    missing = [trial for trial in key if trial not in scores]
    extra = sorted(set(scores) - set(key))
    problems = []
    if missing:
        problems.append(f"{len(missing)} trials of {key_name} have no score ({listing(missing)})")
    if extra:
        problems.append(f"{len(extra)} scored trials are not in {key_name} ({listing(extra)})")
    if problems:
        raise DataError(f"{scores_name}: {'; '.join(problems)}: score exactly the trials of the key")
    try:
        return scores_of([float(scores[trial]) for trial in key], scores_name, key)
    except ValueError as error:
        raise DataError(f"{scores_name}: {_first_non_number(scores, key)}") from error


def _first_non_number(scores: Mapping[str, str | float], key: Sequence[str]) -> str:
    for trial in key:
        try:
            float(scores[trial])
        except ValueError:
            return f"the score of {trial} is {scores[trial]!r}, not a number"
    return "a score is not a number"


def listing(names: Sequence[str], count: int | None = None) -> str:
    """The first few names, and how many more there are."""
    count = len(names) if count is None else count
    return ", ".join(names[:NUM_NAMED]) + (f", … and {count - NUM_NAMED} more" if count > NUM_NAMED else "")


def warn_of_ties(scores: np.ndarray, what: str) -> str | None:
    """Warn of scores (N,) that are equal where it decides an error rate: all of them, or probabilities
    rounded to 0 and 1.
    """
    ends = int(np.sum((scores == 0) | (scores == 1)))
    if scores.size > 1 and np.all(scores == scores[0]):
        message = (
            f"all {scores.size:,} scores are {scores[0]:g}: no threshold can part them, and the EER is 50 %"
        )
    elif ends >= 2 and ends >= SATURATED * scores.size and is_probability(scores):
        message = (
            f"{ends:,} of {scores.size:,} scores are exactly 0 or 1: probabilities that saturate are ties, "
            "and each rule for ties gives "
            "another EER. Score logits or log-likelihood ratios instead"
        )
    else:
        tied = int(np.unique(scores, return_counts=True)[1].max())
        if tied < 2 or tied < TIED * scores.size:
            return None
        message = f"{tied:,} of {scores.size:,} trials share one score: each rule for ties gives another EER"
    log.warning("%s: %s.", what, message)
    return message


def is_probability(scores: np.ndarray) -> bool:
    """Whether all scores (N,) lie in [0, 1], so that they are no log-likelihood ratios."""
    return bool(scores.min() >= 0 and scores.max() <= 1)
