"""Which stretches of audio are read together, and in how long a context.

The context of a stretch depends on itself and the configuration alone, so that its transcript does not depend
on what is read beside it.
"""

import math

import numpy as np

from dada.asr.config import FULL_CONTEXT, TranscribeConfig
from dada.data.audio import SAMPLE_RATE

SEARCH = 10.0  # seconds before the end of a window in which its cut is looked for
PAUSE = 0.3  # seconds over which a pause is measured


def cut_windows(samples: np.ndarray, longest: float = FULL_CONTEXT) -> list[np.ndarray]:
    """Cut (T,) into consecutive windows of at most `longest` seconds, each cut in the quietest place of its
    last third.

    Together the windows are the whole clip. A cut in a pause splits no word.
    """
    windows, limit = [], int(longest * SAMPLE_RATE)
    while len(samples) > limit:
        cut = _quietest(samples, limit - min(int(SEARCH * SAMPLE_RATE), limit // 3), limit)
        windows.append(samples[:cut])
        samples = samples[cut:]
    return [*windows, samples]


def _quietest(samples: np.ndarray, start: int, stop: int) -> int:
    """The middle of the stretch of PAUSE seconds with the least energy within [start, stop)."""
    width = int(PAUSE * SAMPLE_RATE)
    energy = np.concatenate([[0.0], np.cumsum(samples[start:stop].astype(np.float64) ** 2)])
    return start + int(np.argmin(energy[width:] - energy[:-width])) + width // 2


def plan_batches(seconds: list[float], config: TranscribeConfig) -> list[tuple[list[int], float]]:
    """(indices of clips, context in seconds) of every batch: clips of one context, shortest first."""
    by_context: dict[float, list[int]] = {}
    for i in sorted(range(len(seconds)), key=lambda i: (seconds[i], i)):
        by_context.setdefault(context_of(seconds[i], config), []).append(i)
    return [
        (members[i : i + config.batch_size], context)
        for context, members in by_context.items()
        for i in range(0, len(members), config.batch_size)
    ]


def context_of(seconds: float, config: TranscribeConfig) -> float:
    """The whole seconds, or the shortest of the configured contexts, that hold a clip and the margin; at most
    the full one.
    """
    needed = seconds + config.margin
    return min(
        (c for c in config.contexts or [float(math.ceil(needed))] if needed <= c <= FULL_CONTEXT),
        default=FULL_CONTEXT,
    )


def token_cap(seconds: float, config: TranscribeConfig) -> int:
    """The most tokens that the transcript of a clip may have; Whisper itself stops at 224."""
    return min(224, int(config.max_tokens_per_second * seconds) + config.extra_tokens)
