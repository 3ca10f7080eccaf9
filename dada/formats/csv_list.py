"""Lists of audio files as CSV, one file a line.

The first line names the columns. The separator is a comma, semicolon, tab or `|`, whichever occurs most in
the first line:

    file,label,speaker,attack
    joe/001.wav,real,JOE,
    joe/002.wav,fake,JOE,melgan
"""

import csv
import io
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dada.data.find_audio import walk_files
from dada.data.spelling import respelled
from dada.errors import DataError
from dada.formats.columns import read_text, refuse
from dada.storage.atomic import atomic_path

REQUIRED = ("file", "label")
NUM_SHOWN = 10  # values that a message spells out


@dataclass(frozen=True)
class Row:
    """One line of the CSV: its number, and its values by the recipe's names of the columns (file, label,
    ...).
    """

    line: int
    values: dict[str, str]


def read_rows(
    path: Path, columns: Mapping[str, str], required: Sequence[str] = REQUIRED, quotes: bool = True
) -> list[Row]:
    """Read a CSV with `columns`, name in the recipe -> name in the CSV, e.g. {file: path, label: class}.

    Without `quotes`, a quotation mark is a letter like others. Raise DataError with file and line for all
    problems together: a missing column, a line with too few or too many values, an empty value of a
    `required` column, a file (the first of `required`) listed twice.
    """
    path = Path(path)
    header, lines = parse(path, quotes)
    place = _places(path, header, columns, required)
    rows: list[Row] = []
    problems: list[str] = []
    first_line: dict[str, int] = {}
    for number, cells in lines:
        if len(cells) != len(header):
            what = f"{len(cells)} values, but the first line names {len(header)} columns"
            problems.append(f"{path}:{number}: {what}")
            continue
        values = {name: cells[index].strip() for name, index in place.items()}
        empty = [columns[name] for name in required if not values[name]]
        problems += [f"{path}:{number}: no {name!r} is given" for name in empty]
        first = values[required[0]]
        if first_line.setdefault(first, number) != number:
            problems.append(f"{path}:{number}: {first} is already in line {first_line[first]}")
        rows.append(Row(number, values))
    refuse(problems, "correct these lines")
    if not rows:
        raise DataError(f"{path} has no line below the names of its columns")
    return rows


def find_files(path: Path, rows: Sequence[Row], root: Path) -> list[str]:
    """Return the whole path of the `file` of each row of the CSV `path`, which is relative to `root`.

    A file whose name differs in its spelling is taken where only one does. Raise DataError with the lines
    whose file is not there.
    """
    names = [row.values["file"] for row in rows]
    absent = [name for name in names if not (root / name).is_file()]
    matched: dict[str, str] = {}
    unclear: list[str] = []
    if absent:
        there = (
            os.path.relpath(os.path.join(folder, name), root)
            for folder, files in walk_files(root)
            for name in files
        )
        matched, unclear = respelled(absent, there, str(path))
    gone = set(absent) - matched.keys()
    missing = [
        f"{path}:{row.line}: {root / name} does not exist"
        for row, name in zip(rows, names, strict=True)
        if name in gone
    ]
    refuse([*unclear, *missing], "correct the file names, or `corpus.root` in local.yaml")
    return [os.path.abspath(root / matched.get(name, name)) for name in names]


def parse(path: Path, quotes: bool = True) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Return the names of the columns, and the cells of the other lines that are not blank, with their
    numbers.
    """
    text = read_text(path)
    first = text.partition("\n")[0].partition("\r")[0]
    reader = csv.reader(
        io.StringIO(text, newline=""),
        delimiter=max(",;\t|", key=first.count),
        strict=True,
        quoting=csv.QUOTE_MINIMAL if quotes else csv.QUOTE_NONE,
    )
    try:
        lines = [(reader.line_num, cells) for cells in reader if cells]
    except csv.Error as error:
        raise DataError(f"{path}:{reader.line_num}: {error}: correct the quotes of this line") from error
    return [name.strip() for name in lines[0][1]], lines[1:]


def read_dicts(path: Path, **options: Any) -> Iterator[dict[str, str]]:
    """Yield the lines of a CSV as dicts, by the names in its first line. `options` are those of csv.reader.

    Raise DataError for a file that cannot be read or has broken quotes.
    """
    reader = csv.DictReader(io.StringIO(read_text(path), newline=""), **options)
    try:
        yield from reader
    except csv.Error as error:
        raise DataError(f"{path}:{reader.line_num}: not a row of a table ({error})") from error


def map_values(
    path: Path, rows: Sequence[Row], column: str, mapping: Mapping[str, str], option: str
) -> list[str]:
    """Return `mapping` of the column's value, row by row.

    Raise DataError with the values that `mapping` lacks and those that occur; `option` is where to add them.
    """
    mapping = {str(value): name for value, name in mapping.items()}  # YAML reads a bare 0 as a number
    first_line: dict[str, int] = {}
    for row in rows:
        first_line.setdefault(row.values[column], row.line)
    unknown = [value for value in first_line if value not in mapping]
    if unknown:
        shown = unknown[:NUM_SHOWN]
        places = ", ".join(f"{value!r} (first at {path}:{first_line[value]})" for value in shown)
        values = [repr(value) for value in first_line]
        seen = ", ".join(values[:NUM_SHOWN]) + (", …" if len(values) > NUM_SHOWN else "")
        raise DataError(
            f"{option} does not say what the {column} {places} means; values seen: {seen}: add the "
            f"missing ones to {option}"
        )
    return [mapping[row.values[column]] for row in rows]


def write_rows(path: Path, rows: Sequence[Mapping[str, str]]) -> None:
    """Write rows of the same columns as a CSV."""
    with atomic_path(Path(path)) as partial, open(partial, "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _places(
    path: Path, header: Sequence[str], columns: Mapping[str, str], required: Sequence[str]
) -> dict[str, int]:
    """Return the place of each column. Raise DataError for a column that is not named or not there."""
    for name in required:
        if name not in columns:
            raise DataError(
                f"no column is given for `{name}`; {path} has {', '.join(header)}: name one, e.g. "
                f"{name}={header[0]}"
            )
    lacking = [f"{column!r} (for {name})" for name, column in columns.items() if column not in header]
    if lacking:
        raise DataError(
            f"{path}:1: no column {', '.join(lacking)}; it has {', '.join(header)}: correct the columns"
        )
    return {name: header.index(column) for name, column in columns.items()}
