"""Text files with columns: blanks, tabs, `,`, `;` or `|`, with or without a header, plain or gzip.

A file of ASVspoof 2019 scores:

    LA_E_2834763 A11 spoof -8.7504
    LA_E_8877452 A14 spoof -6.5475
"""

import csv
import gzip
import itertools
import sys
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dada.errors import ConfigError, DataError
from dada.storage.reading import decode, read_bytes

if TYPE_CHECKING:
    import numpy as np

csv.field_size_limit(1 << 27)  # characters; a speech exceeds the default of 128 KiB
GZIP = b"\x1f\x8b"
NO_VALUE = "-"  # an empty cell, and the name of a column that is not read
NUM_SAMPLED = 100  # rows that decide which layout a file has
NUM_SHOWN = 5  # problems that a message spells out

# Usual names of columns in headers.
HEADERS = {
    "trial": (
        "trial",
        "filename",
        "file",
        "file_name",
        "utt",
        "utterance",
        "utt_id",
        "utterance_id",
        "path",
        "name",
        "id",
    ),
    "score": ("score", "cm-score", "cm_score"),
    "asv_score": ("asv-score", "asv_score"),
    "sasv_score": ("sasv-score", "sasv_score"),
    "label": ("label", "cm-label", "cm_label", "key"),
    "asv_label": ("asv-label", "asv_label"),
    "speaker": ("speaker", "spk", "speaker_id"),
    "attack": ("attack",),
    "subset": ("subset",),
}
COLUMN_OF = {word: name for name, words in HEADERS.items() for word in words}
FLAGS = {
    "score file": ("--columns", "score"),
    "key": ("--key_columns", "label"),
}  # kind of file -> flag, column
Checks = Mapping[str, Callable[[str], bool]]  # column -> whether a text may be a value of it
Split = Callable[[str], list[str]]


@dataclass(frozen=True)
class Layout:
    """A known order of columns. `trial` is the utterance, `-` a column that is not read."""

    name: str
    columns: tuple[str, ...]

    def fits(self, row: Sequence[str], checks: Checks) -> bool:
        """Whether a row may have this layout."""
        return len(row) == len(self.columns) and _plausible(self.columns, row, checks)


@dataclass
class Columns:
    """A file's columns by name, each (N,) in the order of the file, and the line (from 1) of every row."""

    path: Path
    layout: str
    values: dict[str, list[str]]
    lines: list[int]

    def __len__(self) -> int:
        return len(self.lines)

    def rows(self, indices: Sequence[int]) -> "Columns":
        """Return the same columns with some of the rows."""
        values = {name: [column[i] for i in indices] for name, column in self.values.items()}
        return Columns(self.path, self.layout, values, [self.lines[i] for i in indices])

    def where(self, column: str, *wanted: str) -> "Columns":
        """Return the rows whose `column` has one of the values.

        Raise DataError, with the values that occur, for a value that no row has.
        """
        counts = Counter(self.values[column])
        absent = next((value for value in wanted if not counts[value]), None)
        if absent is not None:
            known = ", ".join(f"{name} ({number:,})" for name, number in counts.most_common(NUM_SHOWN))
            raise DataError(f"{self.path} has no trial whose {column} is {absent!r}; there are {known}")
        return self.rows([i for i, value in enumerate(self.values[column]) if value in wanted])

    def refuse(self, column: str, valid: Callable[[str], bool], advice: str) -> None:
        """Raise DataError, with file and line, for values of a column that are not valid."""
        values = zip(self.lines, self.values.get(column, []), strict=False)
        wrong = ((line, f"{column} {value!r}") for line, value in values if not valid(value))
        refuse_lines(self.path, wrong, advice)

    def floats(self, column: str) -> "np.ndarray":
        """Return a column as finite numbers (N,). Raise DataError, with file and line, for other values."""
        import numpy as np

        texts = self.values[column]
        self.refuse(column, is_number, "a score must be a number, with a point for the decimals")
        values = np.array([float(text) for text in texts])
        bad = np.flatnonzero(~np.isfinite(values))
        advice = f"{bad.size} of {values.size} scores are not finite; score these trials again"
        refuse_lines(self.path, ((self.lines[i], f"{column} {texts[i]!r}") for i in bad), advice)
        return values + 0.0  # a negative zero becomes zero


def is_number(text: str) -> bool:
    """Whether a text is a number, finite or not."""
    try:
        float(text)
    except ValueError:
        return False
    return "_" not in text  # Python reads 1_5 as 15


