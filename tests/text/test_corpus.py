"""Author corpora: nothing held out may come in, whatever way it tries."""

import pytest

from dada.data import DataDir
from dada.errors import DataError
from dada.text.chunk import chunk
from dada.text.config import TextConfig
from dada.text.corpus import HeldOut, Text, build_corpus, read_aliases, read_authors, split_by_source
from dada.text.normalise import normalise

WORDS = "one two three four five six seven eight nine ten".split()


def texts_of(author: str, number: int, start: int = 0) -> list[Text]:
    numbers = range(start, start + number)
    return [
        Text(f"{author}-{i}", author, f"{author}-page{i}", f"{author} says a line of some words number {i}")
        for i in numbers
    ]


def test_chunks_end_at_sentences_and_lose_only_short_leftovers():
    sentences = [" ".join(WORDS[:n]).capitalize() + "." for n in (6, 7, 3, 9, 10, 2)]
    pieces = chunk(" ".join(sentences), 4, 12)
    assert pieces == [sentences[0], " ".join(sentences[1:3]), sentences[3], " ".join(sentences[4:6])]
    assert chunk(" ".join(WORDS * 5), 6, 39) == [" ".join((WORDS * 5)[:25]), " ".join((WORDS * 5)[25:])]
    assert chunk("Too short.", 6, 39) == [] and chunk("", 6, 39) == []


def test_held_out_sources_and_wordings_are_excluded():
    texts = texts_of("ann", 8) + texts_of("bob", 8)
    hidden = Text("x", "ann", "other page", texts[0].text.upper() + "!")
    inside = Text(
        "y", "ann", "long page", f"A first sentence has quite many words in it here. {texts[9].text}."
    )
    held_out = HeldOut({"ann-page0", "bob-page1"}, {normalise(texts[0].text), normalise(texts[9].text)})
    exact = TextConfig(max_words=12, overlap_words=0)  # all lines here are alike
    corpus = build_corpus([*texts, hidden, inside], held_out, exact)
    kept = corpus.train + corpus.dev
    assert not {t.source for t in kept} & held_out.sources
    assert not {normalise(t.text) for t in kept} & held_out.texts
    assert "y-0001" in {t.key for t in kept}  # the rest of the long text stays
    assert corpus.counts["held out for dev and test of the audio"] == 4


def test_duplicates_and_shared_wordings_go():
    texts = texts_of("ann", 5) + texts_of("bob", 5)
    again = texts[0]._replace(key="again", text=texts[0].text + "?!")
    shared = [Text(f"s{a}", a, f"s{a}", "Nobody knows who said these words first.") for a in ("ann", "bob")]
    corpus = build_corpus([*texts, again, *shared], HeldOut(), TextConfig())
    assert sorted(t.key for t in corpus.train + corpus.dev) == sorted(t.key for t in texts)
    assert corpus.counts["duplicates"] == 1 and corpus.counts["said by several authors"] == 2


def test_split_is_by_source_stratified_and_independent_of_order():
    texts = [
        t._replace(source=f"{t.author}-book{i // 3}")
        for a in ("ann", "bob", "cid")
        for i, t in enumerate(texts_of(a, 30))
    ]
    train, dev = split_by_source(texts, 0.3, seed=1)
    assert not {t.source for t in train} & {t.source for t in dev}
    for author in ("ann", "bob", "cid"):
        assert sum(t.author == author for t in dev) == 9
    again = split_by_source(texts[::-1], 0.3, seed=1)
    assert sorted(again[1]) == sorted(dev)
    assert sorted(split_by_source(texts, 0.3, seed=2)[1]) != sorted(dev)
    lonely = [Text("a", "ann", "p", "x"), Text("b", "bob", "p", "y"), Text("c", "bob", "q", "z")]
    train, dev = split_by_source(lonely, 0.9, seed=1)
    assert {t.author for t in train} == {"ann", "bob"}  # an author's last source stays in train


def test_two_authors_are_needed():
    with pytest.raises(DataError, match="attribution needs two"):
        build_corpus(texts_of("ann", 5) + texts_of("bob", 1), HeldOut(), TextConfig())


def test_authors_are_read_with_what_their_splits_hold_out(tmp_path):
    tables = {"text": {"a": "Hello there.", "b": "Good bye."}, "utt2spk": {"a": "ann", "b": "bob"}}
    DataDir(tmp_path / "plain", tables).write()
    texts, held_out = read_authors(tmp_path / "plain")
    assert texts[0] == Text("a", "ann", "a", "Hello there.") and not held_out.sources
    DataDir(
        tmp_path / "split",
        {**tables, "utt2source": {"a": "l1", "b": "l2"}, "utt2split": {"a": "test", "b": "none"}},
    ).write()
    assert read_authors(tmp_path / "split")[1] == HeldOut({"l1"}, {"hello there"})
    with pytest.raises(DataError, match="not there"):
        read_authors(tmp_path / "absent")


def test_aliases(tmp_path):
    (tmp_path / "good.csv").write_text("author,speaker\nJohn_F._Kennedy,JFK\n")
    (tmp_path / "bad.csv").write_text("name;other\n")
    assert read_aliases(tmp_path / "good.csv") == {"John_F._Kennedy": "JFK"} and read_aliases(None) == {}
    with pytest.raises(DataError, match="author,speaker"):
        read_aliases(tmp_path / "bad.csv")
    with pytest.raises(DataError, match="does not exist"):
        read_aliases(tmp_path / "none.csv")
