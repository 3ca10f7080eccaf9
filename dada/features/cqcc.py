"""Constant-Q cepstral coefficients (Todisco, Delgado and Evans, "A new feature for automatic speaker
verification anti-spoofing: constant Q cepstral coefficients", Odyssey 2016), the feature of the baseline B01
of ASVspoof 2019 and 2021.

Log power of a constant-Q transform, its frequency axis resampled uniformly by splines, DCT-II, and
least-squares deltas. The transform is the variable-Q one of Schörkhuber et al. ("A Matlab toolbox for
efficient perfect reconstruction time-frequency transforms with log-frequency resolution", AES 2014): bands
are Hann windows over the spectrum of the whole clip, as wide as f (2^{1/B} - 2^{-1/B}) plus a constant; bands
that would reach beyond zero or half of the sample rate are left out, 863 of the default 864 remaining.

Departures: frames come every whole number of samples, where the toolbox divides each clip into equal parts,
up to a sample shorter; beyond the ends of a clip there are zeros, not its other end; a sine of amplitude 1
has the magnitude 1. Splines and DCT are one matrix. What MATLAB's `resample` filters beside its splines is
left out.

Axes: B batch, T samples, N frames, F coefficients, K bands, W bins of the spectrum within a band, M bins
after folding.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from scipy.interpolate import CubicSpline
from torch import Tensor, nn

from dada.errors import ConfigError
from dada.features._frames import add_deltas, clip_by_clip, dct_matrix
from dada.features.cqt import fft_size

OFFSET = 228.7  # Hz: what 24.7 Hz of the ERB scale is at a slope of .108, so that low bands are wider
FLOOR = 2.220446049250313e-16  # added to the power before the logarithm: the smallest step of float64
VALUES = 2**22  # complex numbers of the transform held at once on a CPU: 32 MB
VALUES_ELSEWHERE = 2**27  # on a GPU, whose kernels are worth starting for many: 1 GB


@dataclass
class Config:
    """The defaults are the 2019 baseline's. Frequencies in Hz, lengths in samples."""

    sample_rate: int = 16_000
    bins_per_octave: int = 96
    max_frequency: float = 8_000.0
    num_octaves: int = 9  # below max_frequency
    hop: int = 0  # between frames; 0 takes the most that the widest band allows
    first_octave: int = 16  # points of the uniform axis in the lowest octave, which sets its step
    num_coefficients: int = 20  # before deltas, c0 among them
    deltas: bool = True
    reach: int = 3  # frames on either side of a delta


class Feature(nn.Module):
    """Waveform (B, T) to CQCC (B, F, N), F = num_coefficients, or three times that with deltas; N = 1 + T //
    hop.
    """

    cepstrum: Tensor

    def __init__(self, config: Config):
        super().__init__()
        if config.max_frequency > config.sample_rate / 2:
            raise ConfigError(
                f"cqcc: max_frequency is {config.max_frequency} Hz, above half of the sample rate"
            )
        self.config = config
        self.num_features = config.num_coefficients * (3 if config.deltas else 1)
        self.lowest = config.max_frequency / 2**config.num_octaves
        self.frequencies, self.widths = bands(config, self.lowest)
        longest_hop = math.floor(config.sample_rate / self.widths[-1])
        if config.hop > longest_hop:
            raise ConfigError(
                f"cqcc: hop {config.hop} is too long for the widest band, which allows {longest_hop}"
            )
        self.hop = config.hop or longest_hop
        matrix = cepstral_matrix(self.frequencies, self.lowest / config.first_octave, config.num_coefficients)
        self.register_buffer("cepstrum", matrix, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T) to (B, F, N)."""
        return clip_by_clip(self._compute, x)

    def _compute(self, x: Tensor) -> Tensor:
        """Band by band, so that memory beyond the clip's own spectrum stays the same for long clips."""
        margin = round(
            2 * self.config.sample_rate / self.widths[0]
        )  # half of the main lobe of the longest response
        num_blocks = fft_size(-(-(x.shape[-1] + margin) // self.hop))
        spectrum = torch.fft.rfft(x, n=num_blocks * self.hop) * (2 / self.hop)
        num_frames = 1 + x.shape[-1] // self.hop
        values = VALUES if x.device.type == "cpu" else VALUES_ELSEWHERE
        at_once = max(1, values // (num_blocks * len(x)))
        coefficients = x.new_zeros(len(x), num_frames, self.config.num_coefficients)
        for first in range(0, len(self.frequencies), at_once):
            chosen = slice(first, first + at_once)
            log_power = self._log_power(spectrum, chosen, num_blocks)[..., :num_frames]
            coefficients += log_power.transpose(1, 2) @ self.cepstrum[chosen]
        coefficients = coefficients.transpose(1, 2)
        return (
            add_deltas(coefficients, self.config.reach, normalise=True)
            if self.config.deltas
            else coefficients
        )

    def _log_power(self, spectrum: Tensor, chosen: slice, num_blocks: int) -> Tensor:
        """ln |C|² of some bands, (B, K, M). A band is moved to zero first, which turns only phases."""
        step = self.config.sample_rate / (num_blocks * self.hop)  # Hz between bins of the spectrum
        centres, widths = (
            torch.from_numpy(a[chosen] / step).to(spectrum.device) for a in (self.frequencies, self.widths)
        )
        start = torch.ceil(centres - widths / 2).long()
        widest = int(self.widths[chosen].max() / step)  # from the host's copy: nothing waits for the device
        index = start[:, None] + torch.arange(widest + 1, device=start.device)
        position = (index - centres[:, None]) / widths[:, None]  # -1/2 to 1/2 within the band
        window = torch.where(position.abs() < 0.5, 0.5 + 0.5 * torch.cos(2 * math.pi * position), 0).float()
        part = spectrum[:, index.clamp_max(spectrum.shape[-1] - 1)] * window
        transform = torch.fft.ifft(part[..., :num_blocks], n=num_blocks)
        return torch.log(transform.real.square() + transform.imag.square() + FLOOR)


def bands(config: Config, lowest: float) -> tuple[np.ndarray, np.ndarray]:
    """Centres and widths of all bands in Hz, (K,) each."""
    factor = 2 ** (1 / config.bins_per_octave) - 2 ** (-1 / config.bins_per_octave)
    centres = lowest * 2 ** (
        np.arange(config.bins_per_octave * config.num_octaves + 1) / config.bins_per_octave
    )
    widths = factor * (centres + OFFSET)
    within = (centres - widths / 2 >= 0) & (centres + widths / 2 <= config.sample_rate / 2)
    if within.sum() < 4:
        raise ConfigError(
            "cqcc: fewer than four bands lie between 0 and half of the sample rate: take more "
            "bins_per_octave or octaves"
        )
    return centres[within], widths[within]


def cepstral_matrix(frequencies: np.ndarray, step: float, num_coefficients: int) -> Tensor:
    """(K, F): values at `frequencies` to the DCT-II of a cubic spline through them, taken every `step` Hz
    from the first to the last.
    """
    points = np.arange(frequencies[0], frequencies[-1], step)
    spline = CubicSpline(frequencies, np.eye(len(frequencies)))(points)
    return torch.from_numpy(spline.T @ dct_matrix(len(points), num_coefficients).double().numpy()).float()
