"""The explanation of one utterance by one system, as figures and pages show it.

Axes: T samples, F frequencies, N frames.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from dada.data import BONAFIDE, SAMPLE_RATE, SPOOF

# What brings a recording that is shorter than a system's input to its length.
Extension = Literal["repeated", "silence"]
LEAST = 0.01  # s: a shorter extension is a rounded one, and is not shown


@dataclass
class Explanation:
    """Attributions of both outputs of an audio system, and how they were computed."""

    name: str  # of the utterance
    system: str
    samples: np.ndarray  # (T,) the waveform that the system reads, at 16 kHz
    maps: dict[str, np.ndarray]  # class -> attributions (F, N)
    times: np.ndarray  # (N,) in s
    frequencies: np.ndarray | None  # (F,) in Hz; None where rows are no frequencies
    speech: np.ndarray  # (N,) whether a frame is speech
    method: str
    background: str  # the inputs that it is compared with, in words
    completeness_error: float  # the larger of both outputs, relative
    start: float = 0.0  # s of the recording where the waveform begins
    heard: float | None = None  # s of the recording in the waveform, before `extension`; None for all of it
    extension: Extension = "repeated"

    @property
    def fresh(self) -> float:
        """Seconds of the waveform that come from the recording once; what follows is its extension."""
        return self.seconds if self.heard is None else min(self.heard, self.seconds)

    @property
    def copies(self) -> list[tuple[float, float]]:
        """From and to (s) of each repetition of the recording in the waveform, or of the added silence.

        Empty where the recording fills the waveform.
        """
        step = self.fresh if self.extension == "repeated" and self.fresh > LEAST else self.seconds
        starts = np.arange(self.fresh, self.seconds - LEAST, step).tolist()
        return [(start, min(start + step, self.seconds)) for start in starts]

    @property
    def score_map(self) -> np.ndarray:
        """Attributions (F, N) of the score: positive for bona fide speech, negative for spoof.

        They are half the difference of those of the two outputs.
        """
        return (self.maps[BONAFIDE] - self.maps[SPOOF]) / 2

    @property
    def seconds(self) -> float:
        """Duration of the waveform."""
        return len(self.samples) / SAMPLE_RATE
