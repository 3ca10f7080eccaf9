"""Word error rate against a plain textbook alignment, and its normaliser."""

import math

import numpy as np
import pytest

from dada.metrics.wer import word_error_rate, word_errors, words


def plain_distance(a: list[str], b: list[str]) -> int:
    """Levenshtein's distance cell by cell."""
    table = {(i, 0): i for i in range(len(a) + 1)} | {(0, j): j for j in range(len(b) + 1)}
    for i in range(1, len(a) + 1):
        for j in range(1, len(b) + 1):
            table[i, j] = min(
                table[i - 1, j] + 1, table[i, j - 1] + 1, table[i - 1, j - 1] + (a[i - 1] != b[j - 1])
            )
    return table[len(a), len(b)]


def test_equals_the_plain_alignment():
    rng = np.random.default_rng(0)
    for _ in range(60):
        a, b = (list(rng.choice(list("abcd"), rng.integers(0, 12))) for _ in range(2))
        assert word_errors(a, b) == plain_distance(a, b)


@pytest.mark.parametrize(
    ("reference", "hypothesis", "errors"),
    [
        ("a b c", "a b c", 0),
        ("a b c", "a x c", 1),
        ("a b c", "a c", 1),
        ("a b", "a x y b", 2),
        ("a b", "", 2),
        ("", "a", 1),
    ],
)
def test_errors(reference, hypothesis, errors):
    assert word_errors(reference.split(), hypothesis.split()) == errors


def test_rate_is_over_all_reference_words():
    assert word_error_rate([("one two three", "one two three"), ("four", "five")]) == 0.25
    assert math.isnan(word_error_rate([("", "a")]))


def test_words_leave_case_and_punctuation():
    assert words("“It’s 5 o'clock,” said Déjà-Vu… 'quoted'") == [
        "it's",
        "5",
        "o'clock",
        "said",
        "déjà",
        "vu",
        "quoted",
    ]
