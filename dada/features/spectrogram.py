"""Spectrograms on a linear frequency axis: magnitude, power or log power, of all bins or of linearly spaced
filters.

The settings of three published systems. PC-DARTS (Ge et al., Interspeech 2021; "Raw differentiable
architecture search", 2021): log power, 1024-point periodic Hamming window, every 256 samples in the public
code and every 128 (8 ms) in "Explaining deepfake detection with SHAP" (Ge et al., ICASSP 2022); with 70
filters it is that code's filter bank without cosine transform. 2D-Res-TSSDNet in the latter paper: magnitude,
1024 and 128. Its authors' later code (Odyssey 2022) for the same network: power, 320 and 160, with
pre-emphasis (dada/conf/res_tssdnet_2d_odyssey.yaml).

Frames are centred, with zeros at the edges, so that N = 1 + T // hop.

Axes: B batch, T samples, N frames, F bins or filters.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from dada.errors import ConfigError
from dada.features._frames import clip_by_clip, power_spectrum, pre_emphasis
from dada.features.lfcc import linear_filters
from dada.limits import Share

FLOOR = 1.1920929e-07  # added before the logarithm: the smallest step of float32


@dataclass
class Config:
    """The defaults are those of PC-DARTS in the SHAP paper. Lengths in samples."""

    scale: Literal["magnitude", "power", "log_power"] = "log_power"  # of the base 10
    sample_rate: int = 16_000  # Hz
    window: int = 1024
    hop: int = 128
    num_fft: int = 1024
    pre_emphasis: Share = 0.0  # y[n] = x[n] - pre_emphasis · x[n-1]; 0 leaves that out
    num_filters: int = 0  # triangles over the power, from 0 to half of the sample rate; 0 keeps all bins


class Feature(nn.Module):
    """Waveform (B, T) to spectrogram (B, F, N), F = num_filters, or num_fft // 2 + 1 without filters."""

    window: Tensor
    filters: Tensor

    def __init__(self, config: Config):
        super().__init__()
        if config.num_fft < config.window:
            raise ConfigError(
                f"spectrogram: num_fft is {config.num_fft}, shorter than the window of "
                f"{config.window} samples"
            )
        self.config = config
        self.num_features = config.num_filters or config.num_fft // 2 + 1
        self.register_buffer("window", torch.hamming_window(config.window), persistent=False)
        if config.num_filters:
            filters = linear_filters(
                config.sample_rate, config.num_fft, config.num_filters, config.sample_rate / 2
            )
            self.register_buffer("filters", filters, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T) to (B, F, N)."""
        return clip_by_clip(self._compute, x)

    def _compute(self, x: Tensor) -> Tensor:
        config = self.config
        x = pre_emphasis(x, config.pre_emphasis) if config.pre_emphasis else x
        power = power_spectrum(x, self.window, config.hop, config.num_fft)
        power = (power @ self.filters if config.num_filters else power).transpose(1, 2)
        if config.scale == "log_power":
            return torch.log10(power + FLOOR)
        return power.sqrt() if config.scale == "magnitude" else power
