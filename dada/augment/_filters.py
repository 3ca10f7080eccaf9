"""Filtering whole clips by FFT. Axes: B batch, T samples, K taps."""

import torch
from scipy.fft import next_fast_len
from torch import Tensor


def convolve(x: Tensor, taps: Tensor, start: int = 0) -> Tensor:
    """Row by row, (B, T) and (B, K) to (B, T): the samples from `start` on of the whole convolution of T + K
    - 1 samples.
    """
    size = next_fast_len(max(x.shape[-1] + taps.shape[-1] - 1, start + x.shape[-1]), real=True)
    product = torch.fft.rfft(x, n=size) * torch.fft.rfft(taps, n=size)
    return torch.fft.irfft(product, n=size)[..., start : start + x.shape[-1]]
