"""A weighted sum of what several systems say: scores of countermeasures, or logits of classifiers of the same
classes.

The CAU_KU systems for ADD 2023 (Han et al., DADA workshop, 2023) are such sums, in ratios such as 1:1 and
1.5:1.2:1, or "considering their accuracies", without the numbers; how members were brought to one scale is
not said there. B utterances, M members, C columns of a
member: 1 score, or the logits of K classes.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor, nn

from dada.data import Batch
from dada.errors import ConfigError
from dada.limits import Positive, Share
from dada.models import Output

SCORE_KIND = "llr"  # the sum of countermeasures is calibrated on dev


@dataclass
class Config:
    """Weights are by the names that `branches` gives the members. Fitted numbers are in the weights file, and
    in ensemble.json to read.
    """

    # ratios, of which the scale plays no part; empty weighs all the same
    weights: dict[str, Positive] = field(default_factory=dict)
    by_accuracy: bool = False  # weights are 1 - EER on dev instead, for countermeasures
    learned: bool = False  # weights by logistic regression on dev instead of both, for countermeasures
    # z: each member less its mean on dev, over its standard deviation there | none. No matter where learned
    normalise: Literal["z", "none"] = "z"
    prior: Share = 0.5  # of bona fide: what calibration weighs the classes of dev to
    # filled in by stage train_fusion, in the order of `branches`
    members: list[str] = field(default_factory=list)


class Model(nn.Module):
    """Rows (B, M, C) to their sum over the members, (B, C), with fitted factors and an offset, in float64."""

    factors: Tensor
    offset: Tensor

    def __init__(self, config: Config, num_classes: int = 2):
        super().__init__()
        self.config = config
        self.register_buffer("factors", torch.ones(len(config.members), dtype=torch.float64))
        self.register_buffer("offset", torch.zeros((), dtype=torch.float64))

    def forward(self, batch: Batch) -> Output:
        """Logits (B, C), for countermeasures a single one; and as embedding what each member adds to them (B,
        M C).
        """
        parts = batch.inputs.double() * self.factors[:, None]
        return Output((parts.sum(1) + self.offset).float(), parts.flatten(1).float())

    def ratios(self) -> Tensor:
        """The configured weights (M,) in the order of the members. Raise ConfigError for other names, or
        weights not above 0.
        """
        weights, members = self.config.weights, self.config.members
        if weights and set(weights) != set(members):
            raise ConfigError(
                f"model.weights are of {_listed(weights)}, but the members (`branches`) are "
                f"{_listed(members)}"
            )
        return torch.tensor([weights.get(name, 1.0) for name in members], dtype=torch.float64)


def _listed(names: Collection[str]) -> str:
    return ", ".join(names) or "none"
