"""Intervals over resampled clusters of one set of trials: of an EER, a mean, and a paired difference."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from dada.metrics.bootstrap import Interval, ResampledScores, Resampler
from dada.metrics.named import NO_CLUSTER


def bootstrap_eer(
    bonafide: ArrayLike,
    spoof: ArrayLike,
    bonafide_clusters: Sequence[str],
    spoof_clusters: Sequence[str],
    num_resamples: int = 1000,
    seed: int = 0,
    confidence: float = 0.95,
) -> Interval:
    """Interval of the EER over resampled clusters (speakers)."""
    resampler = Resampler(bonafide_clusters, spoof_clusters, num_resamples=num_resamples, seed=seed)
    return resampler.interval(resampler.over(bonafide, spoof).eer(), confidence)


def bootstrap_mean(
    values: ArrayLike,
    clusters: Sequence[str],
    num_resamples: int = 1000,
    seed: int = 0,
    confidence: float = 0.95,
) -> Interval | None:
    """Interval of the mean of values (N,) over resampled clusters; None with fewer than two of them. NaN are
    left out.
    """
    values = np.asarray(values, dtype=np.float64)
    known = np.isfinite(values)
    named = [name for name, good in zip(clusters, known, strict=True) if good]
    if len(set(named)) < 2 and named.count(NO_CLUSTER) < 2:
        return None
    resampler = Resampler(named, num_resamples=num_resamples, seed=seed)
    totals, counts = (
        np.bincount(resampler.bonafide, weights, resampler.num_clusters) for weights in (values[known], None)
    )
    means = np.concatenate([(weights @ totals) / (weights @ counts) for weights in resampler.chunks()])
    return resampler.interval(means, confidence)


def bootstrap_difference(
    resampler: Resampler,
    first: Sequence[ArrayLike],
    second: Sequence[ArrayLike],
    metric: Callable[[ResampledScores], np.ndarray] = ResampledScores.eer,
    confidence: float = 0.95,
) -> Interval:
    """Interval of metric(first) - metric(second) on the same resamples; each is a (bonafide, spoof) pair on
    the same trials.

    Zero outside the interval says that the systems differ beyond what the choice of speakers explains.
    """
    return resampler.interval(metric(resampler.over(*first)) - metric(resampler.over(*second)), confidence)
