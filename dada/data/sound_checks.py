"""What is wrong with a recording, or odd about it, as sentences with numbers."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

SHORTEST = 0.3  # seconds; a syllable takes about 0.2, and no sentence of speech is shorter than one
SILENT = 10 ** (-70 / 20)  # of full scale; the rounding of 16 bits alone gives peaks of -90 dB


@dataclass(frozen=True)
class Check:
    """One finding about a recording.

    `level` is note (worth knowing), doubt (a score rests on less than it should) or unusable (no score should
    be given). `message` is one sentence for people, with the numbers.
    """

    name: str  # stable, e.g. silent, cut, narrow_band
    level: Literal["note", "doubt", "unusable"]
    message: str


def check_samples_of(samples: np.ndarray, rate: int) -> list[Check]:
    """Return the findings of mono samples (T,) at `rate` Hz."""
    found = []
    peak = float(np.abs(samples).max(initial=0.0))
    if peak < SILENT:
        level = f"at {20 * np.log10(peak):.0f} dB of full scale" if peak else "zero"
        found.append(Check("silent", "unusable", f"The recording is silent: its loudest sample is {level}."))
    if len(samples) < SHORTEST * rate:
        what = f"The recording lasts {len(samples) / rate:.3f} s, and less than {SHORTEST} s holds no speech."
        found.append(Check("short", "unusable", what))
    return found
