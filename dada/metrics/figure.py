"""A measured figure: its mean over training seeds, their spread, and its confidence interval.

Letters: K training seeds, R rows of a resampler.

The interval is that of Student's t with the variance of dada.metrics.variance, over both seeds and clusters,
so that few clusters and few seeds make it wide. A rate is transformed to its logit and a cost to its
logarithm first: the interval then lies within the range of the metric, and leans away from its ends
as the sampling distribution does. Differences are not transformed.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from dada.metrics.bootstrap import Resampler
from dada.metrics.variance import Variance, bias_of, variance_of

LEAST = 1e-12  # standard errors below are roundings of nothing


@dataclass(kw_only=True)
class Figure:
    """A metric over K seeds. `low` and `high` are the ends of the interval of the mean, None without one."""

    mean: float
    spread: float | None = None  # standard deviation over the seeds (n - 1), None for a single seed
    per_seed: list[float] = field(default_factory=list)
    low: float | None = None
    high: float | None = None
    num_resamples: int = 0  # that the interval rests on: with few clusters each leaves out one
    no_interval: str | None = None  # why there is none, where one was asked for
    p_value: float | None = None  # of a difference: that it is 0, by the test that belongs to the interval


def over_seeds(values: Sequence[float]) -> Figure:
    """Mean and spread of a metric over training seeds, without an interval."""
    per_seed = [float(value) for value in values]
    spread = float(np.std(per_seed, ddof=1)) if len(per_seed) > 1 else None
    return Figure(mean=float(np.mean(per_seed)), spread=spread, per_seed=per_seed)


def figure(
    values: Sequence[float],
    resamples: Sequence[np.ndarray] | None,
    resampler: Resampler,
    confidence: float,
    upper: float | None,
    optimistic: bool = False,
) -> Figure:
    """Figure of a metric's values (K,) and rows, K of (R,); without rows it has no interval.

    `upper` is the largest value of the metric, whose least is 0: 1 of a rate, infinity of a cost. None means
    a difference, which gets a p-value as well. The interval of an `optimistic` metric, the least of many
    costs, lies about the mean less its bias.
    """
    result = over_seeds(values)
    if resamples is None:
        return result
    rows = np.stack(resamples)
    whole = np.isfinite(rows).all(axis=0)
    result.no_interval = _problem(resampler, whole)
    if result.no_interval:
        return result
    variance = variance_of(result.per_seed, rows[:, whole], resampler)
    if variance.error < LEAST:
        result.no_interval = "it does not vary over the clusters"
        return result
    centre = result.mean
    if optimistic and upper is not None:
        bias = bias_of(result.per_seed, rows, resampler)
        centre = float(np.clip(centre - bias, centre / 2, (min(upper, 2 * centre) + centre) / 2))
    result.low, result.high = interval(centre, variance, confidence, upper)
    result.num_resamples = int(whole.sum())
    if upper is None:
        result.p_value = p_value(result.mean, variance)
    return result


def interval(mean: float, variance: Variance, confidence: float, upper: float | None) -> tuple[float, float]:
    """Ends of the interval of a mean; `upper` as of `figure`."""
    from scipy.special import stdtrit  # slow to import

    half = float(stdtrit(variance.degrees, (1 + confidence) / 2)) * variance.error
    if upper is None:
        return mean - half, mean + half
    if not 0 < mean < upper:  # at an end of its range, where a logit is infinite
        return max(0.0, mean - half), min(upper, mean + half)
    if math.isinf(upper):
        return mean * math.exp(-half / mean), mean * math.exp(half / mean)
    odds, half = mean / (upper - mean), half * upper / (mean * (upper - mean))
    low, high = odds * math.exp(-half), odds * math.exp(min(half, 700))
    return upper * low / (1 + low), upper * (1 - 1 / (1 + high))


def p_value(mean: float, variance: Variance) -> float:
    """Two-sided p-value that a mean is 0: below 1 - confidence exactly where its interval leaves out 0."""
    from scipy.special import stdtr  # slow to import

    return float(2 * stdtr(variance.degrees, -abs(mean) / variance.error))


def _problem(resampler: Resampler, whole: np.ndarray) -> str | None:
    """Why there is no interval, from the rows (R,) that have a figure of every seed."""
    if min(members.size for members in resampler.strata) < 2:
        return "all trials, or those of one class, are of one cluster"
    if whole.all() or (not resampler.leaves_out and whole.sum() > 1):
        return None
    return "without one of the clusters a class has no trials"
