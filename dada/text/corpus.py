"""Author corpora: merging, removal of held-out texts, cutting into chunks, split by source."""

import random
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from dada.data import NO_SPEAKER, DataDir
from dada.errors import DataError
from dada.formats.csv_list import read_dicts
from dada.text.chunk import chunk
from dada.text.config import TextConfig
from dada.text.normalise import normalise, one_line
from dada.text.overlap import HeldOutRuns
from dada.text.quotes import DECADES, NO_VALUE, author_name

OF_SPEECH, OF_TEST = "overlap with held-out speech", "overlap with the test texts"
MIN_SHARE = 1e-9  # with a share of 0, one common run is enough
HELD_OUT = ("dev", "test")  # values of utt2split whose sources a text model must never see


class Text(NamedTuple):
    """One text of a corpus. `key` is unique within all of its parts."""

    key: str
    author: str
    source: str
    text: str
    decade: str = NO_VALUE  # in which it was said


@dataclass
class HeldOut:
    """Sources and normalised texts of dev and test of the audio.

    The texts match a line under another source's name as well.
    """

    sources: set[str] = field(default_factory=set)
    texts: set[str] = field(default_factory=set)


@dataclass
class Corpus:
    """Texts of the splits, and counts of the texts left out by reason."""

    train: list[Text]
    dev: list[Text]
    counts: dict[str, int]
    test: list[Text] = field(default_factory=list)  # empty unless `test_fraction` is above 0


def read_authors(folder: Path) -> tuple[list[Text], HeldOut]:
    """Return the texts of an author corpus, and those of dev and test of the audio by its `utt2split`.

    Without `utt2source` every text is its own source. Raise DataError without `text` or `utt2spk`.
    """
    data = DataDir.read(folder, require=("text", "utt2spk"))
    sources = data.get("utt2source") or {utt: utt for utt in data.utts}
    decades = data.get(DECADES) or {}
    texts = [
        Text(utt, data.speakers[utt], sources[utt], text, decades.get(utt, NO_VALUE))
        for utt, text in data["text"].items()
    ]
    splits = data.get("utt2split") or {}
    held_out = HeldOut()
    for text in texts:
        if splits.get(text.key) in HELD_OUT:
            held_out.sources.add(text.source)
            held_out.texts.add(normalise(text.text))
    return texts, held_out


def read_aliases(path: Path | None) -> dict[str, str]:
    """Return author -> purported speaker of a CSV file, empty for None.

    With the header `author,speaker`, the row `John_F._Kennedy,JFK` assigns the texts of John_F._Kennedy to
    the speaker JFK of the audio's utt2spk. With `name,title` the columns are reversed: JFK,John F. Kennedy.
    Raise DataError for another header, a missing file, or text that is not UTF-8.
    """
    if path is None:
        return {}
    rows = list(read_dicts(path))
    names = list(rows[0]) if rows else []
    if names not in (["author", "speaker"], ["name", "title"]):
        problem = f"the first line must be `author,speaker` or `name,title`, with names below it, got {names}"
        raise DataError(f"{path}: {problem}: correct the `aliases` of `text:` in recipe.yaml")
    author, speaker = ("title", "name") if "title" in names else ("author", "speaker")
    return {author_name(row[author] or ""): author_name(row[speaker] or "") for row in rows}


def build_corpus(texts: Iterable[Text], held_out: HeldOut, config: TextConfig) -> Corpus:
    """Remove held-out sources and duplicates, cut long texts, and split the sources into train, dev and test.

    Of texts by an author that are equal after normalisation the first stays. Of equal texts by several
    authors none stays, since they do not tell who wrote them. The result does not depend on the order of
    authors. Raise DataError for fewer than two authors.
    """
    counts: Counter = Counter()
    texts = list(texts)
    counts["texts read"] = len(texts)
    pieces = [piece for text in _allowed(texts, held_out, counts) for piece in _cut(text, config, counts)]
    pieces = _allowed(pieces, held_out, counts)  # again: a held-out line may be part of a longer text
    pieces = _without_overlap(pieces, held_out.texts, config, counts, OF_SPEECH)
    kept = _frequent(
        _thinned(_deduplicated(pieces, counts), config.max_per_source, counts), config.min_texts, counts
    )
    rest, test = (
        split_by_source(kept, config.test_fraction, f"{config.seed} test")
        if config.test_fraction
        else (kept, [])
    )
    train, dev = split_by_source(rest, config.dev_fraction, config.seed)
    spoken = {normalise(text.text) for text in test}
    train, dev = (_without_overlap(part, spoken, config, counts, OF_TEST) for part in (train, dev))
    authors = {text.author for text in train}
    if len(authors) < 2:
        raise DataError(
            f"the text corpus {config.name!r} has {len(authors)} authors with at least {config.min_texts} "
            f"texts of {config.min_words} "
            "or more words, and attribution needs two: add a corpus to `text.corpora` or lower "
            f"`text.min_texts` ({_listed(counts)})"
        )
    dev, test = ([text for text in part if text.author in authors] for part in (dev, test))
    counts |= {"train texts": len(train), "dev texts": len(dev), "authors": len(authors)}
    return Corpus(train, dev, dict(counts), test)


