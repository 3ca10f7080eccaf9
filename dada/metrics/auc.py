"""The area under the receiver operating characteristic."""

import numpy as np
from numpy.typing import ArrayLike

from dada.metrics.check import both_classes


def auc(bonafide: ArrayLike, spoof: ArrayLike) -> float:
    """The chance that a bona fide trial scores above a spoof, equal scores counting half."""
    bonafide, spoof = both_classes(bonafide, spoof)
    return float(np.sum(num_below(bonafide, np.sort(spoof))) / (bonafide.size * spoof.size))


def num_below(scores: np.ndarray, ordered: np.ndarray) -> np.ndarray:
    """For each of `scores` (N,), how many of `ordered` lie below it, those equal to it counting half."""
    return (np.searchsorted(ordered, scores, "left") + np.searchsorted(ordered, scores, "right")) / 2
