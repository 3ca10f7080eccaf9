"""The equal error rate (EER): the shares of rejected bona fide trials and of accepted spoofs are equal."""

from bisect import bisect_left
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from dada.errors import DataError
from dada.metrics.check import both_classes, scores_of, warn_if_inverted
from dada.metrics.det import BELOW_ALL, Det, det

Counts = Any  # a number or an array (R,), one for each resample
ADD2023_ROUNDS = (0.4, 0.6)  # weights of the two test rounds of ADD 2023 track 1.2


def eer(bonafide: ArrayLike, spoof: ArrayLike, ties: str = "grouped") -> tuple[float, float]:
    """EER as a share in [0, 1] and its threshold; a higher score means more bona fide. Warns where the sign
    looks inverted.

    Without ties both rules are the routine of the ASVspoof 2019, 2021 and 5 packages: the mean of the two
    rates at the first point where they are nearest. They differ where equal scores meet at the crossing: see
    `eer_of`.

    >>> eer([0, 1, 1, 2], [1, 1, 0, -1])[0], eer([0, 1, 1, 2], [1, 1, 0, -1], ties="official")[0]
    (0.375, 0.5)
    """
    value, threshold = (
        _grouped(bonafide, spoof) if ties == "grouped" else eer_of(det(bonafide, spoof, ties), ties)
    )
    warn_if_inverted(value)
    return value, threshold


def _grouped(bonafide: ArrayLike, spoof: ArrayLike) -> tuple[float, float]:
    """`eer_of` with ties grouped, of two classes' scores: a search among the sorted scores, in the place of
    the whole curve.
    """
    bonafide, spoof = both_classes(bonafide, spoof)
    merged = np.sort(np.concatenate([bonafide, spoof]))
    own = np.sort(bonafide)

    def point(place: int) -> tuple[int, int, int]:
        """The end of the tie of the trial at `place`, counted from 1, with misses and false accepts there."""
        if place == 0:
            return 0, 0, spoof.size
        score = merged[place - 1]
        end, misses = (int(np.searchsorted(scores, score, "right")) for scores in (merged, own))
        return end, misses, spoof.size - (end - misses)

    def crossed(place: int) -> bool:
        _, misses, false_accepts = point(place)
        return false_accepts / spoof.size <= misses / bonafide.size

    after, miss1, fa1 = point(bisect_left(range(merged.size + 1), True, key=crossed))
    before, miss0, fa0 = point(int(np.searchsorted(merged, merged[after - 1])))
    value, upper = crossing(miss0, fa0, miss1, fa1, bonafide.size, spoof.size)
    end = after if upper else before
    return float(value), float(merged[end - 1] if end else merged[0] - BELOW_ALL)


def eer_of(curve: Det, ties: str = "grouped") -> tuple[float, float]:
    """EER and threshold of a curve made with the same rule for ties.

    official: the mean of both rates at the first point where they are nearest. grouped: the same where a
    single trial lies at the crossing; where several trials share that score, the point at which the straight
    line across the tie has equal rates, and the threshold is the tied score.
    """
    if ties == "official":
        p_miss, p_fa = curve.p_miss, curve.p_fa
        point = int(np.argmin(np.abs(p_miss - p_fa)))
        return float((p_miss[point] + p_fa[point]) / 2), float(curve.thresholds[point])
    misses, false_accepts, num_bonafide, num_spoof = (
        curve.misses,
        curve.false_accepts,
        curve.num_bonafide,
        curve.num_spoof,
    )

    def crossed(point: int) -> bool:
        return bool(false_accepts[point] / num_spoof <= misses[point] / num_bonafide)

    after = bisect_left(
        range(misses.size), True, key=crossed
    )  # false at the first point, (0, 1), and true at the last, (1, 0)
    before = after - 1
    value, upper = crossing(
        misses[before], false_accepts[before], misses[after], false_accepts[after], num_bonafide, num_spoof
    )
    return float(value), float(curve.thresholds[after if upper else before])


