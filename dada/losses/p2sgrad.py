"""P2SGrad as a mean squared error over cosines (Zhang et al., CVPR 2019, whose gradient it has; Wang and
Yamagishi, "A comparative study on recent neural spoofing countermeasures", Interspeech 2021).
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
    """Nothing to set: neither scale nor margin is the point of it."""


class Loss(nn.Module):
    """Mean over the batch of Σ_k (cos θ_k - 1[k is the class])², where logit k is the cosine with the vector
    of class k.

    The score is the difference of the two cosines, as everywhere; Wang and Yamagishi score by the one with
    bona fide alone.
    """

    def __init__(self, config: Config):
        super().__init__()
        self.check = CosineCheck("p2sgrad", "cosine")

    def forward(self, output: Output, batch: Batch) -> Tensor:
        """Cosines (B, K) and labels, classes (B,) or probabilities (B, K), to a scalar. Raise ConfigError
        for other logits.
        """
        labels = required_labels(batch)
        cosines = output.logits
        if cosines.shape[1] < 2:
            raise ConfigError(
                "loss p2sgrad needs one cosine per class, but the model gives a single logit: set "
                "model.head: cosine"
            )
        self.check(cosines)
        soft = labels.is_floating_point()
        target = labels if soft else nn.functional.one_hot(labels, cosines.shape[1]).to(cosines.dtype)
        return torch.sum((cosines - target) ** 2, dim=1).mean()
