"""Linear-frequency cepstral coefficients, in the three published settings that baselines are built on.

`nii` is the front end of the ASVspoof 2021 LFCC-LCNN baseline (Wang and Yamagishi, Interspeech 2021):
pre-emphasis, centred frames, energy in place of c0. `gmm` is the one of the ASVspoof 2021 LFCC-GMM baseline
in its Python version (Yamagishi et al., ASVspoof 2021 workshop): no pre-emphasis, no padding, symmetric
window, filters whose edges fall on whole bins. `pc_darts` is the one of partially-connected differentiable
architecture search (Ge et al., Interspeech 2021): as `nii`, but without pre-emphasis and with c0 kept.

Axes: B batch, T samples, N frames, F coefficients, K bins of the spectrum.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from dada.errors import ConfigError
from dada.features._frames import add_deltas, clip_by_clip, dct_matrix, power_spectrum, pre_emphasis

SINGLE, DOUBLE = 1.1920929e-07, 2.220446049250313e-16  # the smallest steps of float32 and of float64
FLOOR = {"nii": SINGLE, "gmm": DOUBLE, "pc_darts": SINGLE}  # added before the logarithm


@dataclass
class Config:
    """The defaults are `nii` over the full band; the others are gmm, 480, 240, 1024, 70, 20, 4000 and
    pc_darts, 1024, 256, 1024, 70.
    """

    variant: Literal["nii", "gmm", "pc_darts"] = "nii"
    sample_rate: int = 16_000  # Hz
    window: int = 320  # samples
    hop: int = 160  # samples
    num_fft: int = 512
    num_filters: int = 20
    num_coefficients: int = 20  # before deltas
    max_frequency: float = 8_000.0  # Hz, upper end of the filters
    deltas: bool = True


class Feature(nn.Module):
    """Waveform (B, T) to LFCC (B, F, N), F = num_coefficients, or three times that with deltas."""

    window: Tensor
    filters: Tensor
    dct: Tensor

    def __init__(self, config: Config):
        super().__init__()
        if not 0 < config.max_frequency <= config.sample_rate / 2:
            raise ConfigError(
                f"lfcc: max_frequency is {config.max_frequency} Hz, which is not between 0 and half of the "
                "sample rate"
            )
        self.config = config
        self.num_features = config.num_coefficients * (3 if config.deltas else 1)
        self.centre = config.variant != "gmm"
        settings = config.sample_rate, config.num_fft, config.num_filters, config.max_frequency
        filters = linear_filters(*settings) if self.centre else bin_filters(*settings)
        self.register_buffer(
            "window", torch.hamming_window(config.window, periodic=self.centre), persistent=False
        )
        self.register_buffer("filters", filters, persistent=False)
        self.register_buffer("dct", dct_matrix(config.num_filters, config.num_coefficients), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T) to (B, F, N). Raise DataError for a clip without a whole frame."""
        return clip_by_clip(self._compute, x)

    def _compute(self, x: Tensor) -> Tensor:
        config, nii = self.config, self.config.variant == "nii"
        x = pre_emphasis(x) if nii else x
        power = power_spectrum(
            x, self.window, config.hop, config.num_fft, centre=self.centre, num_bins=len(self.filters)
        )
        coefficients = torch.log10(power @ self.filters + FLOOR[config.variant]) @ self.dct
        if nii:
            coefficients[..., 0] = torch.log10(power.sum(-1) / config.num_fft + SINGLE)
        coefficients = coefficients.transpose(1, 2)
        return add_deltas(coefficients) if config.deltas else coefficients


def linear_filters(sample_rate: int, num_fft: int, num_filters: int, max_frequency: float) -> Tensor:
    """Triangles whose edges are exact frequencies, (K, num_filters), where K counts only the bins below
    `max_frequency` (Hz).

    The published code labels those K bins with frequencies from 0 to max_frequency inclusive, a fraction of a
    bin too high; kept, since weights were trained on it.
    """
    num_bins = int(max_frequency / (sample_rate / 2) * (num_fft // 2 + 1))
    bins = np.linspace(0, max_frequency, num_bins)[:, None]
    edges = np.linspace(bins[0, 0], bins[-1, 0], num_filters + 2)
    rising = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    return torch.from_numpy(np.maximum(0, np.minimum(rising, falling))).float()


def bin_filters(sample_rate: int, num_fft: int, num_filters: int, max_frequency: float) -> Tensor:
    """Triangles whose edges are rounded down to bins, (K, num_filters), where K counts the bins up to the
    last edge.
    """
    edges = np.floor((num_fft + 1) * np.linspace(0, max_frequency, num_filters + 2) / sample_rate)
    bins = np.arange(int(edges[-1]))[:, None]
    low, peak, high = edges[:-2], edges[1:-1], edges[2:]
    rising = np.where((bins >= low) & (bins < peak), (bins - low) / np.maximum(peak - low, 1), 0)
    falling = np.where((bins >= peak) & (bins < high), (high - bins) / np.maximum(high - peak, 1), 0)
    return torch.from_numpy(rising + falling).float()
