"""Cepstra with differences as an image beside that of an encoder's frames.

As in Kawa et al., "Improved DeepFake detection using Whisper features" (Interspeech 2023): those of
torchaudio with windows of 400 samples every 160, a discrete Fourier transform of 512, and first and second
differences over 400 frames, whose ends are repeated.

Axes: B batch, T samples, R rows, M frames.
"""

import warnings
from typing import Literal

import torch
from torch import Tensor, nn

from dada.data.audio import SAMPLE_RATE

Kind = Literal["none", "mfcc", "lfcc"]
SPECTRUM = {"n_fft": 512, "win_length": 400, "hop_length": 160}
DELTA_FRAMES = 400


class Cepstra(nn.Module):
    """Waveforms (B, T) to (B, R, M): R / 3 coefficients, their differences, and those of these."""

    def __init__(self, kind: Kind, num_rows: int):
        super().__init__()
        from torchaudio import transforms

        # constants with values, also where a network is built on the meta device
        with warnings.catch_warnings(), torch.device("cpu"):
            warnings.simplefilter(
                "ignore", UserWarning
            )  # the lowest of 128 mel bands hold no bin of the spectrum
            if kind == "mfcc":
                self.transform = transforms.MFCC(SAMPLE_RATE, num_rows // 3, melkwargs=SPECTRUM)
            else:
                self.transform = transforms.LFCC(SAMPLE_RATE, n_lfcc=num_rows // 3, speckwargs=SPECTRUM)
        for module in self.modules():  # constants, which checkpoints leave out
            module._non_persistent_buffers_set |= set(module._buffers)

    def forward(self, x: Tensor, num_frames: int) -> Tensor:
        """(B, T) to (B, R, M) with M = `num_frames`: cut, or the last one repeated.

        Clip by clip, since the floor of the decibels lies below the largest value of all that is given.
        """
        from torchaudio.functional import compute_deltas

        clips = []
        for clip in x:
            rows = self.transform(clip[None])
            first = compute_deltas(rows, DELTA_FRAMES, mode="replicate")
            clips.append(torch.cat([rows, first, compute_deltas(first, DELTA_FRAMES, mode="replicate")], 1))
        places = torch.arange(num_frames, device=x.device).clamp(max=clips[0].shape[2] - 1)
        return torch.cat(clips)[..., places]
