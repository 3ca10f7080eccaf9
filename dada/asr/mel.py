"""Whisper's log-mel spectrogram (Radford et al., 2023, section 2.2) for a context of any length.

Axes: B clips, F mel bands, N frames of 10 ms.
"""

import functools

import numpy as np
import torch
import torchaudio.functional
from torch import Tensor

from dada.data.audio import SAMPLE_RATE

WINDOW, HOP = 400, 160  # samples: 25 ms and 10 ms
FRAMES_PER_SECOND = SAMPLE_RATE // HOP
POSITIONS_PER_SECOND = FRAMES_PER_SECOND // 2  # the encoder's second convolution halves the frames
FLOOR = 1e-10  # smallest power
RANGE = 8.0  # powers of ten kept below a clip's peak


def log_mel(
    clips: list[np.ndarray], context: float, num_mels: int, device: torch.device | str = "cpu"
) -> Tensor:
    """Return (B, F, N), N = 100 * context, of clips (T_i,) padded with silence to `context` seconds.

    It is computed on `device`.
    """
    padded = torch.zeros(len(clips), int(context * SAMPLE_RATE))
    for row, clip in zip(padded, clips, strict=True):
        row[: len(clip)] = torch.from_numpy(clip)
    padded = padded.to(device)
    window = torch.hann_window(WINDOW, device=device)
    spectrum = torch.stft(padded, WINDOW, HOP, window=window, return_complex=True)[..., :-1]
    power = spectrum.real.square() + spectrum.imag.square()
    log = (_filters(num_mels).to(device).T @ power).clamp(min=FLOOR).log10()
    log = torch.maximum(log, log.amax(dim=(1, 2), keepdim=True) - RANGE)
    return (log + 4.0) / 4.0


@functools.lru_cache
def _filters(num_mels: int) -> Tensor:
    """Return triangular filters of equal area, (201, F), on Slaney's mel scale up to 8 kHz."""
    bins = WINDOW // 2 + 1
    return torchaudio.functional.melscale_fbanks(
        bins, 0.0, SAMPLE_RATE / 2, num_mels, SAMPLE_RATE, norm="slaney", mel_scale="slaney"
    )
