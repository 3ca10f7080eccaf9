"""Quotes of authors, and their data directory."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from dada.data import DataDir
from dada.errors import DataError
from dada.text.normalise import normalise, one_line

OF_PAGES = ("utt2page", "utt2revision", "utt2status")
DECADES = "utt2decade"
NO_VALUE = "-"  # in a table, where a quote has none


class Quote(NamedTuple):
    """A quote. `page` and `revision` serve attribution under CC BY-SA and are empty where unknown."""

    author: str
    text: str
    source: str = ""  # its work, empty where unknown
    page: str = ""
    revision: str = ""
    status: str = "sourced"  # sourced | attributed
    decade: str = ""  # in which it was said, such as 1860s; empty where unknown


def author_name(name: str) -> str:
    """Return a name as a table's key: spaces become `_`, as in Wikiquote's addresses.

    >>> author_name(" Martin Luther  King, Jr. ")
    'Martin_Luther_King,_Jr.'
    """
    return "_".join(name.replace("_", " ").split())


def quotes_dir(path: Path, quotes: Iterable[Quote]) -> DataDir:
    """Return the data directory of an author corpus.

    Its tables are text, utt2spk and utt2source, where pages are known utt2page, utt2revision and utt2status,
    and where dates are known utt2decade. Utterances are numbered by author, in the order of the quotes. A
    quote of an unknown work is its own source. Repeated words of an author are left out. Raise DataError
    without any quote.
    """
    tables: dict[str, dict[str, str]] = {
        name: {} for name in ("text", "utt2spk", "utt2source", *OF_PAGES, DECADES)
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
            author_name(quote.page) or NO_VALUE,
            quote.revision or NO_VALUE,
            quote.status,
            quote.decade or NO_VALUE,
        )
        for name, value in zip(tables, row, strict=True):
            tables[name][utt] = value
    if not numbers:
        raise DataError(
            f"no quote for {path}: is it the right dump or collection, and in the right language?"
        )
    for known, names in (("utt2page", OF_PAGES), (DECADES, (DECADES,))):
        if set(tables[known].values()) == {NO_VALUE}:
            for name in names:
                del tables[name]
    order = sorted(tables["text"], key=str.encode)
    return DataDir(path, {name: {utt: table[utt] for utt in order} for name, table in tables.items()})
