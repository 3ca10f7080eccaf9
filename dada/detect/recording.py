"""One file for all systems that are asked about it: decoded, searched for speech and transcribed once."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from dada.asr.careful import Heard
from dada.data.sound import Check, Sound, Trained, read_sound
from dada.detect.speech import Speech, find_speech

NO_SPEECH = 0.1  # seconds: less than this is a click that sounds like speech


@dataclass
class Recording:
    """A file with what was found out about it. The first use of a part computes it."""

    path: str
    vad: bool = True  # False takes all of the file for speech
    _heard: dict[object, Heard] = field(default_factory=dict, repr=False)

    @cached_property
    def sound(self) -> Sound:
        """The samples and the checks of the file. Raise DataError for what is no audio."""
        return read_sound(self.path)

    @property
    def samples(self) -> np.ndarray:
        """The waveform (T,) at 16 kHz."""
        return self.sound.samples

    @cached_property
    def speech(self) -> Speech | None:
        """Where there is speech; None where all of the file is taken for speech."""
        return find_speech(self.samples) if self.vad else None

    @cached_property
    def checks(self) -> list[Check]:
        """The findings for a system whose training data are not known."""
        return self.checks_beside(None)

    def checks_beside(self, trained: Trained | None) -> list[Check]:
        """Return the findings about the file for one system; one of them may be that there is no speech."""
        found = self.sound.checks_beside(trained)
        if any(check.level == "unusable" for check in found):
            return found
        if self.speech is not None and self.speech.seconds < NO_SPEECH:
            what = "No speech was found in the recording (if there is some, try --vad off)."
            found.append(Check("no_speech", "unusable", what))
        return found

    @property
    def unusable(self) -> list[Check]:
        """The findings that forbid a score."""
        return [check for check in self.checks if check.level == "unusable"]

    def heard(self, key: object, listen: Callable[[np.ndarray], Heard]) -> Heard:
        """Return the words, transcribed once for each `key`, the settings of a transcription."""
        if key not in self._heard:
            self._heard[key] = listen(self.samples)
        return self._heard[key]
