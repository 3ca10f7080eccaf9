"""Metrics of spoofing-robust speaker verification: one decision on targets, non-targets and spoofs.

a-DCF: Shim et al., a-DCF: an architecture agnostic metric with application to spoofing-robust speaker
verification, Odyssey 2024. t-EER: Kinnunen et al., t-EER: parameter-free tandem evaluation of countermeasures
and biometric comparators, IEEE TPAMI 46, 2024.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from dada.errors import DataError
from dada.metrics.bootstrap import ResampledScores
from dada.metrics.check import scores_of
from dada.metrics.det import det

NUM_ASV_POINTS = 3000  # thresholds of the ASV that are tried for every resample
NOT_DEFINED = (np.inf, -1, np.nan)  # distance, number of the threshold, t-EER
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


def a_dcf(
    target: ArrayLike, nontarget: ArrayLike, spoof: ArrayLike, costs: SasvCosts = SasvCosts()
) -> tuple[float, float]:
    """Normalised cost of one score over the three kinds of trials at its best threshold, in [0, 1], and that
    threshold.
    """
    target, nontarget, spoof = _three_kinds(target, nontarget, spoof)
    thresholds = np.unique(
        np.concatenate([target, nontarget, spoof])
    )  # a trial is accepted where its score is above
    pass_target, pass_nontarget, pass_spoof = (
        _share_above(kind, thresholds) for kind in (target, nontarget, spoof)
    )
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
    return parts[0] / default, parts[1] / default, parts[2] / default


def t_eer(
    bonafide: ArrayLike,
    spoof: ArrayLike,
    asv_target: ArrayLike,
    asv_nontarget: ArrayLike,
    asv_spoof: ArrayLike,
) -> float:
    """Concurrent tandem EER, a share: both systems must accept, and misses, accepted non-targets and accepted
    spoofs are equally many.

    `bonafide` and `spoof` are scores of the countermeasure. Raise DataError where no threshold of the ASV is
    admissible, that is, where it never rejects a smaller share of targets than it accepts of the others.
    """
    curve = det(bonafide, spoof)
    tandem = _Tandem(_three_kinds(asv_target, asv_nontarget, asv_spoof))
    value = tandem.best(curve.p_miss, curve.p_fa, np.arange(tandem.miss.size))[-1]
    if np.isnan(value):
        raise DataError("the t-EER is not defined here: the countermeasure would have to reject everything")
    return value


def resampled_t_eer(
    trials: ResampledScores, asv_target: ArrayLike, asv_nontarget: ArrayLike, asv_spoof: ArrayLike
) -> np.ndarray:
    """t-EER (R,) of resampled trials of the countermeasure, the ASV staying as it is; NaN where it is not
    defined.

    Of the ASV's thresholds NUM_ASV_POINTS are tried, as in the accelerated version of the official code.
    """
    tandem = _Tandem(_three_kinds(asv_target, asv_nontarget, asv_spoof), NUM_ASV_POINTS)
    return np.concatenate([_of_resamples(tandem, trials, weights) for weights in trials.resampler.chunks()])


def _of_resamples(tandem: "_Tandem", trials: ResampledScores, weights: np.ndarray) -> np.ndarray:
    """t-EER (r,) of some resamples, from multiplicities (r, S): trials are counted one by one only in the
    blocks where it may lie.
    """
    edges = trials.at_edges(weights)
    totals = edges[0][:, -1], edges[1][:, 0]
    wanted: dict[int, list[tuple[int, np.ndarray]]] = {}
    for row in np.flatnonzero((totals[0] > 0) & (totals[1] > 0)).tolist():
        for block, which in tandem.candidates(
            *(edge[row] / total[row] for edge, total in zip(edges, totals, strict=True))
        ):
            wanted.setdefault(block, []).append((row, which))
    best = [NOT_DEFINED] * len(weights)
    for block, items in wanted.items():
        rows = [row for row, _ in items]
        inside = trials.within(weights[rows], block, [edge[rows, block] for edge in edges])
        for (row, which), misses, false_accepts in zip(items, *inside, strict=True):
            best[row] = min(
                best[row], tandem.best(misses / totals[0][row], false_accepts / totals[1][row], which)
            )
    return np.array([value for *_, value in best])


class _Tandem:
    """The admissible thresholds of an ASV, all or `num_points` of them (I), each with its rates.

    At each of them the countermeasure gets the threshold at which tandem misses and false acceptances are
    nearest.
    """

    def __init__(self, kinds: tuple[np.ndarray, np.ndarray, np.ndarray], num_points: int | None = None):
        thresholds = np.unique(np.concatenate(kinds))
        if num_points is not None and thresholds.size > num_points:
            thresholds = thresholds[np.linspace(0, thresholds.size - 1, num_points).round().astype(int)]
        pass_target, fa_nontarget, fa_spoof = (_share_above(kind, thresholds) for kind in kinds)
        miss = 1 - pass_target
        admissible = (miss < (1 - PREVALENCE) * fa_nontarget + PREVALENCE * fa_spoof) & (fa_spoof > 0)
        if not admissible.any():
            raise DataError(
                "the t-EER is not defined for this ASV: it has no threshold with fewer misses than false "
                "acceptances"
            )
        self.miss, self.fa_nontarget, self.fa_spoof = (
            miss[admissible],
            fa_nontarget[admissible],
            fa_spoof[admissible],
        )
        self.ratio = self.fa_nontarget / self.fa_spoof

    def best(self, cm_miss: np.ndarray, cm_fa: np.ndarray, which: np.ndarray) -> tuple[float, int, float]:
        """Of the ASV's thresholds `which` the one nearest to the concurrent point: how far it is, its number,
        and its t-EER.

        `cm_miss` and `cm_fa` (P,) are rates by rising threshold, with the point where the gap crosses zero
        among them.
        """
        after = self._crossing(cm_miss, cm_fa, which)
        before = np.maximum(after - 1, 0)
        nearer = np.abs(self._gap(cm_miss[before], cm_fa[before], which)) <= np.abs(
            self._gap(cm_miss[after], cm_fa[after], which)
        )
        point = np.where(nearer, before, after)
        usable = cm_miss[point] < 1
        if not usable.any():
            return NOT_DEFINED
        point, which = point[usable], which[usable]
        distance = np.abs(self.ratio[which] - cm_fa[point] / (1 - cm_miss[point]))
        first = int(np.argmin(distance))
        return (
            float(distance[first]),
            int(which[first]),
            float(self.fa_spoof[which[first]] * cm_fa[point[first]]),
        )

    def candidates(self, cm_miss: np.ndarray, cm_fa: np.ndarray) -> list[tuple[int, np.ndarray]]:
        """The ASV's thresholds that may be the best, by the block of the curve in which each meets the
        countermeasure.

        From rates (K + 1,) at the edges of blocks. Both fall or rise all along, so that the edges bound the
        distance of every threshold, and one whose least distance is above another's greatest is out.
        """
        after = self._crossing(cm_miss, cm_fa, np.arange(self.miss.size))
        block = (
            after - 1
        )  # none crosses at the first edge, where everything is accepted: the thresholds are admissible
        with np.errstate(divide="ignore", invalid="ignore"):
            low, high = cm_fa[after] / (1 - cm_miss[block]), cm_fa[block] / (1 - cm_miss[after])
        low, high = (
            np.where(cm_miss[edge] < 1, bound, np.inf) for edge, bound in ((block, low), (after, high))
        )
        least = np.maximum(np.maximum(low - self.ratio, self.ratio - high), 0)
        greatest = np.maximum(np.abs(low - self.ratio), np.abs(high - self.ratio))
        kept = np.flatnonzero((cm_miss[block] < 1) & (least <= greatest.min()))
        return [(int(k), kept[block[kept] == k]) for k in np.unique(block[kept])]

    def _gap(self, cm_miss: np.ndarray, cm_fa: np.ndarray, which: np.ndarray) -> np.ndarray:
        """Tandem misses minus false acceptances: rises with the countermeasure's threshold, and with the
        ASV's.
        """
        passed = 1 - cm_miss
        accepted = (1 - PREVALENCE) * passed * self.fa_nontarget[which] + PREVALENCE * cm_fa * self.fa_spoof[
            which
        ]
        return cm_miss + passed * self.miss[which] - accepted

    def _crossing(self, cm_miss: np.ndarray, cm_fa: np.ndarray, which: np.ndarray) -> np.ndarray:
        """For each threshold of the ASV, the first point of the countermeasure whose gap is not below zero:
        bisection of all at once.
        """
        low, high = np.zeros(which.size, dtype=int), np.full(which.size, cm_miss.size - 1)
        while (low < high).any():
            middle = (low + high) // 2
            positive = self._gap(cm_miss[middle], cm_fa[middle], which) >= 0
            low, high = np.where(positive, low, middle + 1), np.where(positive, middle, high)
        return low


def _share_above(scores: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    """Share of `scores` above each threshold."""
    return 1 - np.searchsorted(np.sort(scores), thresholds, "right") / scores.size


def _three_kinds(
    target: ArrayLike, nontarget: ArrayLike, spoof: ArrayLike
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return scores_of(target, "target"), scores_of(nontarget, "non-target"), scores_of(spoof, "spoof")
