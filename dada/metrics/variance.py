"""The variance of a figure that is a mean over training seeds, from seeds and clusters (speakers, attacks).

Letters: K training seeds, S clusters, R rows: bootstrap resamples, or samples without one cluster each.

Seeds and clusters are crossed: every seed is measured on the same clusters. Their variances add up, less what
both of them hold of the interaction: two-way clustering (Cameron, Gelbach and Miller, Robust inference with
multiway clustering, Journal of Business and Economic Statistics 29, 2011). The variance over clusters is that
of the delete-one-cluster jackknife (Miller, The jackknife: a review, Biometrika 61, 1974), or where clusters
are many that of the bootstrap. Degrees of freedom are Satterthwaite's (Biometrics Bulletin 2, 1946).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dada.metrics.bootstrap import Resampler


@dataclass(frozen=True)
class Variance:
    """Variance of a mean, and its degrees of freedom."""

    value: float
    degrees: float

    @property
    def error(self) -> float:
        """The standard error."""
        return float(np.sqrt(self.value))


def variance_of(values: Sequence[float], rows: np.ndarray, resampler: Resampler) -> Variance:
    """Variance of the mean of `values` (K,), from the same figure of every seed and row, (K, R)."""
    of_seed, num_seeds = np.asarray(values, dtype=np.float64), len(values)
    mean_row = rows.mean(axis=0)
    parts = _over_clusters(mean_row, resampler)
    if num_seeds > 1:
        deviations = (rows - of_seed[:, None]) - (mean_row - of_seed.mean())
        shared = sum(part.value for row in deviations for part in _over_clusters(row, resampler))
        of_seeds = of_seed.var(ddof=1) / num_seeds - shared / (num_seeds - 1) / num_seeds
        parts.append(Variance(max(0.0, float(of_seeds)), num_seeds - 1))
    total = sum(part.value for part in parts)
    squares = sum(part.value**2 / part.degrees for part in parts if part.value > 0)
    return Variance(total, total**2 / squares if squares else 1.0)


def bias_of(values: Sequence[float], rows: np.ndarray, resampler: Resampler) -> float:
    """Jackknife estimate of the bias of the mean of `values` (K,), 0 where no rows leave clusters out."""
    if not resampler.leaves_out:
        return 0.0
    sizes = [members.size for members in resampler.strata]
    strata = np.split(rows.mean(axis=0), np.cumsum(sizes)[:-1])
    parts = zip(sizes, strata, strict=True)
    return float(sum((size - 1) * (part.mean() - np.mean(values)) for size, part in parts))


def _over_clusters(row: np.ndarray, resampler: Resampler) -> list[Variance]:
    """Variance of a figure over the clusters that are drawn together, from its rows (R,)."""
    sizes = [members.size for members in resampler.strata]
    if not resampler.leaves_out:
        smallest = min(sizes)
        return [Variance(float(row.var(ddof=1)) * smallest / (smallest - 1), smallest - 1)]
    parts, ends = [], np.cumsum(sizes)
    for size, part in zip(sizes, np.split(row, ends[:-1]), strict=True):
        squares = float(np.sum((part - part.mean()) ** 2))
        parts.append(Variance((size - 1) / size * squares, size - 1))
    return parts
