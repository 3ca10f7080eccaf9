"""A log-linear pool of what several text systems say of the author.

The log posteriors of the members are weighted and added up, and the sum is made a posterior again (Genest and
Zidek, Combining probability distributions: a critique and an annotated bibliography, Statistical Science 1,
1986). Weights that are fitted on dev calibrate a member and weigh it against the others at once: a member
that is too sure of itself gets a small one. B texts, M members, K authors.
"""

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from dada.data import Batch
from dada.limits import Positive
from dada.models import Output

SCORE_KIND = "log_odds"


@dataclass
class Config:
    """Fitted weights are in the weights file, and in ensemble.json to read."""

    weights: dict[str, Positive] = field(default_factory=dict)  # by the names of `branches`; empty fits them
    balanced: bool = True  # fitting weighs authors alike, however many texts of dev they have
    # filled in by stage train_fusion, in the order of `branches`
    members: list[str] = field(default_factory=list)


def example() -> tuple[Config, tuple[int, ...]]:
    """A small configuration and the shape of an input."""
    return Config(members=["first", "second"]), (2, 3)


class Model(nn.Module):
    """Logits of the members (B, M, K) to log posteriors (B, K), which are also the embedding."""

    factors: Tensor

    def __init__(self, config: Config, num_classes: int):
        super().__init__()
        self.config = config
        self.register_buffer("factors", torch.ones(len(config.members), dtype=torch.float64))

    def forward(self, batch: Batch) -> Output:
        log_posteriors = batch.inputs.double().log_softmax(dim=-1)
        pooled = (log_posteriors * self.factors[:, None]).sum(1).log_softmax(dim=-1).float()
        return Output(pooled, pooled)
