"""OpenMax: the logits of a classifier of K known classes to K + 1 classes, the last being none of them.

`variant: original` is Bendale and Boult, Towards open set deep networks, CVPR 2016, section 3, with the rank
weights of their code; `variant: cau_ku` is section 2.4 of the CAU_KU system for ADD 2023 (Han et al., DADA
workshop, 2023), which revises all classes alike. Both hold, for each class, the mean logit vector of what was
classified rightly and a Weibull distribution of the largest distances from it. w_j, its value at the distance
of a logit vector v, is the probability that v is not of class j.

Mass is moved from v to the unknown class, so a constant added to all logits changes the outcome, and where
logits are negative the unknown class may never win; `subtract_minimum` takes the least logit from all first.
B utterances, K known classes.
"""

from dataclasses import dataclass, field
from typing import Annotated, Literal

import numpy as np
import torch
from torch import Tensor, nn

from dada.data import Batch
from dada.limits import Limits, Share
from dada.models import Output

EUCOS_SCALE = 200  # of the Euclidean part, as in the authors' code, for a thousand classes


@dataclass
class Config:
    """Values are CAU_KU's. Means and Weibull distributions are in the weights file, and the latter in
    open_set.json to read.
    """

    variant: Literal["cau_ku", "original"] = "cau_ku"
    # euclidean | cosine | eucos (the original's: Euclidean / 200 + cosine). CAU_KU do not say
    distance: Literal["euclidean", "cosine", "eucos"] = "euclidean"
    # largest distances of each class that its Weibull distribution is fitted to
    tail: Annotated[int, Limits(least=3)] = 20
    threshold: Share = 0.25  # what is no more probable than this under any class is unknown
    alpha: int = 10  # original: so many of the classes ranked highest are revised
    subtract_minimum: bool = False
    fit_on: Literal["train", "train_dev"] = "train"  # as for CAU_KU's submission
    # take the tail and threshold that are best on dev with each known class held out in turn
    tune: bool = False
    tails: list[int] = field(default_factory=lambda: [5, 10, 20, 50, 100])  # that are tried
    # that are tried
    thresholds: list[float] = field(default_factory=lambda: [0.0, 0.25, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9])


class Model(nn.Module):
    """Logits (B, K) to log-probabilities (B, K + 1) and, as embedding, the logits themselves."""

    means: Tensor
    weibull: Tensor
    threshold: Tensor

    def __init__(self, config: Config, num_classes: int):
        super().__init__()
        self.config = config
        num_known = num_classes - 1
        self.register_buffer("means", torch.zeros(num_known, num_known, dtype=torch.float64))
        self.register_buffer(
            "weibull", torch.ones(num_known, 3, dtype=torch.float64)
        )  # shape, scale, smallest distance of the tail
        self.register_buffer("threshold", torch.tensor(config.threshold, dtype=torch.float64))

    def forward(self, batch: Batch) -> Output:
        """(B, K) to log-probabilities (B, K + 1) and the same (B, K)."""
        v = batch.inputs.double()
        return Output(self.revise(v).log_softmax(1), batch.inputs)

    def outlier_probability(self, v: Tensor) -> Tensor:
        """w (B, K): the Weibull distribution of each class at the distance of v from its mean."""
        shape, scale, small = self.weibull.T
        x = (distances(v, self.means, self.config.distance) - small + 1).clamp(min=0)
        return -torch.expm1(-((x / scale) ** shape))

    def revise(self, v: Tensor) -> Tensor:
        """Logits (B, K) to activations (B, K + 1), of which the softmax is OpenMax."""
        w = self.outlier_probability(v)
        if self.config.subtract_minimum:
            v = v - v.amin(1, keepdim=True)
        if self.config.variant == "original":
            w = w * rank_weights(v, self.config.alpha)
        return torch.cat([(1 - w) * v, (w * v).sum(1, keepdim=True)], dim=1)

    def classes(self, log_probabilities: Tensor) -> np.ndarray:
        """Classes (B,) of what `forward` gave, K for unknown; of equal classes the first."""
        p = log_probabilities.double().exp().numpy()
        num_known = p.shape[1] - 1
        best, threshold = p.max(axis=1), float(self.threshold)
        rejected = best < threshold if self.config.variant == "original" else best <= threshold
        return np.where(rejected, num_known, p.argmax(axis=1))


def distances(v: Tensor, means: Tensor, name: str) -> Tensor:
    """Distances (B, K) of v (B, D) from means (K, D); the cosine distance of a zero vector is 1."""
    euclidean = (v[:, None] - means[None]).norm(dim=2)
    if name == "euclidean":
        return euclidean
    cosine = 1 - nn.functional.cosine_similarity(v[:, None], means[None], dim=2)
    return cosine if name == "cosine" else euclidean / EUCOS_SCALE + cosine


def rank_weights(v: Tensor, alpha: int) -> Tensor:
    """(B, K): (α + 1 - i)/α for the class ranked i-th by its logit, 0 beyond the α-th. The paper has (α -
    i)/α, its code this.
    """
    ranks = v.argsort(dim=1, descending=True, stable=True).argsort(dim=1)
    return ((alpha - ranks) / alpha).clamp(min=0).double()
