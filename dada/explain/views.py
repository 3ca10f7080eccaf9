"""Views of inputs: rows that are frequencies wherever a linear map leads from such rows to the model's input.

A view is that map as a module in front of the model, so that every method explains the model and the map
together, exactly. Spectrograms are explained as they are. Cepstra come from the spectral envelope that they
describe by a cosine transform. Waveforms come from their short-time spectrum. Outputs of an encoder have no
frequencies; they are explained over time alone.

Axes: B utterances, F frequencies, N frames, C coefficients, T samples, R rows of a view.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from dada import plugins
from dada.data.batch import Batch
from dada.features._frames import dct_matrix
from dada.models import Output

WINDOW, HOP = 512, 128  # samples of the short-time spectrum of a waveform: 32 and 8 ms at 16 kHz
CEPSTRA = ("lfcc", "mfcc")


class View(nn.Module):
    """Inputs as they are. `frequencies` is (F,) in Hz, or None; `hop` and `offset` of the frames are in s."""

    def __init__(self, frequencies: np.ndarray | None, hop: float, offset: float = 0.0) -> None:
        super().__init__()
        self.frequencies, self.hop, self.offset = frequencies, hop, offset

    def enter(self, x: Tensor) -> Tensor:
        """Return the rows (R, N) that are explained, from an input of the model (..., N)."""
        return x

    def forward(self, rows: Tensor) -> Tensor:
        """Return inputs of the model from rows (B, R, N)."""
        return rows

    def lengths(self, batch: Batch) -> Tensor:
        """Return the lengths (B,) of the inputs of the model."""
        return batch.lengths

    def fold(self, values: Tensor) -> Tensor:
        """Return values of frequencies (..., F, N) from those of rows (..., R, N).

        Without frequencies they are the sums over rows, (..., 1, N).
        """
        return values if self.frequencies is not None else values.sum(-2, keepdim=True)

    def picture(self, rows: Tensor) -> Tensor:
        """Return what a picture of the input shows, (F, N), from its rows (R, N)."""
        return rows

    def times(self, num: int) -> np.ndarray:
        """Return the middles of frames in s."""
        return self.offset + self.hop * np.arange(num)


class Cepstra(View):
    """C cepstral coefficients, with or without deltas, as the spectral envelope over F filters.

    The coefficients are the cosine transform of the envelope. It is orthonormal, so the envelope of a
    cepstrum is unique where there are as many coefficients as filters, and the smoothest otherwise. Rows are
    (frequency, level or delta), since a filter's support is that of its level and of its slopes together. An
    energy in the place of the first coefficient counts as the level of all filters alike.
    """

    def __init__(
        self, frequencies: np.ndarray, hop: float, offset: float, num_coefficients: int, num_blocks: int
    ) -> None:
        super().__init__(frequencies, hop, offset)
        self.num_blocks = num_blocks
        self.dct: Tensor
        self.register_buffer("dct", dct_matrix(len(frequencies), num_coefficients), persistent=False)

    def enter(self, x: Tensor) -> Tensor:
        return torch.einsum("fc,kcn->fkn", self.dct, x.unflatten(0, (self.num_blocks, -1))).flatten(0, 1)

    def forward(self, rows: Tensor) -> Tensor:
        blocks = rows.unflatten(1, (-1, self.num_blocks)).permute(0, 2, 3, 1)  # (B, blocks, N, F)
        return (blocks @ self.dct).transpose(2, 3).flatten(1, 2)

    def fold(self, values: Tensor) -> Tensor:
        return values.unflatten(-2, (-1, self.num_blocks)).sum(-2)

    def picture(self, rows: Tensor) -> Tensor:
        return rows.unflatten(0, (-1, self.num_blocks))[:, 0]


class Spectrum(View):
    """Waveforms (T,) as real and imaginary parts of their short-time spectrum; rows are (frequency, part)."""

    def __init__(self, num_samples: int, rate: int) -> None:
        super().__init__(np.arange(WINDOW // 2 + 1) * rate / WINDOW, HOP / rate)
        self.num_samples = num_samples
        self.window: Tensor
        self.register_buffer("window", torch.hann_window(WINDOW), persistent=False)

    def enter(self, x: Tensor) -> Tensor:
        spectrum = torch.stft(x, WINDOW, HOP, window=self.window, return_complex=True)
        return torch.view_as_real(spectrum).transpose(1, 2).flatten(0, 1)

    def forward(self, rows: Tensor) -> Tensor:
        parts = rows.unflatten(1, (-1, 2)).transpose(2, 3).contiguous()
        return torch.istft(
            torch.view_as_complex(parts), WINDOW, HOP, window=self.window, length=self.num_samples
        )

    def lengths(self, batch: Batch) -> Tensor:
        return torch.full_like(batch.lengths, self.num_samples)

    def fold(self, values: Tensor) -> Tensor:
        return values.unflatten(-2, (-1, 2)).sum(-2)

    def picture(self, rows: Tensor) -> Tensor:
        return rows.unflatten(0, (-1, 2)).square().sum(1).clamp_min(1e-10).log10() * 10


class ViewedModel(nn.Module):
    """A model that reads a view of its inputs."""

    def __init__(self, model: nn.Module, view: View) -> None:
        super().__init__()
        self.model, self.view = model, view

    def forward(self, batch: Batch) -> Output:
        return self.model(replace(batch, inputs=self.view(batch.inputs), lengths=self.view.lengths(batch)))


def of_features(settings: Mapping[str, Any], num_frames: int, seconds: float) -> View:
    """Return the view of features `{name: lfcc, ...}`; a sound of `seconds` has `num_frames` of them."""
    name = settings["name"]
    filled = {key: value for key, value in settings.items() if key != "name"}
    config = plugins.load("dada.features", name, "feature").Config(**filled)
    rate, hop = getattr(config, "sample_rate", 16_000), getattr(config, "hop", None)
    step = seconds / max(num_frames, 1) if hop is None else hop / rate
    offset = 0.0
    if hop is None:
        offset = step / 2
    elif name == "lfcc" and config.variant == "gmm":
        offset = config.window / 2 / rate
    frequencies = row_frequencies(name, config)
    if name in CEPSTRA and frequencies is not None:
        return Cepstra(frequencies, step, offset, config.num_coefficients, 3 if config.deltas else 1)
    return View(frequencies, step, offset)


def row_frequencies(name: str, config: Any) -> np.ndarray | None:
    """Return the middle frequencies (F,) in Hz of the rows of a feature, of cepstra those of their filters.

    None where rows are no frequencies.
    """
    if name == "spectrogram":
        if config.num_filters:
            return np.linspace(0, config.sample_rate / 2, config.num_filters + 2)[1:-1]
        return np.arange(config.num_fft // 2 + 1) * config.sample_rate / config.num_fft
    if name == "lfcc":
        return np.linspace(0, config.max_frequency, config.num_filters + 2)[1:-1]
    if name == "mel":
        return mel_centres(config.num_mels, config.min_frequency, config.max_frequency)
    if name == "mfcc":
        return mel_centres(config.num_mels, 0.0, config.sample_rate / 2)
    if name == "cqt":
        return config.min_frequency * 2 ** (np.arange(config.num_bins) / config.bins_per_octave)
    return None


def mel_centres(num: int, low: float, high: float) -> np.ndarray:
    """Return the peaks in Hz of `num` triangles that are even on Slaney's mel scale.

    The scale is linear below 1 kHz; above it 27 steps are a factor of 6.4.
    """
    step, knee = 200 / 3, 1000.0
    to_mel = [
        f / step if f < knee else knee / step + np.log(f / knee) * 27 / np.log(6.4) for f in (low, high)
    ]
    mels = np.linspace(to_mel[0], to_mel[1], num + 2)[1:-1]
    return np.where(mels < knee / step, mels * step, knee * np.exp(np.log(6.4) / 27 * (mels - knee / step)))
