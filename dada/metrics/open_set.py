"""Recognition of classes of which some were never trained: the reject rule, and how well unknown trials stand
out. K classes.
"""

import numpy as np
from numpy.typing import ArrayLike

from dada.errors import DataError
from dada.metrics.auc import auc
from dada.metrics.check import scores_of


def reject(predicted: ArrayLike, confidence: ArrayLike, threshold: float, unknown: str | int) -> np.ndarray:
    """Predicted classes (N,), with `unknown` in place of those whose confidence (N,) is below the threshold.

    The open-set F1 of ADD 2023 track 3 is `macro_f1(reject(...), reference)`, the unknown class being one of
    the references.
    """
    predicted, confidence = np.asarray(predicted).ravel(), scores_of(confidence, "confidence")
    if predicted.size != confidence.size:
        raise DataError(f"there are {confidence.size} confidences for {predicted.size} predictions")
    return np.where(confidence < threshold, unknown, predicted)


def unknown_auroc(confidence: ArrayLike, is_unknown: ArrayLike) -> float:
    """The chance that a trial of a known class is given a higher confidence (N,) than an unknown one; .5 is
    chance.
    """
    confidence, is_unknown = scores_of(confidence, "confidence"), np.asarray(is_unknown, dtype=bool).ravel()
    if confidence.size != is_unknown.size:
        raise DataError(f"there are {confidence.size} confidences for {is_unknown.size} labels")
    if is_unknown.all() or not is_unknown.any():
        raise DataError("the unknown AUROC needs trials of known and of unknown classes")
    return auc(confidence[~is_unknown], confidence[is_unknown])
