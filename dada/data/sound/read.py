"""A recording with what is known of it."""

from dataclasses import dataclass, field

import numpy as np

from dada.data.sound.checks import Check, Trained, checks_against, checks_of
from dada.data.sound.mono import Mono, read_mono
from dada.data.sound.recording import SAMPLE_RATE
from dada.data.sound.sources import in_memory, source_of
from dada.data.sound.spectrum import spectrum_of
from dada.data.sound.stated import stated_sound


@dataclass
class Sound:
    """Mono samples of a recording, and what the file and the samples tell of it."""

    samples: np.ndarray  # (T,) float32 at `rate`
    rate: int  # Hz
    native_rate: int  # Hz, as stored
    channels: int  # as stored
    seconds: float
    container: str  # as stored, e.g. FLAC/PCM_16 or mov,mp4/aac
    alone: list[Check] = field(default_factory=list)  # findings that hold for every system
    bandwidth: float = 0.0  # Hz, see dada.data.sound.spectrum

    @property
    def checks(self) -> list[Check]:
        """The findings for a system whose training data are not known."""
        return self.checks_beside(None)

    def checks_beside(self, trained: Trained | None) -> list[Check]:
        """Return the findings for a system, with what the recording lacks beside its training data."""
        return self.alone + checks_against(self.seconds, self.bandwidth, self.rate, trained)


def read_sound(location: str, rate: int = SAMPLE_RATE) -> Sound:
    """Read a file, `file.ark:offset`, a pipe, or `-` for standard input, with the findings about it.

    The samples are those of `dada.data.read_audio`. Raise DataError for what cannot be read at all.
    """
    return read_parts(location, rate, pipes=True)[0]


def read_parts(
    location: str, rate: int = SAMPLE_RATE, pipes: bool = False, keep: bool = False
) -> tuple[Sound, Mono]:
    """As `read_sound`, together with what the findings rest on. With `keep`, also the samples as stored."""
    source = in_memory(source_of(location, pipes))
    stated = stated_sound(source)
    mono = read_mono(source, location, rate, measure=True, keep=keep)
    spectrum = spectrum_of(mono.samples, rate)
    recording = mono.recording
    sound = Sound(
        samples=mono.samples,
        rate=rate,
        native_rate=recording.rate,
        channels=recording.channels,
        seconds=mono.levels.seconds,
        container=recording.container,
        alone=checks_of(mono, stated, spectrum),
        bandwidth=min(spectrum.bandwidth, recording.rate / 2),
    )
    return sound, mono
