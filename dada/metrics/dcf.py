"""Detection costs of a countermeasure alone, as ASVspoof 5 has them (Wang et al., ASVspoof 5 evaluation plan,
2024).

DCF(t) = Cmiss (1 - Pspoof) Pmiss(t) + Cfa Pspoof Pfa(t), divided by the cost of the better of accepting and
rejecting everything.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from dada.metrics.check import both_classes
from dada.metrics.det import Det, det


@dataclass(frozen=True)
class Costs:
    """Cost of a rejected bona fide trial, of an accepted spoof, and the share of spoofs among the trials."""

    miss: float = 1.0
    fa: float = 10.0
    p_spoof: float = 0.05

    @property
    def of_misses(self) -> float:
        """Factor of Pmiss in the normalised cost."""
        return self.miss * (1 - self.p_spoof) / self._default

    @property
    def of_false_accepts(self) -> float:
        """Factor of Pfa in the normalised cost."""
        return self.fa * self.p_spoof / self._default

    @property
    def threshold(self) -> float:
        """Of natural-log likelihood ratios: where the expected costs of accepting and rejecting are equal."""
        return float(-np.log(self.miss * (1 - self.p_spoof) / (self.fa * self.p_spoof)))

    @property
    def _default(self) -> float:
        return min(self.miss * (1 - self.p_spoof), self.fa * self.p_spoof)


def min_dcf(bonafide: ArrayLike, spoof: ArrayLike, costs: Costs = Costs()) -> tuple[float, float]:
    """Normalised detection cost at the best threshold, in [0, 1], and that threshold."""
    return min_dcf_of(det(bonafide, spoof), costs)


def min_dcf_of(curve: Det, costs: Costs = Costs()) -> tuple[float, float]:
    """As `min_dcf`, of a curve that is there already."""
    cost = curve.cost(costs.of_misses, costs.of_false_accepts)
    point = int(np.argmin(cost))
    return float(cost[point]), float(curve.thresholds[point])


def act_dcf(bonafide: ArrayLike, spoof: ArrayLike, costs: Costs = Costs()) -> float:
    """Normalised detection cost at the threshold of the costs, the scores taken as natural-log likelihood
    ratios.
    """
    bonafide, spoof = both_classes(bonafide, spoof)
    p_miss = np.mean(bonafide < costs.threshold)
    p_fa = np.mean(spoof >= costs.threshold)
    return float(costs.of_misses * p_miss + costs.of_false_accepts * p_fa)
