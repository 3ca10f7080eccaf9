"""One-class softmax (Zhang, Jiang and Duan, "One-class learning towards synthetic voice spoofing detection",
IEEE Signal Processing Letters 28, 2021): bona fide speech is drawn into a cone around one direction, spoofs
are kept out of a wider one.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from dada.data.batch import Batch, required_labels
from dada.errors import ConfigError
from dada.losses._cosines import CosineCheck
from dada.models import Output

SCORE_KIND = "cosine"


@dataclass
class Config:
    """The paper's values."""

    bonafide_margin: float = 0.9  # the cosine that bona fide speech is to exceed
    spoof_margin: float = 0.2  # the cosine that spoofs are to stay below
    scale: float = 20.0


class Loss(nn.Module):
    """Mean over the batch of log(1 + exp(α (m₁ - s))) for bona fide (label 1) and log(1 + exp(α (s - m₀)))
    for spoof (label 0).

    The single logit s, the cosine with the direction of bona fide speech, is the score: higher is more bona
    fide.
    """

    def __init__(self, config: Config):
        super().__init__()
        self.check = CosineCheck("oc_softmax", "one_class")
        if config.bonafide_margin <= config.spoof_margin:
            raise ConfigError(
                f"loss oc_softmax: bonafide_margin {config.bonafide_margin} must exceed spoof_margin "
                f"{config.spoof_margin}"
            )
        self.config = config

    def forward(self, output: Output, batch: Batch) -> Tensor:
        """Cosines (B, 1) and labels, classes (B,) or probabilities (B, 2), to a scalar. Raise ConfigError
        for other logits.
        """
        labels = required_labels(batch)
        num_logits = output.logits.shape[1]
        if num_logits != 1:
            raise ConfigError(
                f"loss oc_softmax takes a single cosine, but the model gives {num_logits} logits: set "
                "model.head: one_class"
            )
        self.check(output.logits)
        score, config = output.logits[:, 0], self.config
        bonafide = labels[:, 1] if labels.is_floating_point() else labels.to(score.dtype)
        below = nn.functional.softplus(config.scale * (config.bonafide_margin - score))
        above = nn.functional.softplus(config.scale * (score - config.spoof_margin))
        return torch.mean(bonafide * below + (1 - bonafide) * above)