def read_columns(
    path: Path, layouts: Sequence[Layout], checks: Checks, what: str, columns: Sequence[str] | None = None
) -> Columns:
    """Read a file whose columns are `columns`, or are named by its header, or have the first layout that most
    of its rows fit.

    `columns` is either all names in order, where any further columns are ignored and so are those called `-`,
    or NAME=COLUMN for columns whose name in the header is not a usual one.

    Raise DataError, with file and line, for a file that cannot be read or is empty, for unknown columns, and
    for rows with too few or too many columns. `what` names the kind of file in messages.
    """
    path = Path(path)
    lines = read_lines(path)
    split = splitter(next(line for line in lines if line.strip()))
    rows = _rows(path, lines, split)
    sample = [row for _, row in itertools.islice(_rows(path, lines, split), NUM_SAMPLED)]
    if columns is not None and is_by_name(columns):
        next(rows)
        named = _named_header(path, sample[0], columns)
        return _fill(path, f"columns {', '.join(named)}", named, rows)
    header = header_of(sample[0])
    if header:
        next(rows)
    if columns is None and header:
        return _fill(path, f"columns {', '.join(header)}", header, rows)
    layout = _most_fitting(layouts, sample, checks) if columns is None else Layout("columns", tuple(columns))
    if layout is None or (not header and _is_header(layout.columns, sample, checks)):
        raise DataError(_unknown(path, sample, layouts, checks, what))
    if columns is not None:
        return _fill(path, f"columns {', '.join(columns)}", columns, rows, exact=False)
    return _fill(path, f"{layout.name}: {' '.join(layout.columns)}", layout.columns, rows)


def is_by_name(columns: Sequence[str]) -> bool:
    """Whether columns are given as NAME=COLUMN, by their names in the header."""
    return any("=" in column for column in columns)


def read_layout(path: Path, layout: Layout, lines: Sequence[str] | None = None) -> Columns:
    """Read a file of one layout, or its `lines`, with blanks between the columns. Raise DataError as
    `read_columns` does.
    """
    lines = read_lines(path) if lines is None else lines
    return _fill(path, layout.name, layout.columns, _rows(path, lines, str.split))


def read_text(path: Path) -> str:
    """Return the text of a file, gzip or not, without a byte-order mark. Raise DataError for an empty one."""
    data = read_bytes(path)
    if data.startswith(GZIP):
        try:
            data = gzip.decompress(data)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise DataError(f"{path} is a damaged gzip file ({error}): copy it again") from error
    text = decode(data, path)
    if not text.strip():
        raise DataError(f"{path} is empty: copy or write it again")
    return text


def read_lines(path: Path) -> list[str]:
    """Return the lines of a text file with any line ends. Raise DataError as `read_text` does."""
    return read_text(path).replace("\r\n", "\n").replace("\r", "\n").split("\n")


def splitter(line: str) -> Split:
    """Return a function that splits lines like this one: at tabs, at `;`, `,` or `|` as CSV, or at
    blanks.
    """
    if "\t" in line:
        return lambda text: [value.strip() for value in text.split("\t")]
    for separator in ";,|":
        first, found, _ = line.partition(separator)
        if found and not any(c.isspace() for c in first.strip()):
            return lambda text: [value.strip() for value in next(csv.reader([text], delimiter=separator))]
    return str.split


def header_of(row: Sequence[str]) -> list[str] | None:
    """Return the names of a header's columns, unknown ones in lower case; None if the row is not a header."""
    known = [COLUMN_OF.get(value.lower()) for value in row]
    if "trial" not in known or len(set(known) - {None}) < 2:
        return None
    return [name or value.lower() for name, value in zip(known, row, strict=True)]


def _named_header(path: Path, row: Sequence[str], columns: Sequence[str]) -> list[str]:
    """Return the names of a header's columns, some of which are given as NAME=COLUMN.

    Raise ConfigError for columns of another form, DataError for a column that the header lacks.
    """
    named = {column.lower(): name for name, _, column in (text.partition("=") for text in columns)}
    if not all(named) or not all(named.values()):
        raise ConfigError(f"{','.join(columns)}: write NAME=COLUMN for each, or all names in order")
    header = [column.lower() for column in row]
    lacking = [column for column in named if column not in header]
    if lacking:
        raise DataError(f"{path}:1: no column {', '.join(map(repr, lacking))}; it has {', '.join(row)}")
    names = []
    for column in header:
        usual = COLUMN_OF.get(column, column)
        names.append(named.get(column) or (NO_VALUE if usual in named.values() else usual))
    if "trial" not in names:
        raise DataError(f"{path}:1: which column names the trials? It has {', '.join(row)}: add trial=COLUMN")
    return names


