"""Levels and spectra of a recording over time: how loud it is, how far its band reaches, whether it moves."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

FRAME = 0.032  # seconds, half of it from frame to frame
BLOCK = 1 << 12  # frames that are transformed at once
NUM_BANDS = 12  # of equal width
LOUD = 1e-3  # of the power of the loudest twentieth of the frames: what is taken for sound, and no pause
# Decibels under its strongest part at which the band of a recording ends: what lies lower is rounding, or the
# remainder of a filter. Wide-band noise of a room lies 25 to 45 dB under speech, and so counts as band.
DROP = 60.0
SMOOTH = 9  # bins over which the spectrum is averaged: 280 Hz
DISTINCT = 40.0  # decibels under the strongest band; weaker ones say nothing of whether a sound moves


@dataclass(frozen=True)
class Spectrum:
    """Short-time powers of mono samples at `rate` Hz, N frames."""

    rate: int
    powers: np.ndarray  # (N,) variance of each frame, so that an offset does not count
    bands: np.ndarray  # (N, NUM_BANDS)
    loud: np.ndarray  # (N,) whether a frame is sound
    mean: np.ndarray  # (F,) mean power spectrum of those

    def loudest(self, seconds: float) -> float:
        """Return the level that the loudest frames of some seconds reach, in dB of full scale from -200."""
        number = min(len(self.powers), max(1, round(seconds / (FRAME / 2))))
        return float(10 * np.log10(max(float(np.partition(self.powers, -number)[-number]), 1e-20)))

    @cached_property
    def bandwidth(self) -> float:
        """The highest frequency (Hz) at which the mean spectrum of the sound is within DROP dB of its top.

        The spectrum is the mean of squares over frames, so that it is that of fricatives where these are the
        strongest. It is smoothed over SMOOTH bins. 0 for silence.
        """
        if not self.mean.any():
            return 0.0
        edges = np.pad(self.mean, SMOOTH // 2, mode="edge")
        smooth = np.convolve(10 * np.log10(np.maximum(edges, 1e-30)), np.ones(SMOOTH) / SMOOTH, "valid")
        last = int(np.flatnonzero(smooth > smooth.max() - DROP)[-1])
        return last * self.rate / 2 / (len(self.mean) - 1)

    @cached_property
    def movement(self) -> tuple[float, float]:
        """How far the level of the sound spreads (5 % to 95 %), and the median distance of the levels in its
        bands from their medians (dB).
        """
        levels = 10 * np.log10(np.maximum(self.powers[self.loud], 1e-20))
        bands = 10 * np.log10(np.maximum(self.bands[self.loud], 1e-20))
        strong = bands.mean(axis=0) > bands.mean(axis=0).max() - DISTINCT
        moves = np.median(np.abs(bands[:, strong] - np.median(bands[:, strong], axis=0)))
        low, high = np.percentile(levels, (5, 95))
        return float(high - low), float(moves)


def spectrum_of(samples: np.ndarray, rate: int) -> Spectrum:
    """Return the spectrum of samples (T,). What is shorter than a frame is filled up with zeros."""
    size = 2 * round(FRAME * rate / 2)
    if len(samples) < size:
        samples = np.pad(samples, (0, size - len(samples)))
    frames = np.lib.stride_tricks.sliding_window_view(samples, size)[:: size // 2]
    starts = range(0, len(frames), BLOCK)
    powers = np.concatenate([frames[i : i + BLOCK].var(axis=1, dtype=np.float64) for i in starts])
    loud = powers > LOUD * np.sort(powers)[-max(1, len(powers) // 20)]
    window = np.hanning(size).astype(np.float32)
    edges = np.linspace(1, size // 2, NUM_BANDS + 1).astype(int)[:-1]
    bands, total = [], np.zeros(size // 2 + 1)
    for start in starts:
        part = frames[start : start + BLOCK]
        power = np.square(np.abs(np.fft.rfft((part - part.mean(axis=1, keepdims=True)) * window)))
        total += power[loud[start : start + BLOCK]].sum(axis=0)
        bands.append(np.add.reduceat(power, edges, axis=1).astype(np.float32))
    return Spectrum(rate, powers, np.concatenate(bands), loud, total / max(1, int(loud.sum())))
