"""Windows of long clips, contexts, and batches.

The context of a window depends only on its length and the configuration. A transcript therefore does not
depend on the other clips of its batch.
"""

import math

import numpy as np

from dada.asr.config import FULL_CONTEXT, TranscribeConfig
from dada.data.audio import SAMPLE_RATE

SEARCH = 10.0  # seconds at the end of a window that are searched for a cut
PAUSE = 0.3  # seconds over which a pause is measured
# Seconds of context of a batch. For each of them the decoder of large-v3 keeps 50 positions x 32 layers x 2 x
# 1,280 values: 8 MB at 16 bits.
BATCH_SECONDS = 1500.0


def cut_windows(samples: np.ndarray, longest: float = FULL_CONTEXT) -> list[np.ndarray]:
    """Cut (T,) into consecutive windows of at most `longest` seconds, at the quietest place near each end.

    Together the windows are the whole clip. A cut in a pause splits no word.
    """
    windows, limit = [], int(longest * SAMPLE_RATE)
    while len(samples) > limit:
        cut = _quietest(samples, limit - min(int(SEARCH * SAMPLE_RATE), limit // 3), limit)
        windows.append(samples[:cut])
        samples = samples[cut:]
    return [*windows, samples]


def _quietest(samples: np.ndarray, start: int, stop: int) -> int:
    """Return the middle of the PAUSE seconds with the least energy within [start, stop)."""
    width = int(PAUSE * SAMPLE_RATE)
    energy = np.concatenate([[0.0], np.cumsum(samples[start:stop].astype(np.float64) ** 2)])
    return start + int(np.argmin(energy[width:] - energy[:-width])) + width // 2


def plan_batches(seconds: list[float], config: TranscribeConfig) -> list[tuple[list[int], float]]:
    """Return (indices of clips, context in seconds) of each batch: clips of equal context, shortest first."""
    by_context: dict[float, list[int]] = {}
    for i in sorted(range(len(seconds)), key=lambda i: (seconds[i], i)):
        by_context.setdefault(context_of(seconds[i], config), []).append(i)
    return [batch for context, members in by_context.items() for batch in cut(members, context, config)]


def cut(clips: list[int], context: float, config: TranscribeConfig) -> list[tuple[list[int], float]]:
    """Return (indices, context) of the batches of clips that are all read in one context.

    A batch holds at most `batch_size` clips and BATCH_SECONDS.
    """
    size = max(1, min(config.batch_size, int(BATCH_SECONDS / context)))
    return [(clips[i : i + size], context) for i in range(0, len(clips), size)]


def context_of(seconds: float, config: TranscribeConfig) -> float:
    """Return the context of a clip: the shortest configured one that holds the clip and the margin.

    Without configured contexts it is the next whole second. It is at most FULL_CONTEXT.
    """
    needed = seconds + config.margin
    return min(
        (c for c in config.contexts or [float(math.ceil(needed))] if needed <= c <= FULL_CONTEXT),
        default=FULL_CONTEXT,
    )


def token_cap(seconds: float, config: TranscribeConfig) -> int:
    """Return the largest number of tokens of a clip's transcript. Whisper itself stops at 224."""
    return min(224, int(config.max_tokens_per_second * seconds) + config.extra_tokens)
