"""Logistic regression on a few numbers per clip: the baseline that shows what a corpus gives away without any
modelling.

Axes: B batch, F numbers, K classes.
"""

import logging
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from dada.data.batch import Batch
from dada.models import Batches, Output
from dada.models.audio._clip_numbers import clip_means, training_numbers

SCORE_KIND = "llr"  # the fit weighs both classes the same


@dataclass
class Config:
    """`num_features` is the number of cues (dada.features.cues.NAMES)."""

    num_features: int = 15
    inverse_penalty: float = 1.0  # C of the L2 penalty, on standardised numbers


def example() -> tuple[Config, tuple[int, ...]]:
    """A small configuration and the shape of an input."""
    return Config(num_features=5), (5, 1)


class Model(nn.Module):
    """Features (B, F, N), averaged over valid frames, to logits (B, K); the embedding is the standardised
    numbers (B, F).
    """

    shift: Tensor
    scale: Tensor

    def __init__(self, config: Config, num_classes: int):
        super().__init__()
        self.config = config
        self.register_buffer("shift", torch.zeros(config.num_features))
        self.register_buffer("scale", torch.ones(config.num_features))
        self.classify = nn.Linear(config.num_features, num_classes).requires_grad_(
            False
        )  # estimated, not learned by gradient

    def forward(self, batch: Batch) -> Output:
        """Natural-log odds under equal priors: the difference of the two logits is a log likelihood ratio."""
        embedding = (clip_means(batch) - self.shift) / self.scale
        return Output(self.classify(embedding), embedding)

    def estimate(self, batches: Batches, log: logging.Logger) -> None:
        """Standardise and fit, classes weighted equally, from labelled batches. Raise DataError where a
        class has no clips.
        """
        from sklearn.linear_model import LogisticRegression

        x, y = training_numbers(batches, self.classify.out_features)
        shift, scale = x.mean(0), np.maximum(x.std(0), 1e-6)
        fit = LogisticRegression(C=self.config.inverse_penalty, class_weight="balanced", max_iter=1000).fit(
            (x - shift) / scale, y
        )
        weight, bias = fit.coef_, fit.intercept_
        if self.classify.out_features == 2:  # scikit-learn gives one row, the log odds of class 1
            weight, bias = np.concatenate([-weight, weight]) / 2, np.concatenate([-bias, bias]) / 2
        with torch.no_grad():
            for target, value in (
                (self.shift, shift),
                (self.scale, scale),
                (self.classify.weight, weight),
                (self.classify.bias, bias),
            ):
                target.copy_(torch.from_numpy(value))
        log.info(
            "logistic regression on %d clips, training accuracy %.3f",
            len(y),
            fit.score((x - shift) / scale, y),
        )
