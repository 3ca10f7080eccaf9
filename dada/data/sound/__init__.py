"""Sound files: any format, as mono samples, with what cannot be trusted about them.

recording    an open file, and the limits of every decoder
decoding     libsndfile, or else
containers   FFmpeg, through PyAV
mp3          how many frames an MP3 has that does not say
not_audio    what a file is that is no audio
sources      files, entries of arks, pipes
channels     several channels as one
resampling   another rate, in bounded memory
mono         a whole recording at one rate, with
levels       the levels of its samples, and
spectrum     its spectrum over time
stated       how much of a file is there
checks       findings as sentences
read         all of it: `read_sound`
heard        the recordings that a system was trained on: `trained_on`
"""

import importlib
from typing import TYPE_CHECKING

__all__ = ["Check", "Sound", "Trained", "read_sound", "trained_on"]

if TYPE_CHECKING:
    from dada.data.sound.checks import Check, Trained
    from dada.data.sound.heard import trained_on
    from dada.data.sound.read import Sound, read_sound

_PLACES = {
    "Check": "checks",
    "Trained": "checks",
    "Sound": "read",
    "read_sound": "read",
    "trained_on": "heard",
}


def __getattr__(name: str) -> object:
    if name in _PLACES:
        return getattr(importlib.import_module(f"dada.data.sound.{_PLACES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
