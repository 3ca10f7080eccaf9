"""Cross-entropy over the classes."""

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from dada.data.batch import Batch, required_labels
from dada.errors import ConfigError
from dada.models import Output


@dataclass
class Config:
    # in the order of the system's labels; empty weighs all the same
    class_weights: list[float] = field(default_factory=list)
    label_smoothing: float = 0.0


class Loss(nn.Module):
    """Mean over the batch; with weights, the weighted mean. A probability of a class weighs as such a part of
    an utterance.
    """

    weights: Tensor | None

    def __init__(self, config: Config):
        super().__init__()
        self.smoothing = config.label_smoothing
        weights = torch.tensor(config.class_weights) if config.class_weights else None
        self.register_buffer("weights", weights, persistent=False)

    def weight(self, batch: Batch) -> Tensor | int:
        """Return what the sum over a batch is divided by."""
        labels = required_labels(batch)
        if self.weights is None:
            return len(labels)
        return (labels * self.weights if labels.is_floating_point() else self.weights[labels]).sum()

    def forward(self, output: Output, batch: Batch) -> Tensor:
        """Logits (B, K) and labels, classes (B,) or probabilities (B, K), to a scalar."""
        labels = required_labels(batch)
        num_classes = output.logits.shape[1]
        if num_classes < 2:
            raise ConfigError(
                "loss cross_entropy needs one logit per class, but the model gives a single one: use loss bce"
            )
        if self.weights is not None and len(self.weights) != num_classes:
            raise ConfigError(
                f"loss.class_weights has {len(self.weights)} values, but the system has {num_classes} labels"
            )
        settings: dict[str, Any] = {"weight": self.weights, "label_smoothing": self.smoothing}
        if not labels.is_floating_point():
            return nn.functional.cross_entropy(output.logits, labels, **settings)
        weights = labels if self.weights is None else labels * self.weights
        return nn.functional.cross_entropy(output.logits, labels, reduction="sum", **settings) / weights.sum()
