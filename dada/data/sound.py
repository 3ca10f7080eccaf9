"""A recording with what is known of it: the door for programs that answer about one file."""

from dataclasses import dataclass, field

import numpy as np

from dada.data.audio import SAMPLE_RATE, read_header, read_native, to_mono
from dada.data.sound_checks import Check, check_samples_of

__all__ = ["Check", "Sound", "read_sound"]


@dataclass
class Sound:
    """Mono samples of a recording, and what the file and the samples tell of it."""

    samples: np.ndarray  # (T,) float32 at `rate`
    rate: int  # Hz
    native_rate: int  # Hz, as stored
    channels: int  # as stored
    seconds: float
    container: str  # as stored, e.g. FLAC/PCM_16
    checks: list[Check] = field(default_factory=list)


def read_sound(location: str, rate: int = SAMPLE_RATE) -> Sound:
    """Read `path` or `file.ark:offset` as `dada.data.read_audio` does, with the findings about it.

    Raise DataError for what cannot be read at all.
    """
    stored, native_rate = read_native(location)
    samples = to_mono(stored, native_rate, rate, location)
    return Sound(
        samples=samples,
        rate=rate,
        native_rate=native_rate,
        channels=stored.shape[1],
        seconds=len(stored) / native_rate,
        container=read_header(location).encoding,
        checks=check_samples_of(samples, rate),
    )
