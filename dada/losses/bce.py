"""Binary cross-entropy on the score, for systems with labels [spoof, bonafide]."""

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from dada.data.batch import Batch, required_labels
from dada.errors import ConfigError
from dada.models import Output


@dataclass
class Config:
    class_weights: list[float] = field(default_factory=list)  # [spoof, bonafide]; empty weighs both the same


class Loss(nn.Module):
    """Mean over the batch of -log sigmoid(s) for bona fide (label 1) and -log sigmoid(-s) for spoof (label
    0).

    The score s is the model's single logit, or logit 1 minus logit 0 where it has two.
    """

    weights: Tensor | None

    def __init__(self, config: Config):
        super().__init__()
        if config.class_weights and len(config.class_weights) != 2:
            raise ConfigError(
                f"loss bce: class_weights has {len(config.class_weights)} values, expected [spoof, bonafide]"
            )
        weights = torch.tensor(config.class_weights) if config.class_weights else None
        self.register_buffer("weights", weights, persistent=False)

    def forward(self, output: Output, batch: Batch) -> Tensor:
        """Logits (B, 1) or (B, 2) and labels, classes (B,) or probabilities (B, 2), to a scalar."""
        labels = required_labels(batch)
        logits = output.logits
        if logits.shape[1] > 2:
            raise ConfigError(
                f"loss bce is for two classes, but the model has {logits.shape[1]} logits: use loss "
                "cross_entropy"
            )
        score = logits[:, 0] if logits.shape[1] == 1 else logits[:, 1] - logits[:, 0]
        if labels.is_floating_point():
            shares = labels if self.weights is None else labels * self.weights
            return -(shares * nn.functional.logsigmoid(torch.stack([-score, score], dim=1))).sum(1).mean()
        weights = None if self.weights is None else self.weights[labels]
        return nn.functional.binary_cross_entropy_with_logits(score, labels.to(score.dtype), weights)
