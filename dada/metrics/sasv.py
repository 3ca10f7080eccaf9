"""Metrics of spoofing-robust speaker verification: one decision on targets, non-targets and spoofs.

a-DCF: Shim et al., a-DCF: an architecture agnostic metric with application to spoofing-robust speaker verification, Odyssey 2024.
t-EER: Kinnunen et al., t-EER: parameter-free tandem evaluation of countermeasures and biometric comparators, IEEE TPAMI 46, 2024.
"""

from dataclasses import dataclass

import numpy as np

from dada.errors import DataError
from dada.metrics.bootstrap import Trials
from dada.metrics.check import scores_of
from dada.metrics.det import det

NUM_ASV_POINTS = 3000  # thresholds of the ASV that are tried for every resample
PREVALENCE = 0.5  # of spoofs among the trials to reject; at the concurrent point it does not matter


@dataclass(frozen=True)
class SasvCosts:
    """Priors of a trial's kind and costs of its wrong decision; the defaults are those of ASVspoof 5."""

    p_target: float = 0.95 * 0.99
    p_nontarget: float = 0.95 * 0.01
    p_spoof: float = 0.05
    miss: float = 1.0
    fa: float = 10.0  # of a non-target
    fa_spoof: float = 10.0


def a_dcf(target, nontarget, spoof, costs: SasvCosts = SasvCosts()) -> tuple[float, float]:
    """Normalised cost of one score over the three kinds of trials at its best threshold, in [0, 1], and that threshold."""
    target, nontarget, spoof = _three_kinds(target, nontarget, spoof)
    thresholds = np.unique(np.concatenate([target, nontarget, spoof]))  # a trial is accepted where its score is above
    pass_target, pass_nontarget, pass_spoof = (_share_above(kind, thresholds) for kind in (target, nontarget, spoof))
    of_miss, of_nontarget, of_spoof = a_dcf_factors(costs)
    cost = of_miss * (1 - pass_target) + of_nontarget * pass_nontarget + of_spoof * pass_spoof
    best = int(np.argmin(cost))
    if of_nontarget + of_spoof < cost[best]:
        return of_nontarget + of_spoof, float(thresholds[0] - 1e-3)
    return float(cost[best]), float(thresholds[best])


def a_dcf_factors(costs: SasvCosts = SasvCosts()) -> tuple[float, float, float]:
    """Factors of Pmiss, Pfa of non-targets and Pfa of spoofs in the normalised cost."""
    parts = costs.miss * costs.p_target, costs.fa * costs.p_nontarget, costs.fa_spoof * costs.p_spoof
    default = min(parts[1] + parts[2], parts[0])
    return tuple(part / default for part in parts)


def t_eer(bonafide, spoof, asv_target, asv_nontarget, asv_spoof) -> float:
    """Concurrent tandem EER, a share: both systems must accept, and misses, accepted non-targets and accepted spoofs are equally many.

    `bonafide` and `spoof` are scores of the countermeasure. Raises DataError where no threshold of the ASV is admissible, that is,
    where it never rejects a smaller share of targets than it accepts of the others.
    """
    curve = det(bonafide, spoof)
    value = _Tandem(_three_kinds(asv_target, asv_nontarget, asv_spoof)).eer(curve.p_miss, curve.p_fa)
    if value is None:
        raise DataError("the t-EER is not defined here: the countermeasure would have to reject everything")
    return value


def resampled_t_eer(trials: Trials, asv_target, asv_nontarget, asv_spoof) -> np.ndarray:
    """t-EER (R,) of resampled trials of the countermeasure, the ASV staying as it is; NaN where it is not defined.

    Of the ASV's thresholds NUM_ASV_POINTS are tried, as in the accelerated version of the official code.
    """
    tandem = _Tandem(_three_kinds(asv_target, asv_nontarget, asv_spoof), NUM_ASV_POINTS)
    values = [tandem.eer(p_miss, p_fa) if np.isfinite(p_fa[0]) else None for p_miss, p_fa in trials.curves()]
    return np.array([np.nan if value is None else value for value in values])


class _Tandem:
    """The admissible thresholds of an ASV, all or `num_points` of them, each with its rates."""

    def __init__(self, kinds: tuple[np.ndarray, np.ndarray, np.ndarray], num_points: int | None = None):
        thresholds = np.unique(np.concatenate(kinds))
        if num_points is not None and thresholds.size > num_points:
            thresholds = thresholds[np.linspace(0, thresholds.size - 1, num_points).round().astype(int)]
        pass_target, fa_nontarget, fa_spoof = (_share_above(kind, thresholds) for kind in kinds)
        miss = 1 - pass_target
        admissible = (miss < (1 - PREVALENCE) * fa_nontarget + PREVALENCE * fa_spoof) & (fa_spoof > 0)
        if not admissible.any():
            raise DataError("the t-EER is not defined for this ASV: it has no threshold with fewer misses than false acceptances")
        self.miss, self.fa_nontarget, self.fa_spoof = miss[admissible], fa_nontarget[admissible], fa_spoof[admissible]

    def eer(self, cm_miss: np.ndarray, cm_fa: np.ndarray) -> float | None:
        """With a countermeasure of these rates (P,) by rising threshold; None where it would have to reject everything."""

        def gap(j: np.ndarray) -> np.ndarray:
            """Tandem misses minus false acceptances at point j of the countermeasure: rises with j."""
            passed = 1 - cm_miss[j]
            accepted = (1 - PREVALENCE) * passed * self.fa_nontarget + PREVALENCE * cm_fa[j] * self.fa_spoof
            return cm_miss[j] + passed * self.miss - accepted

        num = self.miss.size
        j = _nearest_to_zero(gap, np.zeros(num, dtype=int), np.full(num, cm_miss.size - 1))
        usable = cm_miss[j] < 1
        if not usable.any():
            return None
        difference = np.full(num, np.inf)
        ratios = self.fa_nontarget[usable] / self.fa_spoof[usable]
        difference[usable] = np.abs(ratios - cm_fa[j[usable]] / (1 - cm_miss[j[usable]]))
        best = int(np.argmin(difference))
        return float(self.fa_spoof[best] * cm_fa[j[best]])


def _nearest_to_zero(gap, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """For each row, the first integer in [low, high] at which the rising `gap` is nearest to zero: bisection of all rows at once."""
    first = low
    while (low < high).any():
        middle = (low + high) // 2
        positive = gap(middle) >= 0
        low, high = np.where(positive, low, middle + 1), np.where(positive, middle, high)
    before = np.maximum(low - 1, first)
    return np.where(np.abs(gap(before)) <= np.abs(gap(low)), before, low)


def _share_above(scores: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    """Share of `scores` above each threshold."""
    return 1 - np.searchsorted(np.sort(scores), thresholds, "right") / scores.size


def _three_kinds(target, nontarget, spoof) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return scores_of(target, "target"), scores_of(nontarget, "non-target"), scores_of(spoof, "spoof")
