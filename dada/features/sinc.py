"""A fixed bank of sinc band-pass filters on the waveform, the front end of AASIST, RawGAT-ST and RawNet2.

Filter i passes the band between two neighbouring edges: the difference of two ideal low-passes, cut to an odd
number of taps by a symmetric Hamming window (Ravanelli and Bengio, "Speaker recognition from raw waveform
with SincNet", SLT 2018). Nothing is learned and nothing is stored with the weights. Taps are float32, and
window and ideal response are rounded to float32 before they are multiplied: the published weights were
trained on such filters, and otherwise logits move in the fourth decimal.

Axes: B batch, T samples, N outputs in time, F filters, P bands after pooling, K taps.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from dada.errors import ConfigError, DataError
from dada.features._precision import in_float32

PIECE = 2**18  # samples filtered at once: of half an hour the result takes gigabytes by itself
# frames multiplied at once on a CPU: few enough that the products stay in its cache until they are pooled
CHUNK = 1024
PRODUCTS = 2**28  # outputs of filters held at once elsewhere: a gigabyte


@dataclass
class Config:
    """The defaults are those of AASIST and RawGAT-ST."""

    num_filters: int = 70
    num_taps: int = 129  # odd
    sample_rate: int = 16_000  # Hz; the edges reach from 0 to half of it
    # mel | inverse_mel (mirrored: narrow bands at the top) | linear: on which edges are equally far apart
    scale: Literal["mel", "inverse_mel", "linear"] = "mel"
    extra_edges: int = 0  # edges laid out above those that are used, which moves the used ones down


class Feature(nn.Module):
    """Waveform (B, T) to the outputs of the filters (B, F, N), one for each sample: N = T - K + 1."""

    filters: Tensor

    def __init__(self, config: Config):
        super().__init__()
        self.config = config
        self.num_features = config.num_filters
        self.register_buffer("filters", sinc_filters(config), persistent=False)

    @in_float32
    def forward(self, x: Tensor) -> Tensor:
        """(B, T) to (B, F, N). Raise DataError for a clip shorter than a filter."""
        check_length(x, self.config.num_taps)
        size = x.shape[-1] - self.config.num_taps + 1
        if size <= PIECE:
            return self._filter(x)
        y = x.new_empty(len(x), self.num_features, size)
        for start in range(0, size, PIECE):
            y[..., start : start + PIECE] = self._filter(
                x[:, start : start + PIECE + self.config.num_taps - 1]
            )
        return y

    def _filter(self, x: Tensor) -> Tensor:
        return nn.functional.conv1d(x[:, None], self.filters[:, None])


class PooledMagnitude(nn.Module):
    """Waveform (B, T) to the largest |output| over `bands` neighbouring filters and `steps` samples, (B, P,
    N): P = F // bands.

    The same as filtering, absolute value and a max pool without overlap, several times faster: the filter,
    delayed by each step of a pooling window, is a row of one matrix, which frames that lie `steps` samples
    apart are multiplied with.

    In training up to `max_masked` neighbouring filters are silenced, the same ones for the whole batch: their
    number is drawn from 0 … max_masked - 1, then their place, both from torch's global generator.
    """

    matrix: Tensor

    def __init__(self, config: Config, bands: int, steps: int, max_masked: int = 0):
        super().__init__()
        if not 0 <= max_masked <= config.num_filters:
            raise ConfigError(
                f"max_masked_filters is {max_masked}, but there are {config.num_filters} filters"
            )
        self.bands, self.steps, self.max_masked = bands, steps, max_masked
        self.num_filters, self.num_bands = config.num_filters, config.num_filters // bands
        self.window = config.num_taps + steps - 1
        filters = (
            sinc_filters(config)[: self.num_bands * bands].view(self.num_bands, bands, -1).transpose(0, 1)
        )
        delayed = [nn.functional.pad(filters, (step, steps - 1 - step)) for step in range(steps)]
        self.register_buffer("matrix", torch.stack(delayed), persistent=False)  # (steps, bands, P, window)

    @in_float32
    def forward(self, x: Tensor) -> Tensor:
        """(B, T) to (B, P, N). Raise DataError for a clip shorter than a filter and its delays."""
        check_length(x, self.window)
        matrix = self.matrix
        if self.training and self.max_masked:
            matrix = matrix * self._mask()[:, :, None]
        matrix = matrix.reshape(-1, self.window)
        if torch.jit.is_tracing():  # ONNX has no frames that overlap
            outputs = nn.functional.conv1d(x[:, None], matrix[:, None], stride=self.steps)
            return outputs.view(len(x), -1, self.num_bands, outputs.shape[-1]).abs().amax(1)
        frames = x.unfold(-1, self.window, self.steps)  # (B, N, window), a view
        return self._in_cache(matrix, frames) if x.device.type == "cpu" else self._at_once(matrix, frames)

    def _in_cache(self, matrix: Tensor, frames: Tensor) -> Tensor:
        """Clip by clip, a few frames at a time."""
        clips = []
        for clip in frames:
            outputs = [matrix @ part.T for part in clip.split(CHUNK)]
            pooled = [y.view(-1, self.num_bands, y.shape[-1]).abs().amax(0) for y in outputs]
            clips.append(torch.cat(pooled, dim=-1))
        return torch.stack(clips)

    def _at_once(self, matrix: Tensor, frames: Tensor) -> Tensor:
        """The whole batch in three kernels: frames are copied, multiplied and pooled; in parts where that
        takes more memory than PRODUCTS.
        """
        batch = matrix.expand(len(frames), -1, -1)
        parts = []
        for part in frames.split(max(1, PRODUCTS // (len(frames) * len(matrix))), dim=1):
            outputs = torch.bmm(batch, part.contiguous().transpose(1, 2))  # (B, steps · bands · P, N)
            parts.append(torch.linalg.vector_norm(outputs.unflatten(1, (-1, self.num_bands)), torch.inf, 1))
        return torch.cat(parts, dim=-1) if len(parts) > 1 else parts[0]

    def _mask(self) -> Tensor:
        """(bands, P), 0 for the silenced filters and 1 for the others."""
        size = int(torch.randint(self.max_masked, ()))
        start = int(torch.randint(self.num_filters - size + 1, ()))
        mask = torch.ones(self.num_filters, device=self.matrix.device)
        mask[start : start + size] = 0
        return mask[: self.num_bands * self.bands].view(self.num_bands, self.bands).T


def sinc_filters(config: Config) -> Tensor:
    """The taps (F, K). Raise ConfigError for settings that make no filters."""
    if config.num_filters < 1 or config.num_taps < 3 or config.num_taps % 2 == 0:
        sizes = f"{config.num_filters} filters of {config.num_taps} taps"
        raise ConfigError(f"sinc: {sizes}: num_filters and num_taps must be positive, and num_taps odd")
    edges = band_edges(config)[:, None] * 2 / config.sample_rate
    taps = np.arange(config.num_taps, dtype=np.float32) - config.num_taps // 2
    low_pass = edges * np.sinc(edges * taps)
    window = torch.from_numpy(np.hamming(config.num_taps)).float()
    return torch.from_numpy(low_pass[1:] - low_pass[:-1]).float() * window


def band_edges(config: Config) -> np.ndarray:
    """The F + 1 edges of the bands in Hz."""
    top, num_edges = config.sample_rate / 2, config.num_filters + 1 + config.extra_edges
    if config.scale == "linear":
        return np.linspace(0, top, num_edges)[: config.num_filters + 1]
    edges = 700 * (10 ** (np.linspace(0, 2595 * np.log10(1 + top / 700), num_edges) / 2595) - 1)
    if config.scale == "inverse_mel":
        edges = top - edges[::-1]
    return edges[: config.num_filters + 1]


def check_length(x: Tensor, shortest: int) -> None:
    """Raise DataError for clips (B, T) of fewer samples than `shortest`."""
    if x.shape[-1] < shortest:
        raise DataError(
            f"a clip of {x.shape[-1]} samples is shorter than a filter of {shortest}: remove it, or let "
            "the length rule tile or pad it"
        )
