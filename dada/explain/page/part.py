"""What of a recording a page plays and draws: all of a short one, what was heard of a long one.

T samples at 16 kHz. Times are in seconds from the beginning of the recording.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dada.data import SAMPLE_RATE
from dada.explain.explanation import Explanation

WHOLE = 30.0  # s: a recording up to this is played whole
CONTEXT = 5.0  # s on each side of what was heard


@dataclass
class Part:
    """A stretch of a recording: its samples (T,), where it begins, and the length of the recording."""

    samples: np.ndarray
    start: float
    total: float

    @property
    def seconds(self) -> float:
        """Duration of the part."""
        return len(self.samples) / SAMPLE_RATE

    @property
    def end(self) -> float:
        """Where the part ends in the recording."""
        return self.start + self.seconds

    @property
    def is_whole(self) -> bool:
        """Whether the part is the recording."""
        return self.seconds >= self.total


def part_to_play(recording: np.ndarray, explanations: Sequence[Explanation]) -> Part:
    """Return the part of a recording (T,) that a page plays: it bounds the size of the page.

    Without explanations it is the beginning.
    """
    total = len(recording) / SAMPLE_RATE
    if total <= WHOLE:
        return Part(recording, 0.0, total)
    first = min((each.start for each in explanations), default=0.0)
    last = max((each.start + each.fresh for each in explanations), default=WHOLE - CONTEXT)
    start = max(0, round((first - CONTEXT) * SAMPLE_RATE))
    stop = round((last + CONTEXT) * SAMPLE_RATE)
    return Part(recording[start:stop], start / SAMPLE_RATE, total)


def joined(first: Part, second: Part) -> Part:
    """Return two parts of one recording, which overlap or touch, as one."""
    if second.start < first.start:
        first, second = second, first
    if second.end <= first.end:
        return first
    known = round((first.end - second.start) * SAMPLE_RATE)
    return Part(np.concatenate([first.samples, second.samples[known:]]), first.start, first.total)


def moment(seconds: float) -> str:
    """Return a time in a recording to a tenth of a second, from a minute on with minutes and hours.

    >>> moment(4.04), moment(75.25), moment(3723)
    ('4.0 s', '1:15.2', '1:02:03.0')
    """
    tenths = round(10 * seconds)
    minutes, rest = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    if not hours and not minutes:
        return f"{tenths / 10:.1f} s"
    return f"{hours}:{minutes:02d}:{rest / 10:04.1f}" if hours else f"{minutes}:{rest / 10:04.1f}"
