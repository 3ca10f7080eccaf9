"""Log-mel spectrogram, with the settings of librosa written out so that they cannot move.

Slaney's mel scale and filters of equal area, periodic Hann window, centred frames with zeros at the edges.
The defaults are those of the spectrogram networks that took part in ADD 2022 and 2023: 100 bands, samples on
the scale of 16-bit integers, decibels with a range of 80 dB.

Axes: B batch, T samples, N frames, F bands.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from dada.errors import ConfigError
from dada.features._frames import clip_by_clip, decibels, power_spectrum, slaney_mel_filters

FLOOR = 1e-10  # lowest power before the logarithm


@dataclass
class Config:
    """Frequencies in Hz, lengths in samples."""

    sample_rate: int = 16_000
    window: int = 1024
    hop: int = 512
    num_mels: int = 100
    min_frequency: float = 0.0
    max_frequency: float = 8_000.0
    # what samples in [-1, 1] are multiplied by; 32768 gives back the integers of a 16-bit file
    gain: float = 32_768.0
    scale: Literal["db", "ln"] = "db"
    dynamic_range: float = 80.0  # dB below the clip's peak where it is cut off (scale: db); 0 does not cut


class Feature(nn.Module):
    """Waveform (B, T) to log-mel (B, F, N)."""

    window: Tensor
    filters: Tensor

    def __init__(self, config: Config):
        super().__init__()
        if not 0 <= config.min_frequency < config.max_frequency <= config.sample_rate / 2:
            raise ConfigError("mel: it must hold that 0 <= min_frequency < max_frequency <= sample_rate / 2")
        self.config = config
        self.num_features = config.num_mels
        filters = slaney_mel_filters(
            config.sample_rate, config.window, config.num_mels, config.min_frequency, config.max_frequency
        )
        self.register_buffer("window", torch.hann_window(config.window), persistent=False)
        self.register_buffer("filters", filters, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T) to (B, F, N)."""
        return clip_by_clip(self._compute, x)

    def _compute(self, x: Tensor) -> Tensor:
        power = (
            power_spectrum(x * self.config.gain, self.window, self.config.hop, self.config.window)
            @ self.filters
        )
        power = power.transpose(1, 2)
        return (
            decibels(power, self.config.dynamic_range, FLOOR)
            if self.config.scale == "db"
            else torch.log(power.clamp_min(FLOOR))
        )
