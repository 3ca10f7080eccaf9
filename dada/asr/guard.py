"""Telling transcripts that went wrong from the others, without a reference.

With its context cut to the length of a clip, Whisper's decoder may repeat itself without end or stop at once.
Each sign of that sends the clip back to be read with the full context.
"""

import zlib

from dada.asr.config import GuardConfig
from dada.metrics.wer import words


def compression_ratio(text: str) -> float:
    """Bytes of a text over its bytes after zlib: about 1 for a sentence, far above for one that repeats
    itself. 0 if empty.
    """
    content = text.encode("utf-8")
    return len(content) / len(zlib.compress(content)) if content else 0.0


def doubts(text: str, seconds: float, avg_logprob: float, capped: bool, config: GuardConfig) -> list[str]:
    """What speaks against a transcript of `seconds` of audio; an empty list passes it. `capped` says that the
    token cap ended it.

    >>> doubts("we were no longer free", 2.0, -0.3, False, GuardConfig())
    []
    >>> doubts("no no no no no no no no", 1.0, -0.1, True, GuardConfig())
    ['token cap', 'too fast', 'repeats words']
    """
    spoken = words(text)
    if not spoken:
        return ["empty"]
    found = {
        "token cap": capped,
        "too fast": len(spoken) > config.max_words_per_second * seconds,
        "repeats words": len(set(spoken)) < config.min_distinct_words * len(spoken),
        "improbable": not avg_logprob >= config.min_logprob,  # also catches NaN
        "compresses": compression_ratio(text) > config.max_compression,
    }
    return [name for name, holds in found.items() if holds]
