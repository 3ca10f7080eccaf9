"""Cutting of long texts into chunks about as long as an utterance."""

import itertools
import re

# Punctuation, closing quotes and a space end a sentence. Abbreviations also match, with little effect.
_SENTENCE_END = re.compile(r"(?<=[.!?…])[\"'”’)\]]*\s+")


def chunk(text: str, min_words: int, max_words: int) -> list[str]:
    """Return chunks of `min_words` to `max_words` words, cut at ends of sentences; shorter ones are left out.

    Sentences are packed together as long as they fit. A sentence that is too long is cut into chunks of
    nearly equal length.

    >>> chunk("One two three. Four five. Six seven eight nine ten.", 2, 5)
    ['One two three. Four five.', 'Six seven eight nine ten.']
    """
    pieces: list[list[str]] = []
    for words in _sentences(text, max_words):
        if pieces and len(pieces[-1]) + len(words) <= max_words:
            pieces[-1].extend(words)
        else:
            pieces.append(words)
    return [" ".join(words) for words in pieces if len(words) >= min_words]


def _sentences(text: str, max_words: int) -> list[list[str]]:
    """Return the words of each sentence; a sentence over `max_words` is cut evenly."""
    sentences: list[list[str]] = []
    start = 0
    for end in [match.end() for match in _SENTENCE_END.finditer(text)] + [len(text)]:
        words = text[start:end].split()
        start = end
        parts = -(-len(words) // max_words)
        cuts = [len(words) * i // parts for i in range(parts + 1)] if parts else []
        sentences.extend(words[a:b] for a, b in itertools.pairwise(cuts))
    return sentences
