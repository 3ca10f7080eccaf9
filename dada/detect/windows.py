"""Windows over a recording: how long they are for a system, and where they lie. T samples at 16 kHz."""

from collections.abc import Iterator
from dataclasses import dataclass

from dada.data import SAMPLE_RATE
from dada.data.dataset import USUAL_HOP
from dada.detect.speech import Speech
from dada.score.clip import System

# Seconds of a window of systems that take clips whole. Utterances of the corpora that they are trained on
# last 1 to 15 s.
WHOLE_WINDOW = 10.0
HOP = 2 / 3  # of the shortest window: AASIST then hears an hour in less than a fifth of the time, on one core
# Seconds of speech that a window needs for a score, and the share of shorter windows.
LEAST_SPEECH, LEAST_SHARE = 0.5, 0.25


@dataclass(frozen=True)
class Window:
    """Samples [start, stop) of a recording, and the seconds of speech among them."""

    start: int
    stop: int
    speech: float

    @property
    def share(self) -> float:
        """The share of speech, 0 to 1."""
        return min(self.speech * SAMPLE_RATE / max(self.stop - self.start, 1), 1.0)


def window_lengths(system: System) -> tuple[int, int]:
    """Return the longest and the shortest window of the audio systems among a system and its branches.

    A system that takes clips whole has the longest of the others, or WHOLE_WINDOW.
    """
    lengths = [length for length in _fixed_lengths(system) if length]
    whole = int(WHOLE_WINDOW * SAMPLE_RATE)
    return (max(lengths), min(lengths)) if lengths else (whole, whole)


def _fixed_lengths(system: System) -> Iterator[int]:
    """Yield the samples that each audio system reads, 0 for all."""
    config = system.config.input
    if system.config.task == "audio" and config.length_rule != "full":
        if config.num_samples:
            yield config.num_samples
        elif config.kind == "features" and config.num_frames:
            hop = int(config.features.get("hop") or USUAL_HOP)
            # Features without padding lose a part of their analysis window at the end.
            yield config.num_frames * hop + int(config.features.get("window") or 0)
    for branch in system.branches.values():
        yield from _fixed_lengths(branch)


def plan(num_samples: int, length: int, hop: int) -> list[int]:
    """Return where windows of `length` samples start, `hop` apart; the last one ends with the recording.

    A rest of less than an eighth of a hop is no window of its own: the one before it moves.

    >>> plan(100, 40, 20), plan(105, 40, 20), plan(101, 40, 20), plan(30, 40, 20)
    ([0, 20, 40, 60], [0, 20, 40, 60, 65], [0, 20, 40, 61], [0])
    """
    last = max(num_samples - length, 0)
    starts = list(range(0, last + 1, hop))
    if len(starts) > 1 and last - starts[-1] < hop / 8:
        starts[-1] = last
    return starts if starts[-1] == last else [*starts, last]


def cut(num_samples: int, length: int, hop: int, speech: Speech | None) -> list[Window]:
    """Return the windows of a recording. Without `speech`, all of it counts as speech."""
    windows = []
    for start in plan(num_samples, length, hop):
        stop = min(start + length, num_samples)
        found = (stop - start) / SAMPLE_RATE if speech is None else speech.within(start, stop)
        windows.append(Window(start, stop, found))
    return windows


def with_speech(windows: list[Window]) -> list[int]:
    """Return which windows are scored: those with enough speech, or else all with any."""
    enough = [
        i
        for i, window in enumerate(windows)
        if window.speech >= min(LEAST_SPEECH, LEAST_SHARE * (window.stop - window.start) / SAMPLE_RATE)
    ]
    return enough or [i for i, window in enumerate(windows) if window.speech > 0]
