"""Parts shared by the spectral features: frames, power spectra, filters, cosine transform, deltas, decibels.

Axes: B batch, T samples, N frames, F features, K bins of the spectrum.
"""

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from dada.errors import DataError

CHUNK = 8192  # frames whose complex spectra are held at once
TOO_SHORT = "remove it, or tile or pad it by the length rule"  # what to do about a clip


def frame(x: Tensor, size: int, hop: int) -> Tensor:
    """(B, T) to overlapping frames (B, N, size) without padding. Raise DataError for a clip shorter than one
    frame.
    """
    if x.shape[-1] < size:
        raise DataError(f"a clip of {x.shape[-1]} samples is shorter than one frame of {size}: {TOO_SHORT}")
    return x.unfold(-1, size, hop)


def clip_by_clip(compute: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """`compute` (B, T) to (B, F, N); on a CPU one clip after the other, since the spectra of a whole batch
    leave its cache.
    """
    if x.device.type != "cpu" or len(x) == 1:
        return compute(x)
    return torch.cat([compute(row) for row in x.split(1)])


def power_spectrum(
    x: Tensor, window: Tensor, hop: int, num_fft: int, centre: bool = True, num_bins: int | None = None
) -> Tensor:
    """(B, T) to |X|², (B, N, K): the first `num_bins` of num_fft // 2 + 1. `centre` puts half a window of
    zeros on both sides.

    Where a window lies within a longer FFT only turns the phase, so the frames need not be padded to
    `num_fft` first.
    """
    size = len(window)
    if centre:
        x = torch.nn.functional.pad(x, (size // 2, size - size // 2))
        x = x[..., : x.shape[-1] - size % 2]
    if torch.jit.is_tracing():
        return _power_by_matrix(x, window, hop, num_fft, num_bins)
    parts = []
    for frames in frame(x, size, hop).split(
        CHUNK, dim=1
    ):  # of a long clip the complex spectra together would take many times its size
        spectrum = torch.fft.rfft(frames * window, n=num_fft)[..., :num_bins]
        parts.append(spectrum.real.square() + spectrum.imag.square())
    return parts[0] if len(parts) == 1 else torch.cat(parts, dim=1)


def _power_by_matrix(x: Tensor, window: Tensor, hop: int, num_fft: int, num_bins: int | None) -> Tensor:
    """|X|² of frames (B, N, K) by a matrix of cosines and sines, since ONNX has neither overlapping frames
    nor complex numbers. Products are float64, which an FFT in float32 comes near to.
    """
    size = len(window)
    num_frames = (x.shape[-1] - size) // hop + 1
    places = torch.arange(num_frames)[:, None] * hop + torch.arange(size)
    frames = x[:, places] * window
    bins = torch.arange(num_bins or num_fft // 2 + 1, dtype=torch.float64)
    angles = 2 * math.pi / num_fft * torch.arange(size, dtype=torch.float64)[:, None] * bins
    real, imaginary = (frames.double() @ basis for basis in (angles.cos(), angles.sin()))
    return (real.square() + imaginary.square()).float()


def pre_emphasis(x: Tensor, coefficient: float = 0.97) -> Tensor:
    """y[0] = x[0], y[n] = x[n] - coefficient · x[n-1], along the last axis."""
    return torch.cat([x[..., :1], x[..., 1:] - coefficient * x[..., :-1]], dim=-1)


def dct_matrix(size: int, num_coefficients: int) -> Tensor:
    """Orthonormal DCT-II as a matrix (size, num_coefficients), to be multiplied from the right."""
    n = torch.arange(size, dtype=torch.float64)
    k = torch.arange(num_coefficients, dtype=torch.float64)
    matrix = torch.cos(math.pi / size * (n[:, None] + 0.5) * k) * math.sqrt(2 / size)
    matrix[:, 0] /= math.sqrt(2)
    return matrix.float()


def deltas(x: Tensor, reach: int = 1, normalise: bool = False) -> Tensor:
    """Slope over ± `reach` frames of (B, F, N), edge frames repeated: Σ_k k (x[t+k] - x[t-k]), k = 1 … reach.

    `normalise` divides by 2 Σ k², which makes it the least-squares slope per frame; otherwise it is the plain
    difference.
    """
    num_frames = x.shape[-1]
    padded = torch.nn.functional.pad(x, (reach, reach), mode="replicate")
    total = torch.zeros_like(x)
    for k in range(1, reach + 1):
        total = total + k * (
            padded[..., reach + k : reach + k + num_frames] - padded[..., reach - k : reach - k + num_frames]
        )
    return total / (2 * sum(k * k for k in range(1, reach + 1))) if normalise else total


def add_deltas(x: Tensor, reach: int = 1, normalise: bool = False) -> Tensor:
    """(B, F, N) to (B, 3F, N): the features, their deltas, and the deltas of those."""
    first = deltas(x, reach, normalise)
    return torch.cat([x, first, deltas(first, reach, normalise)], dim=1)


def slaney_mel_filters(sample_rate: int, num_fft: int, num_mels: int, low: float, high: float) -> Tensor:
    """Triangles of equal area on Slaney's mel scale, (K, num_mels); `low` and `high` in Hz.

    Linear below 1 kHz (200/3 Hz a mel), above it 27 steps to the factor 6.4 (Slaney, Auditory Toolbox, 1998):
    librosa's default.
    """
    step, knee = 200.0 / 3, 1000.0
    log_step = math.log(6.4) / 27

    def to_mel(f: float) -> float:
        return f / step if f < knee else knee / step + math.log(f / knee) / log_step

    mels = np.linspace(to_mel(low), to_mel(high), num_mels + 2)
    edges = np.where(mels < knee / step, mels * step, knee * np.exp(log_step * (mels - knee / step)))
    bins = np.linspace(0, sample_rate / 2, num_fft // 2 + 1)[:, None]
    rising = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    filters = np.maximum(0, np.minimum(rising, falling)) * 2 / (edges[2:] - edges[:-2])
    return torch.from_numpy(filters).float()


def decibels(power: Tensor, dynamic_range: float, floor: float = 1e-10) -> Tensor:
    """10 log10 of (B, F, N), with nothing lower than `dynamic_range` dB below each clip's own peak; 0 leaves
    that out.
    """
    level = 10 * torch.log10(power.clamp_min(floor))
    return (
        torch.maximum(level, level.amax((-2, -1), keepdim=True) - dynamic_range)
        if dynamic_range > 0
        else level
    )
