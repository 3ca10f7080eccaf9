"""Sinc-band masking: a random band of neighbouring sinc filters taken out of the waveform.

RawGAT-ST silences up to 13 of its 70 sinc filters in training (Tak et al., ASVspoof 2021 workshop), within
the network and alike for a whole batch. This does so to the waveform, for each clip by itself, so that any
system can train with it: the clip minus the sum of the filters' outputs, whose band is as steep as 129 taps
allow.

Axes: B batch, T samples, F filters, K taps.
"""

from dataclasses import dataclass, replace
from typing import Literal

import torch

from dada.augment._draws import happens, places
from dada.augment._filters import convolve
from dada.data.batch import Batch
from dada.errors import ConfigError
from dada.features import sinc
from dada.limits import Share


@dataclass
class Config:
    num_filters: int = 70
    num_taps: int = 129  # odd
    max_masked: int = 14  # filters: their number is drawn from 0 … max_masked - 1
    scale: Literal["mel", "inverse_mel", "linear"] = "mel"
    sample_rate: int = 16_000  # Hz
    probability: Share = 1.0  # of a clip to be masked


class Augment:
    """Waveforms (B, T) to waveforms without a band."""

    INPUTS = ("waveform",)
    MIXES_LABELS = False
    NEEDS_BATCH = False

    def __init__(self, config: Config):
        if not 1 <= config.max_masked <= config.num_filters:
            raise ConfigError(
                f"sinc_mask: max_masked is {config.max_masked}, but there are {config.num_filters} filters"
            )
        self.config = config
        filters = sinc.sinc_filters(
            sinc.Config(config.num_filters, config.num_taps, config.sample_rate, config.scale)
        )
        self.sums = torch.cat(
            [torch.zeros(1, config.num_taps), filters.double().cumsum(0).float()]
        )  # of the lowest filters

    def __call__(self, batch: Batch, generator: torch.Generator) -> Batch:
        num = len(batch)
        widths = torch.randint(self.config.max_masked, (num,), generator=generator) * happens(
            generator, self.config.probability, num
        )
        starts = places(generator, self.config.num_filters - widths)
        taps = (self.sums[starts + widths] - self.sums[starts]).to(batch.inputs)
        return replace(batch, inputs=batch.inputs - convolve(batch.inputs, taps, self.config.num_taps // 2))
