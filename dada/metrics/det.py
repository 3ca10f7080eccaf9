"""The detection error trade-off (DET) curve: how many trials of each class every threshold gets wrong.

Pmiss is the share of bona fide trials that are rejected, Pfa the share of spoofs that are accepted.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from dada.errors import ConfigError
from dada.metrics.check import both_classes

TIES = ("grouped", "official")
BELOW_ALL = 1e-3  # how far the first threshold lies below the smallest score, as in the official routine


@dataclass(frozen=True)
class Det:
    """Points of the curve by rising threshold, P of them; a trial is accepted where its score is above the
    threshold.

    `misses` (P,) counts rejected bona fide trials, `false_accepts` (P,) accepted spoofs; the first point
    accepts everything.
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

    def cost(self, of_misses: float, of_false_accepts: float) -> np.ndarray:
        """(P,) of_misses Pmiss + of_false_accepts Pfa."""
        cost, second = self.p_miss, self.p_fa
        cost *= of_misses  # in place: of a million trials, fresh memory costs more than arithmetic
        second *= of_false_accepts
        cost += second
        return cost


def det(bonafide: ArrayLike, spoof: ArrayLike, ties: str = "grouped") -> Det:
    """The curve of two classes' scores, sorted once.

    ties="grouped" has one point for each distinct score, since no threshold can part equal scores.
    ties="official" walks through equal scores one by one, bona fide first, as the routine of the ASVspoof
    challenges does.
    """
    if ties not in TIES:
        raise ConfigError(f"unknown rule for ties {ties!r}; known: {', '.join(TIES)}")
    bonafide, spoof = both_classes(bonafide, spoof)
    # In place, behind the first threshold: of a million trials, fresh memory costs more than arithmetic.
    thresholds = np.concatenate([[0.0], bonafide, spoof])
    merged = thresholds[1:]
    merged.sort()
    thresholds[0] = merged[0] - BELOW_ALL
    bonafide = np.sort(bonafide)
    # The place of a bona fide trial: the start of its tie, plus its rank among the bona fide trials of that
    # tie.
    places = (
        np.searchsorted(merged, bonafide) + np.arange(bonafide.size) - np.searchsorted(bonafide, bonafide)
    )
    steps = np.diff(places, prepend=-1, append=merged.size)  # points up to each bona fide trial
    misses = np.repeat(np.arange(bonafide.size + 1, dtype=np.int32), steps)
    false_accepts = np.arange(spoof.size, -bonafide.size - 1, -1, dtype=np.int32)
    false_accepts += misses
    if ties == "grouped" and (tied := merged[1:] == merged[:-1]).any():
        ends = np.concatenate([[0], np.flatnonzero(~tied) + 1, [merged.size]])
        misses, false_accepts, thresholds = misses[ends], false_accepts[ends], thresholds[ends]
    return Det(misses, false_accepts, thresholds, bonafide.size, spoof.size)
