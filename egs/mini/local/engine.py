"""What the synthesizers have in common: requests, seeds, texts to be spoken, and checks of what comes out.

Every engine is a class with `name`, `known` (used in training, or only in test) and `copies` (a vocoder), and
is constructed with the downloads folder. A speaker has `tempo`, the letters per second of its normal speech,
measured over 60 lines, and `speak(requests) -> [(samples (T,), rate)]`. A vocoder has `resynthesize(samples,
rate, name) -> (samples, rate)`. Random numbers are seeded by the clip's name.
"""

import hashlib
import io
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from dada.errors import DadaError, UserError

from .debian import Program

STRETCH = (0.55, 1.6)  # how far from its normal rate a synthesizer goes and is still understood


@dataclass(frozen=True)
class Request:
    """A text to be spoken at `tempo` letters per second."""

    name: str
    text: str
    tempo: float


def seed_of(name: str) -> int:
    """Return a seed that depends on the clip's name only, so that order and number of jobs do not matter."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big")


def speakable(text: str) -> str:
    """Return the text with emphasised words in small letters, which are spelled out otherwise, and without
    marks that a synthesizer reads aloud.

    >>> speakable('You MUST see "it"...')
    'You must see it...'
    """
    text = re.sub(r"\b[A-Z]{2,}\b", lambda match: match[0].lower(), text)
    return " ".join(re.sub(r"[^A-Za-z0-9',.!?;: -]", " ", text).split())


class Speaker:
    """Base class of the engines that speak a text."""

    copies = False
    tempo: float

    def __init__(self, downloads: Path) -> None:
        self.root = Path(downloads) / "root"

    def program(self, name: str) -> Program:
        program = Program.find(self.root, name)
        if program is None:
            raise UserError(
                f"the synthesizer program {name} is neither in {self.root} nor on the PATH: run stage "
                "prepare_data again to fetch it"
            )
        return program

    def speed(self, request: Request) -> float:
        """Return the factor on the engine's normal rate, below 1 for slower speech."""
        return float(np.clip(request.tempo / self.tempo, *STRETCH))

    def speak(self, requests: list[Request]) -> list[tuple[np.ndarray, int]]:
        return [self.say(request) for request in requests]

    def label(self, request: Request) -> str:
        return f"{self.name} failed on {request.name}, text {request.text!r}"


def read_wav(content: bytes, what: str) -> tuple[np.ndarray, int]:
    """Return samples and rate of a WAV, also from a pipe, whose header has no length."""
    try:
        samples, rate = soundfile.read(io.BytesIO(content), dtype="float32")
    except soundfile.LibsndfileError as error:
        raise DadaError(f"{what}: no readable audio came out ({error})") from error
    return check(samples, what), rate


def check(samples: np.ndarray, what: str) -> np.ndarray:
    """Return the samples. Raise DadaError if there are none, or if they are silent or not finite."""
    if len(samples) == 0 or not np.isfinite(samples).all() or not np.abs(samples).max() > 1e-3:
        raise DadaError(f"{what}: the audio that came out is empty, silent or not finite")
    return samples
