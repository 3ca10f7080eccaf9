"""Where a recording holds speech.

The probabilities are those of Silero VAD 6 (Silero Team, 2024), which faster-whisper brings along. T samples
at 16 kHz.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from dada.data import SAMPLE_RATE
from dada.errors import UserError

FRAME = 512  # samples of one probability
BLOCK = 1875  # frames that are computed at once, a minute: bounds the memory
LEAD = 31  # frames, a second, before a block, so that the network has heard what precedes it
START, STOP = 0.5, 0.35  # speech begins at this probability and lasts until it falls below the other
SHORTEST_PAUSE = 10  # frames, 0.3 s: a shorter gap, as before a plosive, is part of the speech around it


@dataclass(frozen=True)
class Speech:
    """Whether each frame of FRAME samples is speech, (N,) booleans."""

    frames: np.ndarray

    @property
    def seconds(self) -> float:
        """The speech in all."""
        return float(self.frames.sum()) * FRAME / SAMPLE_RATE

    def within(self, start: int, stop: int) -> float:
        """Return the seconds of speech between two samples."""
        part = self.frames[start // FRAME : -(-stop // FRAME)]
        return float(part.sum()) * FRAME / SAMPLE_RATE


def find_speech(samples: np.ndarray) -> Speech:
    """Find the speech of a recording (T,). Raise UserError where faster-whisper is not installed."""
    chance = np.concatenate([*_chances(samples), np.zeros(0, dtype=np.float32)])
    # A frame between the two thresholds is what the last one outside of them was.
    state = np.where(chance >= START, 1, np.where(chance < STOP, 0, -1))
    place = np.maximum.accumulate(np.where(state >= 0, np.arange(len(state)), -1))
    speech = (place >= 0) & (state[np.maximum(place, 0)] == 1)
    return Speech(_without_short_pauses(speech))


def _chances(samples: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the probability of speech of each frame, by blocks."""
    model = _model()
    for start in range(0, len(samples), BLOCK * FRAME):
        lead = min(LEAD, start // FRAME)
        part = samples[start - lead * FRAME : start + BLOCK * FRAME]
        # The library writes into what it is given, and takes whole frames only.
        padded = np.zeros(-(-len(part) // FRAME) * FRAME, dtype=np.float32)
        padded[: len(part)] = part
        yield model(padded).reshape(-1)[lead:]


def _model() -> Callable[[np.ndarray], np.ndarray]:
    try:
        from faster_whisper.vad import get_vad_model

        return get_vad_model()
    except (ImportError, RuntimeError) as error:
        raise UserError(
            f"speech is found by faster-whisper and onnxruntime, which cannot be used here ({error}): "
            "pip install faster-whisper, or take all of the file for speech with --vad off"
        ) from error


def _without_short_pauses(speech: np.ndarray) -> np.ndarray:
    """Return the frames with gaps of less than SHORTEST_PAUSE between two frames of speech filled."""
    on = np.flatnonzero(speech)
    filled = speech.copy()
    for before, after in zip(on[:-1], on[1:], strict=True):
        if 1 < after - before <= SHORTEST_PAUSE:
            filled[before:after] = True
    return filled
