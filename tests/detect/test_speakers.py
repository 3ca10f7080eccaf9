"""Purported speakers and words: who is meant, and when words are not weighed."""

import numpy as np
import pytest

from dada.asr.base import Hypothesis, Transcriber
from dada.asr.careful import listen
from dada.asr.config import TranscribeConfig
from dada.asr.guard import loops
from dada.detect.speakers import match_speaker
from dada.errors import UserError

AUTHORS = ["Élodie Dupont", "BOB", "bob_smith"]


@pytest.mark.parametrize(
    ("name", "author"),
    [("bob", "BOB"), ("elodie-dupont", "Élodie Dupont"), ("Bob Smith", "bob_smith"), ("BOB", "BOB")],
)
def test_case_and_accents_do_not_matter(name, author):
    assert match_speaker(name, AUTHORS, "dada_text") == author


def test_a_wrong_name_is_answered_with_the_nearest():
    with pytest.raises(
        UserError, match=r"knows no texts of Bib: did you mean BOB.*\? give --speaker, one of"
    ):
        match_speaker("Bib", AUTHORS, "dada_text")
    with pytest.raises(UserError, match="may be Bob, bob: write the name"):
        match_speaker("BOB", ["Bob", "bob"], "dada_text")
    many = [f"author{i:03d}" for i in range(50)]
    with pytest.raises(UserError, match="and 30 more"):
        match_speaker("nobody", many, "dada_text")


@pytest.mark.parametrize(
    ("text", "loop"),
    [
        ("the president of the first african nation spoke", False),
        ("president of the first african " * 4, True),
        ("so he said president of the first african president of the first african", False),
        ("no no no no no", False),
        ("no " * 8, True),
        ("", False),
    ],
)
def test_loops_are_told_from_speech(text, loop):
    assert loops(text) is loop


class Scripted:
    """A back end that says the next of some texts for each clip."""

    def __init__(self, texts):
        self.texts, self.lengths = list(texts), []

    def decode(self, clips, context, caps):
        self.lengths += [(len(clip) / 16_000, context) for clip in clips]
        return [Hypothesis(self.texts.pop(0), -0.2, 5, 0.0, False) for _ in clips]


LOOP = "president of the first african " * 6


@pytest.mark.parametrize(
    ("texts", "heard", "problem", "reread"),
    [
        (["we were no longer free"], "we were no longer free", "", False),
        ([LOOP, LOOP, "we were", "no longer free"], "we were no longer free", "", True),
        ([LOOP, LOOP, LOOP, LOOP], LOOP.strip(), "repeats itself", True),
        (["", "", "", ""], "", "no words", True),
    ],
)
def test_a_loop_is_read_again_and_else_no_evidence(texts, heard, problem, reread):
    backend = Scripted(texts)
    found = listen(Transcriber(backend, TranscribeConfig()), np.zeros(20 * 16_000, dtype=np.float32))
    assert (found.text, found.reread) == (heard, reread) and problem in found.problem
    assert bool(found.problem) == bool(problem)
    assert all(seconds <= 12 and context == 30 for seconds, context in backend.lengths[2:])
