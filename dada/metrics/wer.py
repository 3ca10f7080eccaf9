"""Word error rate: substitutions, insertions and deletions of the best alignment, over the words of the
reference.
"""

import re
from collections.abc import Iterable, Sequence

import numpy as np

# A word: letters, digits and the apostrophes inside it. Everything else parts words.
WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")


def words(text: str) -> list[str]:
    """The words of a text in lower case, without punctuation.

    >>> words("Don't -- you DARE, Joe!")
    ["don't", 'you', 'dare', 'joe']
    """
    return WORD.findall(text.lower().replace("’", "'"))


def word_errors(reference: Sequence[str], hypothesis: Sequence[str]) -> int:
    """Levenshtein's distance between two lists of words.

    A row of the table at a time: insertions along the row are a running minimum of (value - column).
    """
    number = {word: i for i, word in enumerate(dict.fromkeys([*reference, *hypothesis]))}
    hyp = np.array([number[word] for word in hypothesis], dtype=np.int64)
    columns = np.arange(len(hyp) + 1)
    row = columns
    for i, word in enumerate((number[word] for word in reference), start=1):
        without_insertions = np.empty_like(row)
        without_insertions[0] = i
        np.minimum(row[1:] + 1, row[:-1] + (hyp != word), out=without_insertions[1:])
        row = np.minimum.accumulate(without_insertions - columns) + columns
    return int(row[-1])


def word_error_rate(pairs: Iterable[tuple[str, str]]) -> float:
    """Errors over reference words of (reference, hypothesis) texts taken together, as a share; NaN without
    reference words.

    >>> word_error_rate([("the cat sat", "The cat, sat!"), ("on the mat", "on mat")])
    0.16666666666666666
    """
    errors = total = 0
    for reference, hypothesis in pairs:
        wanted = words(reference)
        errors += word_errors(wanted, words(hypothesis))
        total += len(wanted)
    return errors / total if total else float("nan")
