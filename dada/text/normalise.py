"""Normalisation of texts, for finding duplicates and counting words."""

import re
import unicodedata

_APOSTROPHES = str.maketrans("", "", "'’‘`´")
_NOT_WORD = re.compile(r"[\W_]+")


def normalise(text: str) -> str:
    """Return a text in lower case, without punctuation, compatibility forms unified, words joined by a space.

    >>> normalise("“Don’t shoot,” he said -- I’m  only the piano player!")
    'dont shoot he said im only the piano player'
    """
    text = unicodedata.normalize("NFKC", text).translate(_APOSTROPHES).casefold()
    return _NOT_WORD.sub(" ", text).strip()


def one_line(text: str) -> str:
    """Return a text with each run of spaces and line breaks as a single space, as a table's value."""
    return " ".join(text.split())
