"""Dropped bands: frequencies filtered out of the waveform, as SpecAugment masks those of a spectrogram (Park
et al., Interspeech 2019).

The defaults are those of the second stage of SLIM (Zhu et al., NeurIPS 2024): one to three bands of width
.05. The paper does not say of what; here it is the share of the frequencies up to half the sample rate, 400
Hz of 8,000. Centres are uniform, and a filter is an ideal band-stop cut by a Hamming window, the edges of
which are about 200 Hz wide with 257 taps.

Axes: B batch, T samples, K taps.
"""

from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from dada.augment._draws import check_bounds, happens, integers, uniform
from dada.augment._filters import convolve
from dada.data.batch import Batch
from dada.errors import ConfigError
from dada.limits import Share


@dataclass
class Config:
    num: list[int] = field(default_factory=lambda: [1, 3])  # bands of a clip
    width: float = 0.05  # of a band, as a share of the frequencies up to half the sample rate
    num_taps: int = 257  # odd
    probability: Share = 1.0  # of a clip to lose bands


class Augment:
    """Waveforms (B, T) to waveforms without some bands."""

    INPUTS = ("waveform",)
    MIXES_LABELS = False
    NEEDS_BATCH = False

    def __init__(self, config: Config):
        check_bounds("drop_bands", num=config.num)
        if config.num[0] < 0 or not 0 < config.width < 1 or config.num_taps < 3 or config.num_taps % 2 == 0:
            raise ConfigError(
                "drop_bands: num must not be negative, width lie between 0 and 1, and num_taps be odd and "
                "3 at least"
            )
        self.config = config
        self.steps = torch.arange(config.num_taps) - config.num_taps // 2
        self.window = torch.hamming_window(config.num_taps, periodic=False)

    def __call__(self, batch: Batch, generator: torch.Generator) -> Batch:
        config, num, x = self.config, len(batch), batch.inputs
        counts = integers(generator, config.num, num) * happens(generator, config.probability, num)
        for k in range(config.num[1]):
            taps = self.band_pass(uniform(generator, [0.0, 1.0], num)) * (k < counts)[:, None]
            x = x - convolve(x, taps.to(x), config.num_taps // 2)
        return replace(batch, inputs=x)

    def band_pass(self, centres: Tensor) -> Tensor:
        """The filters (B, K) that pass what is to go: a band around each of `centres` (B,), shares of half
        the sample rate.
        """
        edges = [(centres + side * self.config.width / 2).clamp(0, 1)[:, None] for side in (-1, 1)]
        low, high = (edge * torch.sinc(edge * self.steps) for edge in edges)
        return (high - low) * self.window
