"""Texts brought to a common form: to find duplicates, and to count words."""

import re
import unicodedata

_APOSTROPHES = str.maketrans("", "", "'’‘`´")
_NOT_WORD = re.compile(r"[\W_]+")


def normalise(text: str) -> str:
    """Lower case, compatibility forms unified, no punctuation, words joined by one blank.

    >>> normalise("“Don’t shoot,” he said -- I’m  only the piano player!")
    'dont shoot he said im only the piano player'
    """
    text = unicodedata.normalize("NFKC", text).translate(_APOSTROPHES).casefold()
    return _NOT_WORD.sub(" ", text).strip()


def one_line(text: str) -> str:
    """The same text with runs of blanks and line breaks as one blank, as a table's value must be."""
    return " ".join(text.split())
