"""Kaldi's text tables: one `key value` a line, UTF-8, LF, sorted by key in C order, one space.

An `utt2spk`:

    BOB-0001 BOB
    JOE-0001 JOE
"""

import functools
import itertools
import operator
import os
import types
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from dada.errors import DataError
from dada.storage.atomic import write_text
from dada.storage.reading import read_text

MAKE_IT = "make it, or run the stage that does"
FIRST_VALUES = 1_000  # which show whether a table has few different values


@dataclass(frozen=True)
class Problem:
    """What is wrong in one line (0: with the whole file) of a table, and what to do."""

    line: int
    what: str
    advice: str
    kind: str = "form"  # form | duplicate | order


def read_table(path: Path, beside: Mapping[str, str] | None = None) -> dict[str, str]:
    """Read a table into a dict, in the order of the file. A value may be empty only in `text`.

    Tables that are held together take less memory where all but the first are given the keys of another,
    `beside`, each under itself: equal keys are then one string.

    Raises DataError, with file and line, for a missing or empty file, text that is not UTF-8, a missing
    value, a duplicated key, or keys that are not sorted.
    """
    table, problems = scan_table(path, beside)
    if problems:
        first = problems[0]
        raise DataError(f"{path}{f':{first.line}' if first.line else ''}: {first.what}: {first.advice}")
    return table


def read_table_once(path: Path) -> Mapping[str, str]:
    """As `read_table`, read again only when the file has changed: for work on many parts of a large table.
    Not to be modified.
    """
    if not os.path.exists(path):
        return read_table(path)  # which says what is wrong
    state = os.stat(path)
    return _unchanged(Path(path), (state.st_ino, state.st_size, state.st_mtime_ns))


@functools.lru_cache(maxsize=4)  # as many as a shard reads in turn
def _unchanged(path: Path, _state: tuple[int, int, int]) -> Mapping[str, str]:
    return types.MappingProxyType(read_table(path))


def scan_table(path: Path, beside: Mapping[str, str] | None = None) -> tuple[dict[str, str], list[Problem]]:
    """The lines of a table that can be read, and the problems of all the others, in the order of the file;
    `beside` as in `read_table`.
    """
    path = Path(path)
    try:
        text = read_text(path, MAKE_IT)
    except DataError as error:
        what, _, advice = str(error).removeprefix(f"{path} ").rpartition(": ")
        return {}, [Problem(0, what, advice)]
    if (plain := _plain_table(text, beside or {})) is not None:
        return plain, []
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    table: dict[str, str] = {}
    problems: list[Problem] = []
    previous = ""
    for number, line in enumerate(lines, start=1):
        key, separator, value = line.rstrip("\r").partition(" ")
        if not well_formed(key, value if separator else "", path.name):
            problems.append(Problem(number, f"got {line!r}", "write `key value`, separated by one space"))
            continue
        if key in table:
            problems.append(
                Problem(number, f"key {key} is there twice", "remove one of the two lines", "duplicate")
            )
            continue
        if key < previous:  # as in C order, since UTF-8 sorts as its characters do
            problems.append(
                Problem(
                    number,
                    f"key {key} comes after {previous}",
                    f"sort the file with `LC_ALL=C sort -o {path} {path}`",
                    "order",
                )
            )
        table[key] = value
        previous = key
    if not lines:
        problems.append(Problem(0, "is empty", "remove it, or make it again"))
    return table, problems


def _plain_table(text: str, beside: Mapping[str, str]) -> dict[str, str] | None:
    """The table of a text without any problem and without a blank inside a value; None for any other text.

    Most large tables are of this kind. They are read in half the time, and equal keys and values take the
    memory of one.
    """
    words = text.split()
    keys, values = words[::2], words[1::2]
    if not keys or len(keys) != len(values):
        return None
    if "\n".join(map(" ".join, zip(keys, values, strict=True))) != text.removesuffix("\n"):
        return None
    if not all(map(operator.lt, keys, itertools.islice(keys, 1, None))):
        return None
    if beside:
        keys = list(map(beside.get, keys, keys))
    if len(set(values[:FIRST_VALUES])) <= min(len(values), FIRST_VALUES) / 2:
        known: dict[str, str] = {}
        values = list(map(known.setdefault, values, values))
    return dict(zip(keys, values, strict=True))


def well_formed(key: str, value: str, name: str) -> bool:
    """Whether a line may stand in the table `name`: a key without blanks and, but for `text`, a value without
    outer blanks.
    """
    return key.split() == [key] and (name == "text" or (bool(value) and value == value.strip()))


def write_table(path: Path, table: Mapping[str, object]) -> None:
    """Write a table sorted by key, atomically. Refuses what `read_table` would refuse, and line breaks
    (DataError).
    """
    path = Path(path)
    lines = []
    for key in sorted(table):  # C order, since UTF-8 sorts as its characters do
        value = str(table[key])
        if key.split() != [key]:
            raise DataError(f"{path}: the key {key!r} is empty or holds a blank: replace blanks, e.g. by `_`")
        if "\n" in value or "\r" in value:
            raise DataError(f"{path}: the value of {key} holds a line break")
        if not well_formed(key, value, path.name):
            raise DataError(f"{path}: the value {value!r} of {key} is empty or has blanks around it")
        lines.append(f"{key} {value}\n")
    write_text(path, "".join(lines))


def invert(table: Mapping[str, str]) -> dict[str, str]:
    """`utt2spk` to `spk2utt`: every value with the sorted list of its keys, joined by blanks."""
    groups: dict[str, list[str]] = {}
    for key in sorted(table):
        groups.setdefault(table[key], []).append(key)
    return {value: " ".join(keys) for value, keys in groups.items()}


def require_same_keys(
    first: Path, first_keys: Iterable[str], second: Path, second_keys: Iterable[str]
) -> None:
    """Raise DataError naming the first few keys that only one of two tables has."""
    if list(first_keys) == list(second_keys):  # the usual case, without a set of every table
        return
    only_first = sorted(set(first_keys) - set(second_keys))
    only_second = sorted(set(second_keys) - set(first_keys))
    if only_first or only_second:
        parts = [
            f"{len(keys)} only in {path.name} ({', '.join(keys[:3])}{', …' if len(keys) > 3 else ''})"
            for path, keys in ((first, only_first), (second, only_second))
            if keys
        ]
        raise DataError(f"{first} and {second.name} hold different utterances: {'; '.join(parts)}")
