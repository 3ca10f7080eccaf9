"""Each sign that a transcript went wrong, and that a plain one has none."""

import pytest

from dada.asr.config import GuardConfig
from dada.asr.guard import compression_ratio, doubts

PLAIN = "And so my fellow Americans, ask not what your country can do for you."


@pytest.mark.parametrize(
    ("text", "seconds", "logprob", "capped", "sign"),
    [
        ("", 2.0, -0.1, False, "empty"),
        (" … ", 2.0, -0.1, False, "empty"),
        (PLAIN, 2.0, -0.1, False, "too fast"),
        ("well well well well no", 3.0, -0.1, False, "repeats words"),
        (PLAIN, 5.0, -1.2, False, "improbable"),
        (PLAIN, 5.0, float("nan"), False, "improbable"),
        (PLAIN, 5.0, -0.1, True, "token cap"),
        (PLAIN * 4, 30.0, -0.1, False, "compresses"),
    ],
)
def test_signs(text, seconds, logprob, capped, sign):
    assert sign in doubts(text, seconds, logprob, capped, GuardConfig())


def test_a_plain_transcript_passes():
    assert doubts(PLAIN, 5.0, -0.3, False, GuardConfig()) == []


def test_thresholds_come_from_the_configuration():
    assert doubts(PLAIN, 5.0, -0.3, False, GuardConfig(min_logprob=-0.2)) == ["improbable"]
    assert doubts(PLAIN, 5.0, -0.3, False, GuardConfig(max_words_per_second=2.0)) == ["too fast"]


def test_compression_ratio():
    assert compression_ratio("") == 0.0
    assert compression_ratio(PLAIN) < 1.2 < 5 < compression_ratio(PLAIN * 20)
