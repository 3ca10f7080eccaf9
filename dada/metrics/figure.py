"""A measured figure: its mean over training seeds, their spread, and its interval over resamples.

Letters: K training seeds, R resamples.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from dada.errors import DataError
from dada.metrics.bootstrap import Resampler


@dataclass(kw_only=True)
class Figure:
    """A metric over K seeds. `low` and `high` are the ends of the interval of the mean, None without one."""

    mean: float
    spread: float | None = None  # standard deviation over the seeds (n - 1), None for a single seed
    per_seed: list[float] = field(default_factory=list)
    low: float | None = None
    high: float | None = None
    num_resamples: int = 0  # that the interval rests on


def over_seeds(values: Sequence[float]) -> Figure:
    """Mean and spread of a metric over training seeds, without an interval."""
    per_seed = [float(value) for value in values]
    spread = float(np.std(per_seed, ddof=1)) if len(per_seed) > 1 else None
    return Figure(mean=float(np.mean(per_seed)), spread=spread, per_seed=per_seed)


def figure(
    values: Sequence[float], resamples: Sequence[np.ndarray] | None, resampler: Resampler, confidence: float
) -> Figure:
    """Figure of a metric's values (K,) and resamples, K of (R,); without resamples it has no interval.

    Where every resample lacks a class, the metric exists and its interval does not.
    """
    result = over_seeds(values)
    if resamples is not None:
        try:
            interval = resampler.interval(np.mean(resamples, axis=0), confidence)
        except DataError:
            return result
        result.low, result.high = interval.low, interval.high
        result.num_resamples = interval.num_resamples
    return result
