"""Constant-Q transform, as log magnitude, ln(1 + |C|), or in decibels, 10 log10(|C|² + 1e-30).

The defaults are those of the CAU_KU systems of ADD 2022 and 2023: 100 bins from 5 Hz to 1.5 kHz, 12 an
octave, on samples at the scale of 16-bit integers (on [-1, 1] the added one would flatten everything).
Filters are librosa's: Hann window, unit sum of magnitudes, times the square root of their length.
2D-Res-TSSDNet (Hua et al., IEEE SPL 2021) has 432 bins from 15 Hz, 48 an octave, every 256 samples of a
pre-emphasised signal in [-1, 1], in decibels (dada/conf/res_tssdnet_2d_cqt.yaml).

Two methods. `exact`: one FFT of the clip, times each filter's response wherever that is above `tolerance`,
folded modulo the hop, and a short inverse FFT. `octaves`: librosa's recursion (Schörkhuber and Klapuri, SMC
2010), which halves the sample rate for every octave and drops the smallest 1 % of each filter's response; its
magnitudes are up to a tenth of the peak away from the exact ones in low octaves. The authors of the CAU_KU
systems and of 2D-Res-TSSDNet call librosa, so the configurations of these systems choose `octaves`. On six
clips of ASVspoof 2019 and 2021, tiled to 9 s, the two log-CQTs of 100 bins differ by .05 to .20 on average
and by 3.6 at most, where their standard deviation is about 3.

Axes: B batch, T samples, N frames, F bins, J blocks of M frequencies.
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from dada.errors import ConfigError
from dada.features._frames import frame, pre_emphasis
from dada.limits import Share

FLOOR = 1e-30  # added to the power before it is turned into decibels
# share of the summed magnitude of a filter's response that `octaves` drops (librosa's default)
SPARSITY = 0.01
# of the new Nyquist frequency: where the filter before a halving begins to fall (soxr's high quality)
PASSBAND = 0.913
BLOCK = 4096  # frames of a long clip that are computed at once
MARGIN = 2048  # zeros behind a clip, so that this filter's ringing does not wrap around


@dataclass
class Config:
    """Frequencies in Hz, lengths in samples."""

    sample_rate: int = 16_000
    hop: int = 512
    num_bins: int = 100
    bins_per_octave: int = 12
    min_frequency: float = 5.0
    # what samples in [-1, 1] are multiplied by; 32768 gives back the integers of a 16-bit file
    gain: float = 32_768.0
    pre_emphasis: Share = 0.0  # y[n] = x[n] - pre_emphasis · x[n-1]; 0 leaves that out
    scale: Literal["ln", "db"] = "ln"  # ln, of the magnitude plus one | db
    method: Literal["exact", "octaves"] = "exact"
    tolerance: float = 1e-5  # of a filter's peak, below which its response is taken as zero (exact)


class Feature(nn.Module):
    """Waveform (B, T) to logarithms of |CQT|, (B, F, N) with N = 1 + T // hop."""

    def __init__(self, config: Config):
        super().__init__()
        self.config = config
        self.num_features = config.num_bins
        self.frequencies = config.min_frequency * 2.0 ** (np.arange(config.num_bins) / config.bins_per_octave)
        ratio = 2.0 ** (2 / config.bins_per_octave)
        self.quality = (ratio + 1) / (ratio - 1)  # periods of its frequency in a filter
        top = self.frequencies[-1] * (1 + 0.75 / self.quality)  # 1.5 is the bandwidth of a Hann window
        if top > config.sample_rate / 2:
            raise ConfigError(
                f"cqt: the highest bin reaches {top:.0f} Hz, above half of the sample rate: take fewer bins"
            )
        self.transform = (Exact if config.method == "exact" else Octaves)(
            config, self.frequencies, self.quality, top
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, T) to (B, F, N)."""
        config = self.config
        x = pre_emphasis(x, config.pre_emphasis) if config.pre_emphasis else x
        magnitude = self.transform(x * config.gain)
        return (
            torch.log1p(magnitude) if config.scale == "ln" else 10 * torch.log10(magnitude.square() + FLOOR)
        )


class Exact(nn.Module):
    """|CQT| (B, F, N) of (B, T), in the frequency domain."""

    def __init__(self, config: Config, frequencies: np.ndarray, quality: float, top: float):
        super().__init__()
        self.config = config
        self.filters = [wavelet(f, config.sample_rate, quality) for f in frequencies]
        self.gains = np.sqrt(quality * config.sample_rate / frequencies)
        self._responses: dict[tuple, list[tuple[int, Tensor]]] = {}
        self._groups: dict[tuple, tuple[list[tuple[Tensor, Tensor]], Tensor]] = {}

    def forward(self, x: Tensor) -> Tensor:
        """A long clip in blocks with half of the longest filter on either side, so that memory beyond the
        result does not grow.
        """
        hop, size = self.config.hop, BLOCK * self.config.hop
        if x.shape[-1] < size:
            return self._transform(x)
        margin = -(-len(self.filters[0]) // (2 * hop)) * hop
        parts = []
        for start in range(0, x.shape[-1] + 1, size):
            first = max(0, start - margin)
            part = self._transform(x[:, first : start + size + margin])
            parts.append(
                part[..., (start - first) // hop :][..., : min(BLOCK, 1 + (x.shape[-1] - start) // hop)]
            )
        return torch.cat(parts, dim=-1)

    def _transform(self, x: Tensor) -> Tensor:
        """The FFT is long enough that the longest filter, centred on the last frame, does not reach around to
        the start.
        """
        hop = self.config.hop
        num_blocks = fft_size(-(-(x.shape[-1] + len(self.filters[0]) // 2 + 1) // hop))
        spectrum = torch.fft.rfft(x, n=num_blocks * hop)
        fold = self._fold if x.device.type == "cpu" else self._fold_groups
        return torch.fft.ifft(fold(spectrum, num_blocks)).abs()[..., : 1 + x.shape[-1] // hop]

    def _fold(self, spectrum: Tensor, num_blocks: int) -> Tensor:
        """The spectrum times each filter's response, folded modulo the hop: (B, hop · M / 2 + 1) to (B, F,
        M). Filter by filter, so that the products stay in a processor's cache.
        """
        folded = []
        for start, response in self._filter_responses(num_blocks, spectrum.device):
            part = spectrum[:, start : start + response.numel()]
            part = nn.functional.pad(part, (0, response.numel() - part.shape[1])).unflatten(1, response.shape)
            folded.append((part * response).sum(1))
        return torch.stack(folded, dim=1)

    def _fold_groups(self, spectrum: Tensor, num_blocks: int) -> Tensor:
        """As `_fold`, filters of similarly many blocks at once: a few kernels in place of some hundred."""
        groups, order = self._filter_groups(num_blocks, spectrum.device)
        size = num_blocks * self.config.hop
        blocks = nn.functional.pad(spectrum, (0, size - spectrum.shape[1])).unflatten(1, (-1, num_blocks))
        folded = [(blocks[:, rows] * responses).sum(2) for rows, responses in groups]
        return torch.cat(folded, dim=1)[:, order]

    def _filter_groups(
        self, num_blocks: int, device: torch.device
    ) -> tuple[list[tuple[Tensor, Tensor]], Tensor]:
        """For every power of two up to the most blocks of a filter: the blocks (F, J) of its filters and
        their responses (F, J, M), zero where a filter has fewer; and where among those of all groups each
        filter is.
        """
        key = (num_blocks, device)
        if key not in self._groups:
            responses = self._filter_responses(num_blocks, torch.device("cpu"))
            sizes = [1 << (len(response) - 1).bit_length() for _, response in responses]
            groups, places = [], []
            for size in sorted(set(sizes)):
                chosen = [i for i, other in enumerate(sizes) if other == size]
                starts = torch.tensor([responses[i][0] // num_blocks for i in chosen])
                padded = [
                    nn.functional.pad(responses[i][1], (0, 0, 0, size - len(responses[i][1]))) for i in chosen
                ]
                rows = (
                    starts[:, None] + torch.arange(size)
                ) % self.config.hop  # what is beyond counts nothing
                groups.append((rows.to(device), torch.stack(padded).to(device)))
                places += chosen
            self._groups[key] = groups, torch.tensor(places).argsort().to(device)
        return self._groups[key]

    def _filter_responses(self, num_blocks: int, device: torch.device) -> list[tuple[int, Tensor]]:
        """For each filter the first frequency, a multiple of M, and the response from there on, (J, M), M =
        `num_blocks`.
        """
        key = (num_blocks, device)
        if key not in self._responses:
            size = num_blocks * self.config.hop
            filters = zip(self.filters, self.gains / self.config.hop, strict=True)
            self._responses[key] = [self._response(h, gain, size, num_blocks, device) for h, gain in filters]
        return self._responses[key]

    def _response(
        self, filter_: np.ndarray, gain: float, size: int, num_blocks: int, device: torch.device
    ) -> tuple[int, Tensor]:
        centred = np.zeros(size, dtype=np.complex128)
        centred[np.arange(len(filter_)) - -(-len(filter_) // 2)] = filter_
        response = gain * np.fft.fft(centred).conj()[: size // 2 + 1]
        kept = np.flatnonzero(np.abs(response) >= self.config.tolerance * np.abs(response).max())
        start = kept[0] // num_blocks * num_blocks
        blocks = np.zeros(-(-(kept[-1] + 1 - start) // num_blocks) * num_blocks, dtype=np.complex64)
        blocks[kept[0] - start : kept[-1] + 1 - start] = response[kept[0] : kept[-1] + 1]
        return int(start), torch.from_numpy(blocks.reshape(-1, num_blocks)).to(device)


class Octaves(nn.Module):
    """|CQT| (B, F, N) of (B, T) by halving the sample rate, so that octaves share filters and frames."""

    responses: Tensor
    gains: Tensor

    def __init__(self, config: Config, frequencies: np.ndarray, quality: float, top: float):
        super().__init__()
        self.config = config
        self.num_octaves = math.ceil(config.num_bins / config.bins_per_octave)
        twos = (config.hop & -config.hop).bit_length() - 1
        room = math.ceil(math.log2(config.sample_rate / 2 / top)) - 2
        self.early = max(0, min(room, twos - self.num_octaves + 1))  # halvings before the first octave
        if twos < self.early + self.num_octaves - 1:
            raise ConfigError(
                f"cqt: method octaves halves the hop {self.num_octaves - 1} times, which {config.hop} does "
                "not allow"
            )
        rate = config.sample_rate / 2**self.early
        octave = [wavelet(f, rate, quality) for f in frequencies[-config.bins_per_octave :]]
        lengths = quality * rate / frequencies[-config.bins_per_octave :]
        size = 2 ** math.ceil(math.log2(lengths.max()))
        responses = [
            sparse_response(h, size) * length / size for h, length in zip(octave, lengths, strict=True)
        ]
        self.size = size
        self.register_buffer(
            "responses", torch.from_numpy(np.array(responses).T.astype(np.complex64)), persistent=False
        )
        # Gain of each row: librosa's square roots of the rates on the way down, over the square root of the
        # filter's full length.
        step = np.repeat(np.arange(self.num_octaves), config.bins_per_octave)[: config.num_bins][::-1]
        gains = np.sqrt(2.0 ** (self.early + step)) / np.sqrt(quality * config.sample_rate / frequencies)
        self.register_buffer("gains", torch.from_numpy(gains.astype(np.float32))[:, None], persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Frames are centred on multiples of the hop, zeros beyond the ends."""
        hop = self.config.hop
        for _ in range(self.early):
            x, hop = halve_rate(x), hop // 2
        num_frames = 1 + x.shape[-1] // hop
        frames = []
        for _ in range(self.num_octaves):
            padded = nn.functional.pad(x, (self.size // 2, self.size // 2))
            frames.append(frame(padded, self.size, hop))
            num_frames = min(num_frames, frames[-1].shape[1])
            x, hop = halve_rate(x), hop // 2
        parts = []
        for first in range(0, num_frames, BLOCK):
            octaves = torch.stack([part[:, first : min(first + BLOCK, num_frames)] for part in frames], dim=1)
            response = (
                torch.fft.rfft(octaves) @ self.responses
            )  # (B, octaves from the top, N, bins of an octave)
            parts.append(response.abs().flip(1).transpose(2, 3).flatten(1, 2)[:, -self.config.num_bins :])
        return torch.cat(parts, dim=-1) * self.gains


def wavelet(frequency: float, rate: float, quality: float) -> np.ndarray:
    """A filter of `quality` periods: a Hann window times a complex exponential, magnitudes summing to one;
    complex (L,).
    """
    length = quality * rate / frequency
    times = np.arange(-length // 2, length // 2)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(len(times)) / len(times))
    return window * np.exp(2j * np.pi * frequency / rate * times) / window.sum()


def sparse_response(filter_: np.ndarray, size: int) -> np.ndarray:
    """FFT of a centred filter at positive frequencies, (size // 2 + 1,), without the smallest values that sum
    up to SPARSITY.
    """
    centred = np.zeros(size, dtype=np.complex128)
    start = (size - len(filter_)) // 2
    centred[start : start + len(filter_)] = filter_
    response = np.fft.fft(centred)[: size // 2 + 1]
    magnitudes = np.sort(np.abs(response))
    threshold = magnitudes[np.argmin(np.cumsum(magnitudes) / magnitudes.sum() < SPARSITY)]
    return np.where(np.abs(response) < threshold, 0, response)


def halve_rate(x: Tensor) -> Tensor:
    """(B, T) to (B, ⌈T / 2⌉) at half the rate, times √2 so that the energy stays."""
    size = fft_size(x.shape[-1] + MARGIN)
    spectrum = torch.fft.rfft(x, n=size)[:, : size // 4 + 1]
    position = torch.linspace(0, 1, spectrum.shape[1], device=x.device)
    fall = torch.cos(math.pi / 2 * ((position - PASSBAND) / (1 - PASSBAND)).clamp(0, 1)).square()
    return torch.fft.irfft(spectrum * fall, n=size // 2)[:, : -(-x.shape[-1] // 2)] / math.sqrt(2)


def fft_size(least: int) -> int:
    """The smallest of 2^k and 3·2^k that is not less: a fast size, and few sizes to compute filters for."""
    power = 2 ** math.ceil(math.log2(least))
    return power // 4 * 3 if power >= 4 and power // 4 * 3 >= least else power
