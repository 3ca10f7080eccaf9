"""Additive noise at a random signal-to-noise ratio: made here, or stretches of recordings.

SLIM (Zhu et al., NeurIPS 2024) trains its second stage with 0 to 15 dB. The ratio is one of powers over the
whole clip; silence gets none.

Axes: B batch, T samples.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from dada.augment._draws import check_bounds, happens, integers, uniform
from dada.data.audio import read_audio
from dada.data.batch import Batch
from dada.data.length import fit_length
from dada.data.tables import read_table
from dada.errors import DataError
from dada.limits import Share

SLOPES = {"white": 0.0, "pink": 0.5, "brown": 1.0}  # amplitude falls with frequency to the power of this


@dataclass
class Config:
    snr: list[float] = field(default_factory=lambda: [0.0, 15.0])  # dB
    colour: Literal["white", "pink", "brown"] = "white"
    # a table `name path` of recordings, one drawn for each clip, instead of made noise
    wav_scp: str | None = None
    sample_rate: int = 16_000  # Hz, of recordings
    probability: Share = 1.0  # of a clip to get noise


class Augment:
    """Waveforms (B, T) to waveforms with noise."""

    INPUTS = ("waveform",)
    MIXES_LABELS = False
    NEEDS_BATCH = False

    def __init__(self, config: Config):
        check_bounds("noise", snr=config.snr)
        self.config = config
        self.recordings = list(read_table(Path(config.wav_scp)).values()) if config.wav_scp else []
        if config.wav_scp and not self.recordings:
            raise DataError(f"{config.wav_scp} names no recordings to take noise from")

    def __call__(self, batch: Batch, generator: torch.Generator) -> Batch:
        """Raise DataError for a recording that cannot be read or is silent where it was cut."""
        x, num = batch.inputs, len(batch)
        noise = (self._recorded if self.recordings else self._made)(generator, *x.shape).to(x) * batch.mask
        level = uniform(generator, self.config.snr, num) / 20
        factor = torch.where(happens(generator, self.config.probability, num), 10**-level, 0.0).to(x)
        factor = factor * (x * batch.mask).norm(dim=1) / noise.norm(dim=1)
        return replace(batch, inputs=x + factor[:, None] * noise)

    def _made(self, generator: torch.Generator, num: int, size: int) -> Tensor:
        noise = torch.randn(num, size, generator=generator)
        slope = SLOPES[self.config.colour]
        if slope == 0:
            return noise
        spectrum = torch.fft.rfft(noise)
        frequencies = torch.arange(spectrum.shape[-1]).clamp(min=1)
        return torch.fft.irfft(spectrum / frequencies**slope, n=size)

    def _recorded(self, generator: torch.Generator, num: int, size: int) -> Tensor:
        picks = integers(generator, [0, len(self.recordings) - 1], num).tolist()
        return torch.stack([self._stretch(self.recordings[pick], size, generator) for pick in picks])

    def _stretch(self, location: str, size: int, generator: torch.Generator) -> Tensor:
        stretch = fit_length(
            torch.from_numpy(read_audio(location, self.config.sample_rate)), size, "tile", generator
        )
        if not stretch.any():
            raise DataError(
                f"{self.config.wav_scp}: {location} has {size} samples of silence, which make no noise: "
                "remove it"
            )
        return stretch
