"""Cutting long texts into pieces of about the length of an utterance."""

import re

# After closing punctuation and quotes comes a blank: the end of a sentence, or an abbreviation, which does
# little harm here.
_SENTENCE_END = re.compile(r"(?<=[.!?…])[\"'”’)\]]*\s+")


def chunk(text: str, min_words: int, max_words: int) -> list[str]:
    """Pieces of at most `max_words` words, cut at sentence ends where there are any; pieces under `min_words`
    are left out.

    Sentences are packed together as long as they fit. One that is itself too long is cut into pieces of
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
    """The words of each sentence, those over `max_words` cut evenly."""
    found = []
    start = 0
    for end in [match.end() for match in _SENTENCE_END.finditer(text)] + [len(text)]:
        words = text[start:end].split()
        start = end
        parts = -(-len(words) // max_words)
        for i in range(parts):
            found.append(words[len(words) * i // parts : len(words) * (i + 1) // parts])
    return found
