"""Dropped chunks: stretches of the waveform set to zero, as SpecAugment masks those of a spectrogram (Park et
al., Interspeech 2019).

The defaults are those of the second stage of SLIM (Zhu et al., NeurIPS 2024): one to five of 1,000 to 2,000
samples. They may overlap; of a clip shorter than one nothing may be left.

Axes: B batch, T samples.
"""

from dataclasses import dataclass, field, replace

import torch

from dada.augment._draws import band, check_bounds, happens, integers, places
from dada.data.batch import Batch
from dada.errors import ConfigError
from dada.limits import Share


@dataclass
class Config:
    num: list[int] = field(default_factory=lambda: [1, 5])  # chunks of a clip
    size: list[int] = field(default_factory=lambda: [1000, 2000])  # samples of each
    probability: Share = 1.0  # of a clip to lose chunks


class Augment:
    """Waveforms (B, T) to waveforms with silent stretches."""

    INPUTS = ("waveform",)
    MIXES_LABELS = False
    NEEDS_BATCH = False

    def __init__(self, config: Config):
        check_bounds("drop_chunks", num=config.num, size=config.size)
        if config.num[0] < 0 or config.size[0] < 1:
            raise ConfigError("drop_chunks: num must not be negative, and size 1 at least")
        self.config = config

    def __call__(self, batch: Batch, generator: torch.Generator) -> Batch:
        num, lengths = len(batch), batch.lengths
        counts = integers(generator, self.config.num, num) * happens(generator, self.config.probability, num)
        mask = torch.zeros(batch.inputs.shape, dtype=torch.bool)
        for k in range(self.config.num[1]):
            sizes = integers(generator, self.config.size, num).minimum(lengths)
            starts = places(generator, lengths - sizes)
            mask |= band(starts, sizes * (k < counts), mask.shape[1])
        return replace(batch, inputs=batch.inputs.masked_fill(mask, 0.0))
