"""Trivial cues of a clip, such as its duration, level and silence, which do not depend on the voice.

A corpus whose spoofs are shorter, louder, cleaner or trimmed otherwise than its real speech lets any detector
look good; a classifier on these numbers shows how much of that there is. (Müller et al., ASVspoof 2021
workshop, found that the length of the leading silence alone goes far on ASVspoof 2019.)

Axes: B batch, T samples, N frames, F cues.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from dada.features._frames import power_spectrum

NAMES = (
    "duration",
    "level",
    "active_level",
    "peak",
    "noise_floor",
    "dynamic_range",
    "leading_silence",
    "trailing_silence",
    "silence",
    "bandwidth",
    "centroid",
    "tilt",
    "high_band",
    "low_band",
    "zero_crossings",
)  # seconds, dB, kHz, dB per kHz, shares
FLOOR = 1e-12  # power of what counts as digital silence: -120 dB


@dataclass
class Config:
    """Frames of 20 ms; what lies `silence_below` dB under the loud frames counts as silence."""

    sample_rate: int = 16_000  # Hz
    frame: int = 320  # samples
    silence_below: float = 30.0  # dB


class Feature(nn.Module):
    """Waveform (B, T) to cues (B, F, 1) in the order of NAMES."""

    window: Tensor

    def __init__(self, config: Config):
        super().__init__()
        self.config = config
        self.num_features = len(NAMES)
        self.register_buffer("window", torch.hann_window(config.frame), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T) to (B, F, 1)."""
        spectrum = power_spectrum(x, self.window, self.config.frame, self.config.frame)  # (B, N, K)
        cues = [*self._level_cues(x, spectrum), *self._spectral_cues(spectrum), self._zero_crossings(x)]
        return torch.stack(cues, dim=1)[..., None]

    def _level_cues(self, x: Tensor, spectrum: Tensor) -> list[Tensor]:
        seconds = self.config.frame / self.config.sample_rate
        frames = _db(spectrum.sum(-1) / self.config.frame**2)  # (B, N)
        quiet, loud = torch.quantile(frames, torch.tensor([0.1, 0.95], device=x.device), dim=1)
        silent = frames < (loud - self.config.silence_below)[:, None]
        leading, trailing = silent.cumprod(1).sum(1), silent.flip(1).cumprod(1).sum(1)
        duration = torch.full_like(quiet, x.shape[-1] / self.config.sample_rate)
        return [
            duration,
            _db(x.square().mean(-1)),
            loud,
            _db(x.square().amax(-1)),
            quiet,
            loud - quiet,
            leading * seconds,
            trailing * seconds,
            silent.float().mean(1),
        ]

    def _spectral_cues(self, spectrum: Tensor) -> list[Tensor]:
        power = spectrum.mean(1) + FLOOR  # (B, K)
        kilohertz = torch.linspace(0, self.config.sample_rate / 2000, power.shape[-1], device=power.device)
        share = power / power.sum(-1, keepdim=True)
        bandwidth = (share.cumsum(-1) < 0.99).sum(-1) * kilohertz[1]
        centred = kilohertz - kilohertz.mean()
        tilt = (_db(power) * centred).sum(-1) / centred.square().sum()
        high, low = kilohertz >= kilohertz[-1] / 2, kilohertz < kilohertz[-1] / 40
        return [
            bandwidth,
            (share * kilohertz).sum(-1),
            tilt,
            _db(share[:, high].sum(-1)),
            _db(share[:, low].sum(-1)),
        ]

    def _zero_crossings(self, x: Tensor) -> Tensor:
        return ((x[:, 1:] < 0) != (x[:, :-1] < 0)).float().mean(-1)


def _db(power: Tensor) -> Tensor:
    return 10 * torch.log10(power + FLOOR)