def condition_value(value: str) -> str:
    """Return the value of a condition: `-` for an empty cell and for what some keys call `bonafide`."""
    return NO_VALUE if value.lower() in ("", "bonafide", "bona-fide") else value


def repeats(values: Sequence[str]) -> list[tuple[int, int]]:
    """Return (index, index of the first occurrence) of every value that occurs before.

    >>> repeats(["a", "b", "a"])
    [(2, 0)]
    """
    if len(set(values)) == len(values):
        return []
    first: dict[str, int] = {}
    return [(i, j) for i, value in enumerate(values) if (j := first.setdefault(value, i)) != i]


def refuse(problems: Sequence[str], advice: str) -> None:
    """Raise DataError with the first of the problems, one per line, if there are any."""
    if problems:
        left_out = len(problems) - NUM_SHOWN
        rest = [f"… and {left_out:,} more lines like these"] if left_out > 0 else []
        raise DataError("\n".join([*problems[:NUM_SHOWN], *rest, advice]))


def refuse_lines(path: Path, problems: Iterable[tuple[int, str]], advice: str) -> None:
    """Raise DataError if there are problems, each a line of a file and what is wrong there."""
    refuse([f"{path}:{line}: {what}" for line, what in problems], advice)


def _rows(path: Path, lines: Sequence[str], split: Split) -> Iterator[tuple[int, list[str]]]:
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                yield number, split(line)
            except csv.Error as error:
                raise DataError(f"{path}:{number}: not a row of a table ({error})") from error


def _plausible(names: Sequence[str], row: Sequence[str], checks: Checks) -> bool:
    """Whether the values of a row can be what the names of the columns promise."""
    return all(checks[name](value) for name, value in zip(names, row, strict=False) if name in checks)


def _is_header(names: Sequence[str], sample: list[list[str]], checks: Checks) -> bool:
    """Whether the first row alone is not what the names of the columns promise."""
    first, *others = (_plausible(names, row, checks) for row in sample)
    return not first and bool(others) and all(others)


def _most_fitting(layouts: Sequence[Layout], sample: list[list[str]], checks: Checks) -> Layout | None:
    for layout in layouts:
        if 2 * sum(layout.fits(row, checks) for row in sample) > len(sample):
            return layout
    return None


def _fill(
    path: Path, layout: str, names: Sequence[str], rows: Iterable[tuple[int, list[str]]], exact: bool = True
) -> Columns:
    lines: list[int] = []
    problems: list[tuple[int, str]] = []
    places = {name: i for i, name in enumerate(names) if name != NO_VALUE}
    values: dict[str, list[str]] = {name: [] for name in places}
    columns = [(i, values[name]) for name, i in places.items()]
    for number, row in rows:
        if len(row) < len(names) or (exact and len(row) > len(names)):
            problems.append((number, f"{len(row)} columns ({' '.join(row)[:60]!r})"))
            continue
        lines.append(number)
        for i, column in columns:
            column.append(sys.intern(row[i]))  # conditions and labels repeat in large files
    refuse_lines(path, problems, f"expected {len(names)}: {' '.join(names)}")
    if not lines:
        raise DataError(f"{path} has a header and no trials: write it again")
    return Columns(path, layout, values, lines)


def _unknown(
    path: Path, sample: list[list[str]], layouts: Sequence[Layout], checks: Checks, what: str
) -> str:
    """Return the message on a file without a known layout or header: its first line, and what to do."""
    row = sample[0]
    known = "; ".join(f"{' '.join(layout.columns)} ({layout.name})" for layout in layouts)
    lines = [f"{path}:1: {' '.join(row)[:80]!r} has no known layout of a {what}"]
    if what in FLAGS:
        flag, name = FLAGS[what]
        usual = " and ".join(f"a {column} ({', '.join(HEADERS[column])})" for column in ("trial", name))
        like = next(
            (column for column, value in zip(row, sample[-1], strict=False) if checks[name](value)), row[-1]
        )
        lines += [
            f"a header names {usual}: if this line is a header, say which are meant, e.g. {flag} "
            f"trial={row[0]},{name}={like}",
            f"if it is not, name the columns in order, `-` for a column to skip, e.g. {flag} trial,{name}",
        ]
    return "\n".join([*lines, f"known are {known}"])
