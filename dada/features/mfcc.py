"""Mel-frequency cepstral coefficients as librosa computes them, every default written out, with deltas.

128 Slaney mel bands in decibels (range 80 dB), orthonormal DCT-II, the first 20. Deltas are the least-squares
slope over ±4 frames with edge frames repeated (librosa fits a line to the edges instead), and the deltas of
those.

Axes: B batch, T samples, N frames, F coefficients.
"""

from dataclasses import dataclass

from torch import Tensor, nn

from dada.features import mel
from dada.features._frames import add_deltas, clip_by_clip, dct_matrix

REACH = 4  # frames on either side: librosa's width of 9


@dataclass
class Config:
    """Frequencies in Hz, lengths in samples."""

    sample_rate: int = 16_000
    window: int = 1024
    hop: int = 512
    num_mels: int = 128
    num_coefficients: int = 20  # before deltas
    deltas: bool = True


class Feature(nn.Module):
    """Waveform (B, T) to MFCC (B, F, N), F = num_coefficients, or three times that with deltas."""

    dct: Tensor

    def __init__(self, config: Config):
        super().__init__()
        self.config = config
        self.num_features = config.num_coefficients * (3 if config.deltas else 1)
        self.mel = mel.Feature(
            mel.Config(
                sample_rate=config.sample_rate,
                window=config.window,
                hop=config.hop,
                num_mels=config.num_mels,
                max_frequency=config.sample_rate / 2,
                gain=1.0,
            )
        )
        self.register_buffer("dct", dct_matrix(config.num_mels, config.num_coefficients), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T) to (B, F, N)."""
        return clip_by_clip(self._compute, x)

    def _compute(self, x: Tensor) -> Tensor:
        coefficients = (self.mel(x).transpose(1, 2) @ self.dct).transpose(1, 2)
        return add_deltas(coefficients, REACH, normalise=True) if self.config.deltas else coefficients
