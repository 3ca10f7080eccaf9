"""Corpora that are a folder of audio files and a CSV with one line a file.

The first line names the columns; the separator is a comma, semicolon, tab or `|`, whichever the first line
has most of:

    file,label,speaker,attack
    joe/001.wav,real,JOE,
    joe/002.wav,fake,JOE,melgan
"""

import csv
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dada.errors import DataError

REQUIRED = ("file", "label")
SHOWN = 10  # problems that one message spells out
LABELS = {
    "bonafide": (
        "bonafide",
        "bona-fide",
        "bona_fide",
        "bona fide",
        "real",
        "genuine",
        "human",
        "original",
        "true",
    ),
    "spoof": ("spoof", "spoofed", "fake", "deepfake", "synthetic", "generated", "false"),
}
SPLITS = {
    "train": ("train", "training"),
    "dev": ("dev", "development", "valid", "val", "validation"),
    "test": ("test", "testing", "eval", "evaluation"),
}


@dataclass(frozen=True)
class Row:
    """One line of the CSV: its number, and its values by our names of the columns (file, label, speaker,
    ...).
    """

    line: int
    values: dict[str, str]


def read_rows(
    path: Path, columns: Mapping[str, str], required: Sequence[str] = REQUIRED, quotes: bool = True
) -> list[Row]:
    """Read a CSV with `columns`, our name -> the CSV's name, e.g. {file: path, label: class}; those of
    `required` must be given.

    Without `quotes`, a quotation mark is a letter like others. Raises DataError with file and line for all
    problems together: a missing column, a line with too many or too few values, an empty value that is
    required, a file (the first of `required`) listed twice.
    """
    header, lines = parse(Path(path), quotes)
    for name in required:
        if name not in columns:
            raise DataError(
                f"no column is given for `{name}`; {path} has {', '.join(header)}: name one, e.g. "
                f"{name}={header[0]}"
            )
    lacking = [f"{theirs!r} (for {ours})" for ours, theirs in columns.items() if theirs not in header]
    if lacking:
        raise DataError(
            f"{path}:1: no column {', '.join(lacking)}; it has {', '.join(header)}: correct the columns"
        )
    place = {ours: header.index(theirs) for ours, theirs in columns.items()}
    rows: list[Row] = []
    problems: list[str] = []
    seen: dict[str, int] = {}
    for number, cells in lines:
        if len(cells) != len(header):
            problems.append(
                f"{path}:{number}: {len(cells)} values, but the first line names {len(header)} columns"
            )
            continue
        values = {ours: cells[index].strip() for ours, index in place.items()}
        problems += [
            f"{path}:{number}: no {columns[name]!r} is given" for name in required if not values[name]
        ]
        first = values[required[0]]
        if first in seen:
            problems.append(f"{path}:{number}: {first} is already in line {seen[first]}")
        seen.setdefault(first, number)
        rows.append(Row(number, values))
    refuse(problems, "correct these lines")
    if not rows:
        raise DataError(f"{path} has no line below the names of its columns")
    return rows


def parse(path: Path, quotes: bool = True) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """The names of the columns, and the other lines that are not blank with their numbers."""
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            first = file.readline()
            file.seek(0)
            quoting = csv.QUOTE_MINIMAL if quotes else csv.QUOTE_NONE
            reader = csv.reader(file, delimiter=max(",;\t|", key=first.count), strict=True, quoting=quoting)
            lines = [(reader.line_num, cells) for cells in reader if cells]
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}): correct the path of the CSV") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 text (byte {error.start}): save it as UTF-8") from error
    except csv.Error as error:
        raise DataError(f"{path}:{reader.line_num}: {error}: correct the quotes of this line") from error
    if not lines:
        raise DataError(f"{path} is empty: give a CSV whose first line names its columns")
    return [name.strip() for name in lines[0][1]], lines[1:]


def map_values(
    path: Path, rows: Sequence[Row], column: str, mapping: Mapping[str, str], option: str
) -> list[str]:
    """`mapping` of the column's value, row by row. Raises DataError listing the values that `mapping` lacks,
    and all that were seen.
    """
    mapping = {str(value): name for value, name in mapping.items()}  # YAML reads a bare 0 as a number
    seen: dict[str, int] = {}
    for row in rows:
        seen.setdefault(row.values[column], row.line)
    unknown = [value for value in seen if value not in mapping]
    if unknown:
        places = ", ".join(f"{value!r} (first at {path}:{seen[value]})" for value in unknown[:SHOWN])
        values = ", ".join(repr(value) for value in list(seen)[:SHOWN]) + (", …" if len(seen) > SHOWN else "")
        raise DataError(
            f"{option} does not say what the {column} {places} means; values seen: {values}: add the "
            f"missing ones to {option}"
        )
    return [mapping[row.values[column]] for row in rows]


def guess_mapping(values: Sequence[str], known: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Those of `values` that are usual spellings, upper or lower case, to our names.

    >>> guess_mapping(["Real", "FAKE", "x"], LABELS)
    {'Real': 'bonafide', 'FAKE': 'spoof'}
    """
    usual = {spelling: name for name, spellings in known.items() for spelling in spellings}
    return {value: usual[value.lower()] for value in dict.fromkeys(values) if value.lower() in usual}


def divide(groups: Sequence[str], shares: Mapping[str, float], seed: int) -> dict[str, str]:
    """Each distinct group -> a split, drawn with `seed`: every split gets its share, and one group at least.

    The first split takes what rounding leaves. Raises DataError where there are fewer groups than splits.
    """
    names = sorted(set(groups))
    if len(names) < len(shares):
        raise DataError(
            f"{len(names)} groups ({', '.join(names[:SHOWN])}) cannot fill the splits {', '.join(shares)}"
        )
    random.Random(seed).shuffle(names)
    first, *others = shares
    owner: dict[str, str] = {}
    for rank, split in enumerate(others):
        left = (
            len(names) - len(owner) - (len(others) - rank)
        )  # one group is kept for each of the later splits and for the first
        count = min(left, max(1, round(len(names) * shares[split] / sum(shares.values()))))
        owner.update(dict.fromkeys(names[len(owner) : len(owner) + count], split))
    return {name: owner.get(name, first) for name in names}


def refuse(problems: Sequence[str], advice: str) -> None:
    """Raise DataError with the first problems, one a line, if there are any."""
    if problems:
        more = f"\n… and {len(problems) - SHOWN} more" if len(problems) > SHOWN else ""
        raise DataError("\n".join(problems[:SHOWN]) + f"{more}\n{advice}")
