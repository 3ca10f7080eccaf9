"""Kaldi's text tables: one `key value` a line, UTF-8, LF, sorted by key in C order, one space.

An `utt2spk`:

    BOB-0001 BOB
    JOE-0001 JOE
"""

from collections.abc import Mapping
from pathlib import Path

from dada.data.files import write_text
from dada.errors import DataError


def read_table(path: Path) -> dict[str, str]:
    """Read a table into a dict, in the order of the file. A value may be empty only in `text`.

    Raises DataError, with file and line, for a missing or empty file, text that is not UTF-8, a missing value, a duplicated
    key, or keys that are not sorted.
    """
    path = Path(path)
    try:
        lines = path.read_bytes().decode("utf-8").split("\n")
    except FileNotFoundError as error:
        raise DataError(f"{path} does not exist") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 text ({error.reason} at byte {error.start}): save it as UTF-8") from error
    if lines[-1] == "":
        lines.pop()
    table: dict[str, str] = {}
    previous = ""
    for number, line in enumerate(lines, start=1):
        key, separator, value = line.rstrip("\r").partition(" ")
        if not key or (not separator and path.name != "text"):
            raise DataError(f"{path}:{number}: expected `key value` separated by one space, got {line!r}")
        if key in table:
            raise DataError(f"{path}:{number}: key {key} is there twice: remove one of the two lines")
        if key.encode() < previous.encode():
            raise DataError(f"{path}:{number}: key {key} comes after {previous}: sort the file with `LC_ALL=C sort -o {path} {path}`")
        table[key] = value
        previous = key
    if not table:
        raise DataError(f"{path} is empty")
    return table


def write_table(path: Path, table: Mapping[str, object]) -> None:
    """Write a table sorted by key, atomically. Refuses keys with blanks and values with line breaks (DataError)."""
    lines = []
    for key in sorted(table, key=str.encode):
        value = str(table[key])
        if not key or any(c.isspace() for c in key):
            raise DataError(f"{path}: the key {key!r} is empty or holds a blank: replace blanks, e.g. by `_`")
        if "\n" in value or "\r" in value:
            raise DataError(f"{path}: the value of {key} holds a line break")
        lines.append(f"{key} {value}\n")
    write_text(path, "".join(lines))


def invert(table: Mapping[str, str]) -> dict[str, str]:
    """`utt2spk` to `spk2utt`: every value with the sorted list of its keys, joined by blanks."""
    groups: dict[str, list[str]] = {}
    for key in sorted(table, key=str.encode):
        groups.setdefault(table[key], []).append(key)
    return {value: " ".join(keys) for value, keys in groups.items()}


def require_same_keys(first: Path, first_keys, second: Path, second_keys) -> None:
    """Raise DataError naming the first few keys that only one of two tables has."""
    only_first = sorted(set(first_keys) - set(second_keys))
    only_second = sorted(set(second_keys) - set(first_keys))
    if only_first or only_second:
        parts = [
            f"{len(keys)} only in {path.name} ({', '.join(keys[:3])}{', …' if len(keys) > 3 else ''})"
            for path, keys in ((first, only_first), (second, only_second))
            if keys
        ]
        raise DataError(f"{first} and {second.name} hold different utterances: {'; '.join(parts)}")
