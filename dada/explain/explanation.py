"""One utterance explained for one system, as pictures and pages take it.

Axes: T samples, F frequencies, N frames.
"""

from dataclasses import dataclass

import numpy as np

from dada.data import BONAFIDE, SAMPLE_RATE, SPOOF


@dataclass
class Explanation:
    """The waveform (T,) as heard, maps (F, N) by class, times (N,) in s, frequencies (F,) in Hz."""

    name: str
    system: str
    samples: np.ndarray
    maps: dict[str, np.ndarray]
    times: np.ndarray
    frequencies: np.ndarray | None
    speech: np.ndarray

    @property
    def score_map(self) -> np.ndarray:
        """What speaks for bona fide speech (positive) and for spoof (negative): attributions of the
        difference of the two outputs.
        """
        return (self.maps[BONAFIDE] - self.maps[SPOOF]) / 2

    @property
    def seconds(self) -> float:
        return len(self.samples) / SAMPLE_RATE
