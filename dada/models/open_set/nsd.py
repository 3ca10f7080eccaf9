"""NSD, novel similarity detection: how like its training data a clip looks to a classifier of K known
classes.

Xie et al., "Generalized source tracing: detecting novel audio deepfake algorithm with real emphasis and fake
dispersion strategy" (Interspeech 2024, arXiv 2406.03240); the baseline of the MLAAD source tracing protocols
takes it. With the embedding f of a clip, its direction f/|f|, and c, the logarithm of the sum of the
exponentials of its logits, the similarity of clip x to N training clips is

    s(x) = c(x) · 1/N Σ c_i · cos(f(x), f_i) = c(x) · (f(x)/|f(x)|) · m

so that one vector m holds all that is kept of them. What is less similar than `threshold` is unknown. The
baseline takes the threshold of the EER on development data with unknown classes; here it is fitted to known
ones alone, of which a share is rejected. B utterances, K known classes, D embedding.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from dada.data import Batch
from dada.errors import DataError
from dada.limits import FromZero, Share
from dada.models import Output


@dataclass
class Config:
    """m, the threshold and the scale are in the weights file; the last two in open_set.json to read."""

    rejected: Share = 0.05  # of the utterances of known classes of dev, which are taken for unknown
    width: FromZero = 0  # D of the classifier, filled in when m is fitted


class Model(nn.Module):
    """Logits and embeddings of a classifier (B, K + D) to log-probabilities (B, K + 1) and, as embedding, the
    logits (B, K).
    """

    reads_embeddings = True
    mean: Tensor
    threshold: Tensor
    scale: Tensor

    def __init__(self, config: Config, num_classes: int):
        super().__init__()
        self.config, self.num_known = config, num_classes - 1
        self.register_buffer("mean", torch.zeros(config.width, dtype=torch.float64))
        self.register_buffer("threshold", torch.zeros((), dtype=torch.float64))
        self.register_buffer("scale", torch.ones((), dtype=torch.float64))

    def forward(self, batch: Batch) -> Output:
        """The odds of being unknown are 1 at the threshold."""
        logits = batch.inputs[:, : self.num_known]
        distance = (self.threshold - self.similarity(batch.inputs)) / self.scale
        known = logits.double().log_softmax(1) + nn.functional.logsigmoid(-distance)[:, None]
        return Output(torch.cat([known, nn.functional.logsigmoid(distance)[:, None]], 1), logits)

    def similarity(self, inputs: Tensor) -> Tensor:
        """s (B,) of logits and embeddings (B, K + D)."""
        confidence, direction = self._parts(inputs)
        return confidence * (direction @ self.mean)

    def classes(self, log_probabilities: Tensor) -> np.ndarray:
        """Classes (B,) of what `forward` gave, K for unknown."""
        p = log_probabilities.double().numpy()
        unknown = p[:, -1] > np.log(0.5)
        return np.where(unknown, self.num_known, p[:, :-1].argmax(axis=1))

    def fit(self, train: Tensor, dev: Tensor) -> dict[str, Any]:
        """Fit m to train (N, K + D), and threshold and scale to dev (M, K + D), in place; return the numbers.

        Raise DataError for similarities that are all equal.
        """
        confidence, direction = self._parts(train)
        self.mean = (confidence[:, None] * direction).mean(0)
        similar = self.similarity(dev)
        self.threshold = torch.quantile(similar, self.config.rejected)
        self.scale = similar.std()
        if float(similar.max() - similar.min()) <= 1e-12 * float(similar.abs().max()):
            raise DataError(
                f"NSD: the {len(dev)} utterances of dev are all equally like train: look at the classifier"
            )
        return {"threshold": float(self.threshold), "scale": float(self.scale)}

    def _parts(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Confidences (B,) and directions of the embeddings (B, D)."""
        logits, embeddings = inputs.double().split([self.num_known, inputs.shape[1] - self.num_known], 1)
        return logits.logsumexp(1), nn.functional.normalize(embeddings, dim=1)
