"""Contamination: which texts say in part what a held-out text says."""

import random

import numpy as np
import pytest
from small_recipe import small_recipe

from dada.data import DataDir
from dada.report.paths import read_text_counts
from dada.text.config import TextConfig
from dada.text.corpus import HeldOut, Text, build_corpus
from dada.text.normalise import normalise
from dada.text.overlap import HeldOutRuns, hashed_runs
from dada.text.splits_alone import write_splits_alone

WORDS = [f"word{i}" for i in range(500)]


def sentence(rng: random.Random, num: int) -> list[str]:
    return rng.choices(WORDS, k=num)


def test_shares_are_those_of_sets_of_runs():
    rng = random.Random(1)
    texts = [" ".join(rng.choices(WORDS[:4], k=rng.randint(1, 12))) for _ in range(300)]
    held_out, rest = texts[:80], texts[80:]

    def runs(text):
        words = text.split()
        return {tuple(words[i : i + 3]) for i in range(len(words) - 2)}

    expected = [
        max(
            (len(runs(t) & runs(h)) / min(len(runs(t)), len(runs(h))) for h in held_out if runs(h)), default=0
        )
        if runs(t)
        else 0.0
        for t in rest
    ]
    assert 0 < np.count_nonzero(expected) < len(rest) and max(expected) == 1
    np.testing.assert_allclose(HeldOutRuns(held_out, 3).shares(rest), expected)


def test_texts_without_runs():
    assert HeldOutRuns([], 5).shares(["one two three four five six"]).tolist() == [0]
    assert HeldOutRuns(["one two"], 5).shares(["", "one two", "a b c d e f"]).tolist() == [0, 0, 0]
    assert HeldOutRuns(["one two three"], 3).shares([]).size == 0
    owner, runs = hashed_runs(["A, b c -- a b c!", "a b c"], 3)
    assert owner.tolist() == [0, 0, 0, 1] and runs[3] in runs[:3]  # abc, bca, cab


@pytest.mark.parametrize(("error_rate", "least"), [(0.0, 1.0), (0.1, 0.87), (0.15, 0.7)])
def test_misheard_transcripts_are_found_and_other_texts_kept(error_rate, least):
    rng = random.Random(2)
    quotes = [sentence(rng, 25) for _ in range(300)]
    others = [" ".join(sentence(rng, 25)) for _ in range(300)]
    heard = [[rng.choice(WORDS) if rng.random() < error_rate else word for word in q[2:22]] for q in quotes]
    index = HeldOutRuns([" ".join(words).upper() for words in heard], TextConfig().overlap_words)
    found = index.shares([" ".join(q) for q in quotes]) >= TextConfig().overlap_share
    assert found.mean() >= least
    assert not index.shares(others).any()


def test_what_is_left_of_a_corpus_shares_no_run_with_what_is_asked_about():
    rng = random.Random(3)
    texts = [
        Text(f"{author}-{i}", author, f"{author}-{i // 4}", " ".join(sentence(rng, 20)))
        for author in ("ann", "bob")
        for i in range(40)
    ]
    spoken = [" ".join(["so", *text.text.split()[3:]]) for text in texts[::8]]  # begins elsewhere
    held_out = HeldOut(texts={normalise(text) for text in spoken})
    corpus = build_corpus(texts, held_out, TextConfig())
    assert corpus.counts["overlap with held-out speech"] == len(spoken) == 10
    assert not {text.key for text in corpus.train + corpus.dev} & {text.key for text in texts[::8]}
    exact = build_corpus(texts, held_out, TextConfig(overlap_words=0))
    assert len(exact.train + exact.dev) == 80


def test_train_shares_no_run_with_the_test_texts():
    rng = random.Random(4)
    texts = [
        Text(f"{author}-{i}", author, f"{author}-{i}", " ".join(sentence(rng, 20)))
        for author in ("ann", "bob")
        for i in range(30)
    ]
    # each quoted a second time, in part and under another source
    again = [
        t._replace(key=f"{t.key}-b", source=f"{t.source}-b", text=t.text[: len(t.text) // 2]) for t in texts
    ]
    corpus = build_corpus([*texts, *again], HeldOut(), TextConfig(test_fraction=0.3))
    held = {text.key.removesuffix("-b") for text in corpus.test}
    assert held and not held & {text.key.removesuffix("-b") for text in corpus.train + corpus.dev}
    assert corpus.counts["overlap with the test texts"] > 0


def test_quotes_that_other_test_sets_say_are_left_out(tmp_path):
    """Bona fide or spoofed, as a recogniser may write them; the report has the number."""
    rng = random.Random(5)
    quotes = {f"{author}-{i:02d}": sentence(rng, 20) for author in ("ann", "bob") for i in range(20)}
    tables = {
        "text": {key: " ".join(words) for key, words in quotes.items()},
        "utt2spk": {key: key[:3] for key in quotes},
    }
    DataDir(tmp_path / "data" / "quotes", tables).write()
    said = ["ann-03", "ann-11", "bob-07"]
    heard = {key: " ".join([*quotes[key][1:9], "misheard", *quotes[key][10:18]]).upper() for key in said}
    labels = {"ann-03": "spoof", "ann-11": "bonafide", "bob-07": "bonafide"}
    speech = {"text": heard, "utt2spk": {key: key[:3] for key in said}, "utt2label": labels}
    DataDir(tmp_path / "wild", speech).write()
    text = {"corpora": ["quotes"], "tests": {"wild": "wild"}}
    splits = {"train": "train", "dev": "dev", "test": ["wild"]}
    corpus = {"name": "small", "audio": False}
    recipe = small_recipe(tmp_path, {}, corpus=corpus, text=text, splits=splits, protocols=["main"])
    home = tmp_path / "data" / "text_authors"
    write_splits_alone(recipe, home, {"quotes": recipe.data_dir("quotes")})
    kept = {
        utt.removeprefix("quotes-")
        for split in ("train", "dev")
        for utt in DataDir.read(recipe.data_dir(split)).utts
    }
    assert kept == set(quotes) - set(said)
    assert read_text_counts(recipe)["overlap with held-out speech"] == 3
    assert set(DataDir.read(recipe.data_dir("wild")).utts) == {"ann-11", "bob-07"}