def split_by_source(texts: list[Text], dev_fraction: float, seed: int | str) -> tuple[list[Text], list[Text]]:
    """Return train and dev texts: of each author about `dev_fraction` for dev, in whole sources.

    A source stays in train for every author.
    """
    by_author: dict[str, dict[str, int]] = defaultdict(Counter)
    for text in texts:
        by_author[text.author][text.source] += 1
    in_dev: dict[str, bool] = {}
    for author in sorted(by_author):
        sources = by_author[author]
        order = sorted(sources)
        random.Random(f"{seed} {author}").shuffle(order)  # the hash of a string is equal in all processes
        wanted = dev_fraction * sum(sources.values())
        taken = sum(count for source, count in sources.items() if in_dev.get(source))
        in_train = any(in_dev.get(source) is False for source in order)
        for i, source in enumerate(order):
            if source not in in_dev:  # a source of several authors is decided by the first of them
                last_chance = i == len(order) - 1 and not in_train
                in_dev[source] = not last_chance and taken + sources[source] / 2 <= wanted
                taken += sources[source] * in_dev[source]
                in_train = in_train or not in_dev[source]
    return [t for t in texts if not in_dev[t.source]], [t for t in texts if in_dev[t.source]]


def _allowed(texts: list[Text], held_out: HeldOut, counts: Counter) -> list[Text]:
    """Return the texts with an author that are not held out."""
    kept = []
    for text in texts:
        if text.author == NO_SPEAKER:
            counts["without author"] += 1
        elif text.source in held_out.sources or normalise(text.text) in held_out.texts:
            counts["held out for dev and test of the audio"] += 1
        else:
            kept.append(text)
    return kept


def _without_overlap(
    texts: list[Text], held_out: set[str], config: TextConfig, counts: Counter, reason: str
) -> list[Text]:
    """Return the texts that do not say in part what a held-out text says."""
    if not (config.overlap_words and held_out):
        return texts
    index = HeldOutRuns(sorted(held_out), config.overlap_words)
    overlaps = index.shares([text.text for text in texts]) >= max(config.overlap_share, MIN_SHARE)
    counts[reason] += int(overlaps.sum())
    return [text for text, overlap in zip(texts, overlaps, strict=True) if not overlap]


def _cut(text: Text, config: TextConfig, counts: Counter) -> list[Text]:
    """Return the chunks of a text, numbered if there are several."""
    chunks = chunk(text.text, config.min_words, config.max_words)
    if not chunks:
        counts[f"under {config.min_words} words"] += 1
    if len(chunks) > 1:
        counts["cut at sentence ends"] += 1
        return [text._replace(key=f"{text.key}-{i:04d}", text=part) for i, part in enumerate(chunks, start=1)]
    return [text._replace(text=one_line(part)) for part in chunks]


def _deduplicated(texts: list[Text], counts: Counter) -> list[Text]:
    """Return the first of equal texts by an author; equal texts by several authors are left out."""
    authors: dict[str, set[str]] = defaultdict(set)
    for text in texts:
        authors[normalise(text.text)].add(text.author)
    seen: set[str] = set()
    kept = []
    for text in texts:
        plain = normalise(text.text)
        if len(authors[plain]) > 1:
            counts["said by several authors"] += 1
        elif plain in seen:
            counts["duplicates"] += 1
        else:
            seen.add(plain)
            kept.append(text)
    return kept


def _thinned(texts: list[Text], most: int, counts: Counter) -> list[Text]:
    """Return at most `most` texts of each source, spread evenly over it; all for 0."""
    if not most:
        return texts
    sources: dict[tuple[str, str], list[int]] = defaultdict(list)
    for i, text in enumerate(texts):
        sources[text.author, text.source].append(i)
    kept = {
        i
        for members in sources.values()
        for i in (members if len(members) <= most else _spread(members, most))
    }
    if len(kept) < len(texts):
        counts[f"beyond {most} of their source"] = len(texts) - len(kept)
    return [text for i, text in enumerate(texts) if i in kept]


def _spread(members: list[int], most: int) -> list[int]:
    """Return `most` of the members at equal distances."""
    return [members[(2 * k + 1) * len(members) // (2 * most)] for k in range(most)]


def write_texts(folder: Path, texts: list[Text], advice: str) -> None:
    """Write texts as a data directory with text, utt2spk and utt2source, and utt2decade where it is known.

    Raise DataError without any text, with `advice`, and for a duplicate key.
    """
    if not texts:
        raise DataError(f"the {folder.name} split of the text corpus would be empty: {advice}")
    twice = [key for key, count in Counter(text.key for text in texts).items() if count > 1]
    if twice:
        raise DataError(f"{folder}: utterance {twice[0]} is in two parts of the text corpus")
    columns = {
        "text": {t.key: t.text for t in texts},
        "utt2spk": {t.key: t.author for t in texts},
        "utt2source": {t.key: t.source for t in texts},
    }
    if any(t.decade != NO_VALUE for t in texts):
        columns[DECADES] = {t.key: t.decade for t in texts}
    DataDir.of(folder, columns).write()


def _frequent(texts: list[Text], min_texts: int, counts: Counter) -> list[Text]:
    """Return the texts of authors with at least `min_texts` of them."""
    per_author = Counter(text.author for text in texts)
    kept = [text for text in texts if per_author[text.author] >= min_texts]
    if len(kept) < len(texts):
        counts[f"by authors with under {min_texts} texts"] = len(texts) - len(kept)
    return kept


def _listed(counts: Counter) -> str:
    return ", ".join(f"{name}: {count}" for name, count in counts.items())
