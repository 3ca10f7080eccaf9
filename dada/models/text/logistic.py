"""Logistic regression on the vectors of a frozen encoder: what a trained head has to beat.

Each element is standardised by its mean and deviation over the training texts first. The embedding is the
standardised vector, of unit length. B and N texts, D elements, K authors.
"""

import logging
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from dada.data.batch import Batch, required_labels
from dada.errors import DataError
from dada.models import Batches, Output
from dada.models.text._logistic import fit_logistic


@dataclass
class Config:
    """How the regression is fitted. `input_size` is filled in by stage train_text."""

    input_size: int = 0  # elements of a vector
    inverse_penalty: float = 0.01  # C of the L2 penalty
    balanced: bool = True  # authors weigh the same, however many texts they have
    max_iterations: int = 200


def example() -> tuple[Config, tuple[int, ...]]:
    """A small configuration and the shape of an input."""
    return Config(input_size=8), (8,)


class Model(nn.Module):
    """Vectors (B, D) to author logits (B, K) and embeddings (B, D)."""

    mean: Tensor
    deviation: Tensor
    weight: Tensor
    bias: Tensor

    def __init__(self, config: Config, num_classes: int):
        super().__init__()
        self.config = config
        self.register_buffer("mean", torch.zeros(config.input_size))
        self.register_buffer("deviation", torch.ones(config.input_size))
        self.register_buffer("weight", torch.zeros(num_classes, config.input_size))
        self.register_buffer("bias", torch.zeros(num_classes))

    def forward(self, batch: Batch) -> Output:
        """Logits under equal priors where the authors are balanced, else under those of training."""
        x = (batch.inputs - self.mean) / self.deviation
        return Output(x @ self.weight.T + self.bias, nn.functional.normalize(x, dim=-1))

    def estimate(self, batches: Batches, log: logging.Logger) -> None:
        """Fit to labelled batches. Raise DataError for fewer than two authors."""
        parts = [(batch.inputs.cpu(), required_labels(batch).cpu()) for batch in batches()]
        x, labels = (torch.cat(part) for part in zip(*parts, strict=True))
        if len(labels.unique()) < 2:
            raise DataError(f"{len(labels)} texts by {len(labels.unique())} author: too few to learn from")
        self.mean.copy_(x.mean(dim=0))
        self.deviation.copy_(x.std(dim=0, correction=0).clamp(min=1e-6))
        standard = ((x - self.mean.cpu()) / self.deviation.cpu()).numpy()
        config = self.config
        fit = fit_logistic(
            standard,
            labels.tolist(),
            len(self.bias),
            config.inverse_penalty,
            config.balanced,
            config.max_iterations,
        )
        self.weight.copy_(fit.weight)
        self.bias.copy_(fit.bias)
        log.info(
            "logistic regression: %d texts, %d authors, %d iterations, training accuracy %.3f",
            len(labels),
            len(labels.unique()),
            fit.iterations,
            fit.accuracy,
        )
