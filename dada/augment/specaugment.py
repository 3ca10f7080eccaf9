"""SpecAugment without time warping: bands of frequencies and stretches of time set to zero (Park et al.,
Interspeech 2019).

The defaults are the CAU group's: two bands of up to 9 rows, two stretches of up to 14 frames. PC-DARTS masks
one band a batch, the same for all clips: `num_bands: 1, band_width: 14, num_stretches: 0, shared: true` (Ge
et al., Interspeech 2021).

Axes: B batch, F features, N frames.
"""

from dataclasses import dataclass, replace

import torch

from dada.augment._draws import band, places
from dada.data.batch import Batch
from dada.errors import ConfigError


@dataclass
class Config:
    """Widths are drawn from 0 … width - 1."""

    num_bands: int = 2
    band_width: int = 10  # rows
    num_stretches: int = 2
    stretch_width: int = 15  # frames
    shared: bool = False  # the same masks for all clips of a batch
    code_compat: bool = False  # one row or frame less than drawn, as in the group's public code


class Augment:
    """Features (B, F, N) to the same with rows and frames of zeros."""

    INPUTS = ("features",)
    MIXES_LABELS = False
    NEEDS_BATCH = False

    def __init__(self, config: Config):
        if (
            min(config.num_bands, config.num_stretches) < 0
            or min(config.band_width, config.stretch_width) < 1
        ):
            raise ConfigError(
                "specaugment: numbers of masks must not be negative, and widths must be 1 at least"
            )
        self.config = config
        self.NEEDS_BATCH = config.shared

    def __call__(self, batch: Batch, generator: torch.Generator) -> Batch:
        config, (_, num_rows, num_frames) = self.config, batch.inputs.shape
        rows = torch.full((len(batch),), num_rows)
        lengths = batch.lengths
        if config.shared:
            rows, lengths = rows[:1], lengths.min(0, keepdim=True).values
        bands = self._masks(generator, config.num_bands, config.band_width, rows, num_rows)
        stretches = self._masks(generator, config.num_stretches, config.stretch_width, lengths, num_frames)
        mask = bands[:, :, None] | stretches[:, None]
        return replace(batch, inputs=batch.inputs.masked_fill(mask, 0.0))

    def _masks(
        self, generator: torch.Generator, num: int, width: int, limits: torch.Tensor, size: int
    ) -> torch.Tensor:
        """(B, size) bool: `num` masks of fewer than `width` steps within the first `limits` (B,) ones."""
        mask = torch.zeros(len(limits), size, dtype=torch.bool)
        for _ in range(num):
            widths = torch.randint(width, limits.shape, generator=generator).minimum(limits)
            starts = places(generator, limits - widths)
            mask |= band(starts, (widths - int(self.config.code_compat)).clamp(min=0), size)
        return mask
