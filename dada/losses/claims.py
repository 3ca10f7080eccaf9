"""Binary cross-entropy of claims: each logit says by itself whether the text is of that class.

The text head of the DADA draft, section 3.3.2: "the probability of the anticipated speaker having made the
given statement". Every class claims every text; its own claim is genuine, all others are mismatches. Both
kinds weigh the same, so that a logit is a log-likelihood ratio of genuine against mismatch.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from dada.data.batch import Batch, required_labels
from dada.errors import ConfigError
from dada.models import Output


@dataclass
class Config:
    label_smoothing: float = 0.0  # share by which a claim may be of the other kind


class Loss(nn.Module):
    """Half of the mean loss of the genuine claims, and half of that of the mismatches."""

    def __init__(self, config: Config):
        super().__init__()
        self.smoothing = config.label_smoothing

    def forward(self, output: Output, batch: Batch) -> Tensor:
        """Logits (B, K) and classes (B,) to a scalar. Raise ConfigError for a single logit."""
        logits, labels = output.logits, required_labels(batch)
        if logits.shape[1] < 2:
            raise ConfigError("loss claims needs a logit for every class, but the model gives a single one")
        own = torch.zeros_like(logits).scatter_(1, labels[:, None], 1.0)
        target = own * (1 - self.smoothing) + (1 - own) * self.smoothing
        losses = nn.functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
        genuine, mismatch = (losses * own).sum(), (losses * (1 - own)).sum() / (logits.shape[1] - 1)
        return (genuine + mismatch) / (2 * len(logits))
