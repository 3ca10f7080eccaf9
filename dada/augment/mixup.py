"""Mixup: convex combinations of inputs and labels (Zhang et al., ICLR 2018).

The defaults are those of the CAU_KU system for ADD 2023: a weight from Beta(.8, .8) for every clip, and the
next clip of the batch as its partner. Hua et al. (TSSDNet, IEEE SPL 2021) take α = .1, one weight a batch and
random partners. Of clips of different length the mixture is as long as the longer one.

Axes: B batch, K classes.
"""

from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor

from dada.augment._draws import beta
from dada.data.batch import Batch, required_labels
from dada.limits import Positive


@dataclass
class Config:
    alpha: Positive = 0.8
    partner: Literal["next", "random"] = "next"
    weight_per: Literal["clip", "batch"] = "clip"


class Augment:
    """Inputs (B, …) and labels (B, K) to λ times the one plus 1 - λ times its partner's."""

    INPUTS = ("waveform", "features")
    MIXES_LABELS = True
    NEEDS_BATCH = True

    def __init__(self, config: Config):
        self.config = config

    def __call__(self, batch: Batch, generator: torch.Generator) -> Batch:
        """Labels must be probabilities."""
        num = len(batch)
        partner = (
            torch.arange(num).roll(-1)
            if self.config.partner == "next"
            else torch.randperm(num, generator=generator)
        )
        weight = beta(generator, self.config.alpha, num if self.config.weight_per == "clip" else 1).expand(
            num
        )

        def mix(x: Tensor) -> Tensor:
            share = weight.view(-1, *[1] * (x.ndim - 1))
            return share * x + (1 - share) * x[partner]

        lengths = torch.maximum(batch.lengths, batch.lengths[partner])
        return replace(batch, inputs=mix(batch.inputs), labels=mix(required_labels(batch)), lengths=lengths)
