"""Levels of the samples as they are stored, added up block by block."""

from dataclasses import dataclass, field

import numpy as np

FULL_SCALE = 0.9999  # of the largest sample that the format can hold: 16-bit audio clips at 32767/32768
SAME = 1e-6  # relative; a tone, whose tops are round, has one sample in a thousand so close to its peak
LONG_ZEROS = 0.1  # seconds of exact zeros that a microphone does not give


@dataclass
class Levels:
    """Levels of a recording at `rate` Hz."""

    rate: int
    num_samples: int = 0
    channels: int = 1
    peak: float = 0.0  # the largest absolute value of any channel
    at_peak: int = 0  # values of all channels at the peak
    at_full_scale: int = 0  # values of all channels
    offset: float = 0.0  # sum of all values
    zeros: list[tuple[float, float]] = field(default_factory=list)  # start and end in seconds, inside only
    _run: int = 0  # zeros at the end of what was added
    _heard: bool = False  # whether a sample that is not zero was added

    def add(self, block: np.ndarray) -> None:
        """Add samples (n, C)."""
        if not len(block):
            return
        size = np.abs(block)
        peak = float(size.max())
        if peak > self.peak * (1 + SAME):
            self.peak, self.at_peak = peak, 0
        if peak > 0:
            self.at_peak += int(np.count_nonzero(size >= (1 - SAME) * self.peak))
        self.at_full_scale += int(np.count_nonzero(size >= FULL_SCALE))
        self.offset += float(block.sum(dtype=np.float64))
        self._add_zeros(size.max(axis=1) == 0)
        self.channels = block.shape[1]
        self.num_samples += len(block)

    def _add_zeros(self, zero: np.ndarray) -> None:
        """Note runs of zeros that end in this block and have sound on both sides."""
        heard = np.flatnonzero(~zero)
        if not len(heard):
            self._run += len(zero)
            return
        lengths = np.diff(heard, prepend=-1) - 1  # of the zeros before each sample that is not zero
        lengths[0] += self._run
        for i in np.flatnonzero(lengths >= LONG_ZEROS * self.rate):
            if i > 0 or self._heard:
                end = self.num_samples + int(heard[i])
                self.zeros.append(((end - int(lengths[i])) / self.rate, end / self.rate))
        self._run, self._heard = len(zero) - 1 - int(heard[-1]), True

    @property
    def seconds(self) -> float:
        """The length."""
        return self.num_samples / self.rate

    @property
    def clipped(self) -> float:
        """The share of the values at full scale."""
        return self.at_full_scale / max(self.num_samples * self.channels, 1)

    @property
    def flat(self) -> float:
        """The share of the values at the peak, wherever it lies."""
        return self.at_peak / max(self.num_samples * self.channels, 1)

    @property
    def dc(self) -> float:
        """The mean of all values."""
        return self.offset / max(self.num_samples * self.channels, 1)
