"""Multinomial logistic regression of authors, for models without gradient. N texts, V terms, K authors."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

ABSENT_BIAS = -30.0  # of an author without training texts: next to impossible


class Fit(NamedTuple):
    """`weight` (K, V), `bias` (K,), the iterations it took, and the share of training texts it gets right."""

    weight: Tensor
    bias: Tensor
    iterations: int
    accuracy: float


def fit_logistic(
    x: Any, labels: Sequence[int], num_classes: int, inverse_penalty: float, balanced: bool, most: int
) -> Fit:
    """Fit vectors `x` (N, V), dense or sparse, to `labels` of two authors or more, in `most` iterations.

    An author without texts has weights of 0, and `ABSENT_BIAS`.
    """
    from sklearn.linear_model import LogisticRegression

    weighting = "balanced" if balanced else None
    fit = LogisticRegression(C=inverse_penalty, class_weight=weighting, max_iter=most).fit(x, labels)
    coefficients, intercepts = fit.coef_, fit.intercept_
    if len(fit.classes_) == 2:  # scikit-learn gives one row, the log odds of the second
        coefficients = np.concatenate([-coefficients, coefficients]) / 2
        intercepts = np.concatenate([-intercepts, intercepts]) / 2
    weight, bias = torch.zeros(num_classes, x.shape[1]), torch.full((num_classes,), ABSENT_BIAS)
    weight[fit.classes_] = torch.from_numpy(coefficients).float()
    bias[fit.classes_] = torch.from_numpy(intercepts).float()
    return Fit(weight, bias, int(np.max(fit.n_iter_)), float(fit.score(x, labels)))
