"""Pitch perturbation: a clip is stretched in time by a phase vocoder and resampled back, so that its pitch
changes and its tempo does not.

The vocoder is that of torchaudio (Flanagan and Golden, 1966). Its own `pitch_shift` resamples between rates
that have no common divisor, with filters of gigabytes. Here the interval is the nearest ratio of whole
numbers up to 64, at most 14 cents away, and the resampling is exact. A vocoder lets partials drift out of
phase, which makes a clip softer and blurs its onsets by up to a window; clips keep their level.

Axes: B batch, T samples, F frequencies, N frames.
"""

import math
from dataclasses import dataclass, field, replace
from fractions import Fraction

import torch
from torch import Tensor

from dada.augment._draws import check_bounds, happens, uniform
from dada.data.audio import resample
from dada.data.batch import Batch
from dada.data.length import fit_length
from dada.errors import ConfigError
from dada.limits import Share

MOST = 64  # of the whole numbers of a ratio
WINDOW = 0.032  # seconds
HOPS = 4  # in a window
WIDEST = 24.0  # semitones


@dataclass
class Config:
    semitones: list[float] = field(default_factory=lambda: [-3.0, 3.0])  # uniform between these
    sample_rate: int = 16_000  # Hz
    probability: Share = 1.0  # of a clip to get another pitch


class Augment:
    """Waveforms (B, T) to waveforms of another pitch."""

    INPUTS = ("waveform",)
    MIXES_LABELS = False
    NEEDS_BATCH = False

    def __init__(self, config: Config):
        check_bounds("pitch", semitones=config.semitones)
        if max(map(abs, config.semitones)) > WIDEST:
            raise ConfigError(f"pitch: semitones are {config.semitones}, and must lie within ±{WIDEST:g}")
        self.config = config

    def __call__(self, batch: Batch, generator: torch.Generator) -> Batch:
        inputs = batch.inputs.clone()
        hit = happens(generator, self.config.probability, len(batch)).tolist()
        steps = uniform(generator, self.config.semitones, len(batch)).tolist()
        for k, length in enumerate(batch.lengths.tolist()):
            ratio = interval(steps[k])
            if hit[k] and ratio != 1:
                clip = stretched(batch.inputs[k, :length], ratio, self.config.sample_rate)
                moved = torch.from_numpy(resample(clip.numpy(), ratio.numerator, ratio.denominator))
                moved = fit_length(moved, length, "pad")
                level = batch.inputs[k, :length].norm() / moved.norm().clamp_min(
                    torch.finfo(moved.dtype).tiny
                )
                inputs[k, :length] = moved * level
        return replace(batch, inputs=inputs)


def interval(semitones: float) -> Fraction:
    """Return the ratio of frequencies of an interval, of whole numbers up to MOST.

    >>> interval(12.0), interval(-12.0)
    (Fraction(2, 1), Fraction(1, 2))
    """
    ratio = 2 ** (abs(semitones) / 12)
    above = 1 / Fraction(1 / ratio).limit_denominator(MOST)
    return above if semitones >= 0 else 1 / above


def stretched(x: Tensor, ratio: Fraction, rate: int) -> Tensor:
    """Return a clip (T,) as (T · ratio,) of the same pitch."""
    import torchaudio.functional  # takes a second, and other augmentations do without

    size = 2 ** round(math.log2(WINDOW * rate))
    hop = size // HOPS
    window = torch.hann_window(size)
    frames = torch.stft(x, size, hop, window=window, pad_mode="constant", return_complex=True)  # (F, N)
    advance = torch.linspace(0, math.pi * hop, frames.shape[0])[:, None]
    slower = torchaudio.functional.phase_vocoder(frames, float(1 / ratio), advance)
    length = math.ceil(len(x) * ratio)
    # The end has no frame of its own where the hop does not divide the length.
    missing = max(0, length // hop + 1 - slower.shape[1])
    return torch.istft(torch.nn.functional.pad(slower, (0, missing)), size, hop, window=window, length=length)
