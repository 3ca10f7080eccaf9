"""Cutout: a box of random size and place set to zero (DeVries and Taylor, 2017), its area drawn as CutMix
does (Yun et al., ICCV 2019).

Axes: B batch, F features, N frames.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from dada.augment._draws import band, beta, happens
from dada.data.batch import Batch
from dada.limits import Positive, Share


@dataclass
class Config:
    alpha: Positive = 1.0  # the share of the image that is kept is drawn from Beta(α, α)
    probability: Share = 1.0  # of a clip to be cut


class Augment:
    """Features (B, F, N) to the same with a box of zeros: √(1 - λ) of rows and frames, about a uniform
    centre, clipped at the edges.
    """

    INPUTS = ("features",)
    MIXES_LABELS = False
    NEEDS_BATCH = False

    def __init__(self, config: Config):
        self.config = config

    def __call__(self, batch: Batch, generator: torch.Generator) -> Batch:
        num = len(batch)
        side = (1 - beta(generator, self.config.alpha, num)).sqrt()
        rows = self._side(generator, side, torch.full((num,), batch.inputs.shape[1]), batch.inputs.shape[1])
        frames = self._side(generator, side, batch.lengths, batch.inputs.shape[2])
        mask = (
            rows[:, :, None]
            & frames[:, None]
            & happens(generator, self.config.probability, num)[:, None, None]
        )
        return replace(batch, inputs=batch.inputs.masked_fill(mask, 0.0))

    @staticmethod
    def _side(generator: torch.Generator, side: Tensor, limits: Tensor, size: int) -> Tensor:
        """(B, size) bool: the share `side` (B,) of the first `limits` (B,) steps, about a random step."""
        widths = (side * limits).long()
        centres = (torch.rand(len(side), generator=generator) * limits).long()
        starts = centres - widths // 2
        return band(starts, widths, size)
