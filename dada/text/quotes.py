"""Quotes of authors, wherever they come from, and the data directory that they become."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from dada.data import DataDir
from dada.errors import DataError
from dada.text.normalise import normalise, one_line


class Quote(NamedTuple):
    """One quote. `page` and `revision` are what attribution under CC BY-SA asks for; both empty where a
    collection has none.
    """

    author: str
    text: str
    source: str = ""  # the work that it is from, as far as it is known
    page: str = ""
    revision: str = ""
    status: str = "sourced"  # sourced | attributed


def author_name(name: str) -> str:
    """A name as a table's key: blanks become `_`, as in Wikiquote's addresses.

    >>> author_name(" Martin Luther  King, Jr. ")
    'Martin_Luther_King,_Jr.'
    """
    return "_".join(name.replace("_", " ").split())


def quotes_dir(path: Path, quotes: Iterable[Quote]) -> DataDir:
    """The data directory of an author corpus: text, utt2spk, utt2source, and utt2page and utt2revision where
    pages are known.

    Utterances are numbered by author, in the order of the quotes. A quote without a known work is a source of
    its own; the same words by one author come once. Raises DataError without any quote.
    """
    tables: dict[str, dict[str, str]] = {
        name: {} for name in ("text", "utt2spk", "utt2source", "utt2page", "utt2revision", "utt2status")
    }
    numbers: Counter = Counter()
    seen: set[tuple[str, str]] = set()
    for quote in quotes:
        author, plain = author_name(quote.author), normalise(quote.text)
        if not plain or (author, plain) in seen:
            continue
        seen.add((author, plain))
        numbers[author] += 1
        utt = f"{author}-{numbers[author]:05d}"
        source = f"{author}#{normalise(quote.source)}" if normalise(quote.source) else utt
        row = (
            one_line(quote.text),
            author,
            source,
            author_name(quote.page) or "-",
            quote.revision or "-",
            quote.status,
        )
        for name, value in zip(tables, row, strict=True):
            tables[name][utt] = value
    if not numbers:
        raise DataError(
            f"no quote for {path}: is it the right dump or collection, and in the right language?"
        )
    if set(tables["utt2page"].values()) == {"-"}:
        del tables["utt2page"], tables["utt2revision"], tables["utt2status"]
    order = sorted(tables["text"], key=str.encode)
    return DataDir(path, {name: {utt: table[utt] for utt in order} for name, table in tables.items()})
