"""F1 by each of the definitions that this field's papers use; a number is only comparable under the same one.

`f1_at_eer` and `f1_at_half` are of bona fide against spoof, `weighted_f1` and `macro_f1` of several classes;
DEFINITIONS says how.
"""

from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike

from dada.errors import DataError
from dada.metrics.check import scores_of

Rate = TypeVar("Rate", float, np.ndarray)

DEFINITIONS = {
    "f1_at_eer": "bona fide is the positive class, at the EER threshold, from the EER and the counts of "
    "both classes",
    "f1_at_half": "bona fide is the positive class, P(bona fide) at least .5",
    "weighted_f1": "mean over the classes, weighted by their number of references",
    "macro_f1": "unweighted mean over the classes that occur among the references",
}


def f1_at_eer(eer: Rate, num_bonafide: Rate | int, num_spoof: Rate | int) -> Rate:
    """F1 of bona fide where both error rates equal the EER; numbers or arrays.

    >>> round(f1_at_eer(0.129, 19963, 11816), 3)
    0.895
    """
    return f1_of_rates(eer, eer, num_bonafide, num_spoof)


def f1_of_rates(miss: Rate, false_accept: Rate, num_bonafide: Rate | int, num_spoof: Rate | int) -> Rate:
    """F1 of bona fide from the rates of missed bona fide trials and of accepted spoofs; numbers or arrays."""
    hits = (1 - miss) * num_bonafide
    # 2PR/(P+R) with P = hits / (hits + false_accept num_spoof) and R = 1 - miss, without their division by
    # zero where nothing is accepted
    return 2 * hits / (hits + false_accept * num_spoof + num_bonafide)


def f1_at_half(probability: ArrayLike, is_bonafide: ArrayLike) -> float:
    """F1 of bona fide where P(bona fide) (N,) of at least .5 accepts."""
    accepted = scores_of(probability, "probability") >= 0.5
    truth = np.asarray(is_bonafide, dtype=bool).ravel()
    if accepted.size != truth.size:
        raise DataError(f"there are {accepted.size} probabilities for {truth.size} labels")
    return _f1(int(np.sum(accepted & truth)), int(np.sum(accepted)), int(np.sum(truth)))


def weighted_f1(predicted: ArrayLike, reference: ArrayLike) -> float:
    """Mean of the classes' F1, weighted by their number of references."""
    values, sizes = _by_class(predicted, reference)
    return float(np.average(values, weights=sizes))


def macro_f1(predicted: ArrayLike, reference: ArrayLike) -> float:
    """Plain mean of the F1 of the classes that occur among the references; a class that is never predicted
    has 0.
    """
    return float(np.mean(_by_class(predicted, reference)[0]))


def accuracy(predicted: ArrayLike, reference: ArrayLike) -> float:
    """Share of trials whose predicted class is the reference."""
    predicted, reference = _pair(predicted, reference)
    return float(np.mean(predicted == reference))


def _by_class(predicted: ArrayLike, reference: ArrayLike) -> tuple[list[float], list[int]]:
    predicted, reference = _pair(predicted, reference)
    classes = np.unique(reference)
    values = [
        _f1(np.sum((predicted == c) & (reference == c)), np.sum(predicted == c), np.sum(reference == c))
        for c in classes
    ]
    return values, [int(np.sum(reference == c)) for c in classes]


def _f1(num_hits: int, num_predicted: int, num_reference: int) -> float:
    total = num_predicted + num_reference
    return float(2 * num_hits / total) if total else 0.0


def _pair(predicted: ArrayLike, reference: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    predicted, reference = np.asarray(predicted).ravel(), np.asarray(reference).ravel()
    if predicted.size != reference.size or not reference.size:
        raise DataError(
            f"there are {predicted.size} predictions for {reference.size} references: each needs its own, "
            "and at least one"
        )
    return predicted, reference