def eer_interpolated(bonafide: ArrayLike, spoof: ArrayLike) -> tuple[float, float]:
    """EER in [0, 1] and threshold by the rule of the Speech Anti-Spoofing Arena (speech-spoof-bench 0.4.1).

    Thresholds are the distinct scores. Between the first two neighbours at which the sign of Pfa - Pmiss
    changes, both rates and the threshold are interpolated linearly; where it never does, the threshold with
    the smallest difference counts, and the mean of both rates.

    >>> eer_interpolated([0.9, 0.6, 0.4, 1.2], [0.1, 0.5, 0.7, 0.2, -0.3])
    (0.25, 0.575)
    """
    bonafide, spoof = map(np.sort, both_classes(bonafide, spoof))
    thresholds = np.unique(np.concatenate([bonafide, spoof]))
    p_fa = 1 - np.searchsorted(spoof, thresholds) / spoof.size
    p_miss = np.searchsorted(bonafide, thresholds) / bonafide.size
    gap = p_fa - p_miss
    changes = np.flatnonzero(np.diff(np.sign(gap)))
    if not changes.size:
        nearest = int(np.argmin(np.abs(gap)))
        return float((p_fa[nearest] + p_miss[nearest]) / 2), float(thresholds[nearest])
    pair = slice(changes[0], changes[0] + 2)
    first, second = gap[pair]
    share = first / (first - second)
    low, high = ((1 - share), share) @ np.stack([p_fa[pair], p_miss[pair]], axis=1)
    return float((low + high) / 2), float(((1 - share), share) @ thresholds[pair])


def weighted_eer(eers: Sequence[float], weights: Sequence[float] = ADD2023_ROUNDS) -> float:
    """Mean of the EERs of several test sets by weight: the WEER of ADD 2023 track 1.2 over its two rounds.

    >>> round(100 * weighted_eer([0.2344, 0.2126]), 2)
    22.13
    """
    values, shares = scores_of(eers, "EER"), scores_of(weights, "weight")
    if values.size != shares.size or shares.min() < 0 or shares.sum() == 0:
        raise DataError(f"{values.size} EERs need as many weights, none below 0; got {shares.tolist()}")
    return float(values @ shares / shares.sum())


def crossing(
    miss0: Counts, fa0: Counts, miss1: Counts, fa1: Counts, num_bonafide: Counts, num_spoof: Counts
) -> tuple[np.ndarray, np.ndarray]:
    """EER between the point before (0) and after (1) the score where Pfa falls to Pmiss, from counts; also
    whether it lies after.

    Takes numbers or arrays: the bootstrap calls it for all resamples at once.
    """
    p_miss0, p_miss1 = miss0 / num_bonafide, miss1 / num_bonafide
    p_fa0, p_fa1 = fa0 / num_spoof, fa1 / num_spoof
    gap0, gap1 = p_fa0 - p_miss0, p_fa1 - p_miss1
    single = (miss1 - miss0) + (fa0 - fa1) == 1
    upper = np.abs(gap1) < np.abs(gap0)
    nearest = np.where(upper, p_miss1 + p_fa1, p_miss0 + p_fa0) / 2
    on_line = p_miss0 + gap0 / (gap0 - gap1) * (p_miss1 - p_miss0)
    return np.where(single, nearest, on_line), np.where(single, upper, True)


def crossing_official(
    miss0: Counts, fa0: Counts, miss1: Counts, fa1: Counts, num_bonafide: Counts, num_spoof: Counts
) -> np.ndarray:
    """As the value of `crossing`, by the challenges' routine: it walks through the score trial by trial, bona
    fide first.

    Arrays of counts. The gap of the two rates shrinks with every trial, so the nearest point is the one where
    it reaches 0 or the one before, of equally near ones the former.
    """
    gap = (
        fa0 * num_bonafide - miss0 * num_spoof
    )  # of the rates, times both numbers: whole numbers, and so exact
    num_bona = miss1 - miss0
    steps_bona = np.ceil(gap / num_spoof)
    in_bona = steps_bona <= num_bona
    gap_after = gap - num_bona * num_spoof
    steps_spoof = np.ceil(gap_after / num_bonafide)
    miss = np.where(in_bona, miss0 + steps_bona, miss1)
    fa = np.where(in_bona, fa0, fa0 - steps_spoof)
    step = np.where(in_bona, num_spoof, num_bonafide)
    left = fa * num_bonafide - miss * num_spoof  # 0 or below
    back = -left >= left + step
    miss_before, fa_before = np.where(in_bona, miss - 1, miss), np.where(in_bona, fa, fa + 1)
    miss, fa = np.where(back, miss_before, miss), np.where(back, fa_before, fa)
    return (miss / num_bonafide + fa / num_spoof) / 2
