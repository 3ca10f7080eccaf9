"""Detection of failed transcripts without a reference.

In a context as short as the clip, Whisper's decoder may repeat itself without end or stop at once. A clip
with a sign of either is read again with the full context.
"""

import zlib

from dada.asr.config import GuardConfig
from dada.metrics.wer import words

LONGEST_PHRASE = 8  # words
# A phrase that is said four times in a row, and makes up eight words or more, is a loop of the decoder:
# people say "no, no, no, no", and a line of a song twice.
REPEATS, LOOP_WORDS = 4, 8


def compression_ratio(text: str) -> float:
    """Return the bytes of a text over its bytes after zlib: about 1 for a sentence, 0 for an empty text.

    A text that repeats itself has a far higher ratio.
    """
    content = text.encode("utf-8")
    return len(content) / len(zlib.compress(content)) if content else 0.0


def doubts(text: str, seconds: float, avg_logprob: float, capped: bool, config: GuardConfig) -> list[str]:
    """Return the signs of a failed transcript of `seconds` of audio, empty for none.

    `capped` tells that the text ends at the token cap.

    >>> doubts("we were no longer free", 2.0, -0.3, False, GuardConfig())
    []
    >>> doubts("no no no no no no no no", 1.0, -0.1, True, GuardConfig())
    ['token cap', 'too fast', 'repeats words']
    """
    spoken = words(text)
    if not spoken:
        return ["empty"]
    signs = {
        "token cap": capped,
        "too fast": len(spoken) > config.max_words_per_second * seconds,
        "repeats words": len(set(spoken)) < config.min_distinct_words * len(spoken),
        "improbable": not avg_logprob >= config.min_logprob,  # also catches NaN
        "compresses": compression_ratio(text) > config.max_compression,
    }
    return [name for name, holds in signs.items() if holds]


def loops(text: str) -> bool:
    """Return whether a phrase of up to LONGEST_PHRASE words follows itself again and again.

    >>> loops("no no no no I said"), loops("president of the first african " * 5)
    (False, True)
    """
    spoken = words(text)
    for size in range(1, LONGEST_PHRASE + 1):
        needed = max(REPEATS * size, LOOP_WORDS)
        run = size  # words up to here of which each is the one `size` words before
        for i in range(size, len(spoken)):
            run = run + 1 if spoken[i] == spoken[i - size] else size
            if run >= needed:
                return True
    return False
