"""Texts that say in part what held-out texts say. N texts, M held-out texts.

A transcript of speech hardly ever equals the quote that was spoken: it begins and ends elsewhere, and a
recogniser mistakes words. Therefore runs of words are compared, without case and punctuation.
"""

import hashlib
from collections.abc import Iterable, Sequence

import numpy as np

from dada.text.normalise import normalise

TEXTS_AT_ONCE = 4096  # bounds the memory
FACTOR = np.uint64(0x9E3779B97F4A7C15)  # odd: a multiplication modulo 2^64 loses nothing


class HeldOutRuns:
    """An inverted index of the runs of `num_words` words of held-out texts: run -> texts that have it."""

    def __init__(self, texts: Iterable[str], num_words: int):
        self.num_words = num_words
        owner, runs = hashed_runs(list(texts), num_words)
        self.sizes = np.bincount(owner, minlength=1)  # (M,) distinct runs of each text
        order = np.argsort(runs, kind="stable")
        self.runs, self.owner = runs[order], owner[order]

    def shares(self, texts: Sequence[str]) -> np.ndarray:
        """Return for each text (N,) the largest share of its runs that a held-out text has too, or of the
        held-out text's runs where these are fewer. A text without runs has 0.
        """
        starts = range(0, len(texts), TEXTS_AT_ONCE)
        parts = [self._shares(texts[start : start + TEXTS_AT_ONCE]) for start in starts]
        return np.concatenate([np.empty(0), *parts])

    def _shares(self, texts: Sequence[str]) -> np.ndarray:
        text, runs = hashed_runs(texts, self.num_words)
        sizes, num_held_out = np.bincount(text, minlength=len(texts)), len(self.sizes)
        first = np.searchsorted(self.runs, runs, "left")
        counts = np.searchsorted(self.runs, runs, "right") - first
        # One row for each run of a text and each held-out text that has the run.
        within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        held_out = self.owner[np.repeat(first, counts) + within]
        pairs, shared = np.unique(np.repeat(text, counts) * num_held_out + held_out, return_counts=True)
        text, held_out = np.divmod(pairs, num_held_out)
        shares = np.zeros(len(texts))
        np.maximum.at(shares, text, shared / np.minimum(sizes[text], self.sizes[held_out]))
        return shares


def hashed_runs(texts: Sequence[str], num_words: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the distinct runs of `num_words` words of texts: the number of the text (R,), in order, and a
    64-bit hash of the run (R,). A text of fewer words has no run.
    """
    words = [normalise(text).split() for text in texts]
    hashes = {word: _hash(word) for word in {word for row in words for word in row}}
    flat = np.array([hashes[word] for row in words for word in row], dtype=np.uint64)
    text = np.repeat(np.arange(len(texts)), [len(row) for row in words])
    num = max(len(flat) - num_words + 1, 0)
    runs = np.zeros(num, dtype=np.uint64)
    for place in range(num_words):
        runs = (runs ^ flat[place : place + num]) * FACTOR
        runs ^= runs >> np.uint64(29)
    whole = text[:num] == text[num_words - 1 : num_words - 1 + num]  # begins and ends in the same text
    text, runs = text[:num][whole], runs[whole]
    order = np.lexsort((runs, text))
    text, runs = text[order], runs[order]
    is_new = np.ones(len(text), dtype=bool)
    is_new[1:] = (text[1:] != text[:-1]) | (runs[1:] != runs[:-1])
    return text[is_new], runs[is_new]


def _hash(word: str) -> int:
    return int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest(), "big")
