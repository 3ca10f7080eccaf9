"""The detection error trade-off (DET) curve: how many trials of each class every threshold gets wrong.

Pmiss is the share of bona fide trials that are rejected, Pfa the share of spoofs that are accepted.
"""

from dataclasses import dataclass

import numpy as np

from dada.errors import ConfigError
from dada.metrics.check import both_classes

TIES = ("grouped", "official")
BELOW_ALL = 1e-3  # how far the first threshold lies below the smallest score, as in the official routine


@dataclass(frozen=True)
class Det:
    """Points of the curve by rising threshold, P of them; a trial is accepted where its score is above the threshold.

    `misses` (P,) counts rejected bona fide trials, `false_accepts` (P,) accepted spoofs; the first point accepts everything.
    """

    misses: np.ndarray
    false_accepts: np.ndarray
    thresholds: np.ndarray
    num_bonafide: int
    num_spoof: int

    @property
    def p_miss(self) -> np.ndarray:
        """(P,) share of the bona fide trials that are rejected."""
        return self.misses / self.num_bonafide

    @property
    def p_fa(self) -> np.ndarray:
        """(P,) share of the spoofs that are accepted."""
        return self.false_accepts / self.num_spoof


def det(bonafide, spoof, ties: str = "grouped") -> Det:
    """The curve of two classes' scores, sorted once.

    ties="grouped" has one point for each distinct score, since no threshold can part equal scores. ties="official" walks
    through equal scores one by one, bona fide first, as the routine of the ASVspoof challenges does.
    """
    if ties not in TIES:
        raise ConfigError(f"unknown rule for ties {ties!r}; known: {', '.join(TIES)}")
    bonafide, spoof = both_classes(bonafide, spoof)
    merged = np.sort(np.concatenate([bonafide, spoof]))
    bonafide = np.sort(bonafide)
    # The place of a bona fide trial: the start of its tie, plus its rank among the bona fide trials of that tie.
    places = np.searchsorted(merged, bonafide) + np.arange(bonafide.size) - np.searchsorted(bonafide, bonafide)
    is_bonafide = np.zeros(merged.size + 1, dtype=np.int64)
    is_bonafide[places + 1] = 1
    misses = np.cumsum(is_bonafide)
    false_accepts = spoof.size - (np.arange(merged.size + 1) - misses)
    thresholds = np.concatenate([[merged[0] - BELOW_ALL], merged])
    if ties == "grouped":
        ends = np.concatenate([[0], np.flatnonzero(merged[1:] != merged[:-1]) + 1, [merged.size]])
        misses, false_accepts, thresholds = misses[ends], false_accepts[ends], thresholds[ends]
    return Det(misses, false_accepts, thresholds, bonafide.size, spoof.size)
