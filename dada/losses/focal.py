"""Focal loss (Lin et al., "Focal loss for dense object detection", ICCV 2017): clips that are classified well
already weigh little.

Its logits are no log odds: at the optimum they are another increasing function of the posterior, which keeps
the order of clips (Charoenphakdee et al., CVPR 2021). A calibration makes likelihood ratios of them.
"""

from dataclasses import dataclass, field
from typing import Annotated

import torch
from torch import Tensor, nn

from dada.data.batch import Batch, required_labels
from dada.errors import ConfigError
from dada.limits import Limits
from dada.models import Output

SCORE_KIND = "focal_logits"


@dataclass
class Config:
    gamma: Annotated[float, Limits(least=0)] = 2.0  # γ; 0 is cross-entropy
    # α in the order of the system's labels; empty weighs all the same
    class_weights: list[float] = field(default_factory=list)


class Loss(nn.Module):
    """Mean over the batch of -α (1 - p)^γ log p, where p is the probability of the class by the softmax.

    A single logit is the log odds of label 1. A probability of a class weighs its term.
    """

    weights: Tensor | None

    def __init__(self, config: Config):
        super().__init__()
        self.gamma = config.gamma
        weights = torch.tensor(config.class_weights) if config.class_weights else None
        self.register_buffer("weights", weights, persistent=False)

    def forward(self, output: Output, batch: Batch) -> Tensor:
        """Logits (B, 1) or (B, K) and labels, classes (B,) or probabilities (B, K), to a scalar."""
        labels, logits = required_labels(batch), output.logits
        if logits.shape[1] == 1:
            log_p = nn.functional.logsigmoid(torch.cat([-logits, logits], dim=1))
        else:
            log_p = logits.log_softmax(dim=1)
        num_classes = log_p.shape[1]
        if self.weights is not None and len(self.weights) != num_classes:
            raise ConfigError(
                f"loss.class_weights has {len(self.weights)} values, but the system has {num_classes} labels"
            )
        soft = labels.is_floating_point()
        shares = labels if soft else nn.functional.one_hot(labels, num_classes).to(log_p.dtype)
        # 1 - p of a sure clip: without cancellation, so that the gradient of a root of it stays finite
        missing = -torch.expm1(log_p.clamp_max(-torch.finfo(log_p.dtype).tiny))
        terms = shares * missing**self.gamma * log_p
        return -(terms if self.weights is None else terms * self.weights).sum(dim=1).mean()
