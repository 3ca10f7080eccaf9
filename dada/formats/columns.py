"""Text files of columns, as people keep scores and keys: blanks, tabs or commas, with or without a header,
plain or gzip.

A file of ASVspoof 2019 scores:

    LA_E_2834763 A11 spoof -8.7504
    LA_E_8877452 A14 spoof -6.5475
"""

import csv
import gzip
import itertools
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from dada.errors import DataError

GZIP = b"\x1f\x8b"
SKIP = "-"  # a column that nobody needs
NUM_LOOKED_AT = 100  # rows that decide what the columns are
NUM_NAMED = 5  # lines that a message shows before it only counts

# What headers call the columns that we know.
HEADERS = {
    "trial": "trial",
    "filename": "trial",
    "file": "trial",
    "file_name": "trial",
    "utt": "trial",
    "utterance": "trial",
    "utt_id": "trial",
    "utterance_id": "trial",
    "path": "trial",
    "name": "trial",
    "id": "trial",
    "score": "score",
    "cm-score": "score",
    "cm_score": "score",
    "asv-score": "asv_score",
    "asv_score": "asv_score",
    "sasv-score": "sasv_score",
    "sasv_score": "sasv_score",
    "label": "label",
    "cm-label": "label",
    "cm_label": "label",
    "key": "label",
    "asv-label": "asv_label",
    "asv_label": "asv_label",
    "speaker": "speaker",
    "spk": "speaker",
    "speaker_id": "speaker",
    "attack": "attack",
    "subset": "subset",
}


@dataclass(frozen=True)
class Layout:
    """A known order of columns."""

    name: str
    columns: tuple[str, ...]

    def fits(self, row: Sequence[str], checks: dict[str, Callable[[str], bool]]) -> bool:
        """Whether a row may be one of this layout: `checks` say what the values of a column look like."""
        return len(row) == len(self.columns) and all(
            checks[c](v) for c, v in zip(self.columns, row, strict=True) if c in checks
        )


@dataclass
class Columns:
    """A file's columns by name, and the line (from 1) of every row."""

    path: Path
    layout: str
    values: dict[str, list[str]]
    lines: list[int]

    def __len__(self) -> int:
        return len(self.lines)


def read_columns(
    path: Path, layouts: Sequence[Layout], checks: dict, what: str, columns: Sequence[str] | None = None
) -> Columns:
    """Read a file whose columns are `columns`, or are named by its header, or are of the first layout that
    most of its rows fit.

    With `columns`, those after them are passed over, and so are those called `-`. Raises DataError, with file
    and line, for what cannot be read, an empty file, columns that nobody knows, and rows that have too few or
    too many.
    """
    path = Path(path)
    lines = read_lines(path)
    split = splitter(next(line for line in lines if line.strip()))
    rows = ((number, split(line)) for number, line in enumerate(lines, start=1) if line.strip())
    sample = [
        split(line) for line in itertools.islice((line for line in lines if line.strip()), NUM_LOOKED_AT)
    ]
    header = header_of(sample[0])
    if header:
        next(rows)
    if columns is not None:
        name, names, exact = f"columns {', '.join(columns)}", list(columns), False
    elif header:
        name, names, exact = f"columns {', '.join(header)}", header, True
    else:
        layout = _most_fitting(layouts, sample, checks)
        if layout is None:
            raise DataError(_unknown(path, sample[0], layouts, what))
        name, names, exact = f"{layout.name}: {' '.join(layout.columns)}", list(layout.columns), True
    return _fill(path, name, names, rows, exact)


def read_lines(path: Path) -> list[str]:
    """The lines of a text file, gzip or not, with any line ends, without a byte-order mark. Raises DataError
    where there are none.
    """
    try:
        data = path.read_bytes()
        if data.startswith(GZIP):
            data = gzip.decompress(data)
        text = data.decode("utf-8-sig")
    except FileNotFoundError:
        raise DataError(f"{path} does not exist: check the name") from None
    except IsADirectoryError:
        raise DataError(f"{path} is a folder: name a file in it") from None
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{path} is a damaged gzip file ({error}): copy it again") from error
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path} is not UTF-8 text ({error.reason} at byte {error.start}): save it as UTF-8"
        ) from error
    except OSError as error:
        raise DataError(
            f"{path} cannot be read ({error.strerror}): mend the file or its permissions"
        ) from error
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if not any(line.strip() for line in lines):
        raise DataError(f"{path} is empty: write it again")
    return lines


def splitter(line: str) -> Callable[[str], list[str]]:
    """How lines like this one are cut: at tabs, at commas as CSV, or at blanks."""
    if "\t" in line:
        return lambda text: [value.strip() for value in text.split("\t")]
    first, comma, _ = line.partition(",")
    if comma and not any(c.isspace() for c in first.strip()):
        return lambda text: [value.strip() for value in next(csv.reader([text]))]
    return str.split


def header_of(row: Sequence[str]) -> list[str] | None:
    """Our names of a header's columns, and its own where we have none; None where the row is no header."""
    known = [HEADERS.get(value.lower()) for value in row]
    if "trial" not in known or len(set(known) - {None}) < 2:
        return None
    return [ours or value.lower() for ours, value in zip(known, row, strict=True)]


def refuse(path: Path, problems: Iterable[tuple[int, str]], advice: str) -> None:
    """Raise DataError where there are problems, each a line and what is wrong there."""
    problems = list(problems)
    if problems:
        shown = "; ".join(f"{path}:{line}: {what}" for line, what in problems[:NUM_NAMED])
        more = f"; … and {len(problems) - NUM_NAMED} more lines" if len(problems) > NUM_NAMED else ""
        raise DataError(f"{shown}{more}: {advice}")


def _most_fitting(layouts: Sequence[Layout], sample: list[list[str]], checks: dict) -> Layout | None:
    for layout in layouts:
        if 2 * sum(layout.fits(row, checks) for row in sample) > len(sample):
            return layout
    return None


def _fill(
    path: Path, name: str, names: list[str], rows: Iterable[tuple[int, list[str]]], exact: bool
) -> Columns:
    lines, kept, problems = [], [], []
    for number, row in rows:
        if len(row) < len(names) or (exact and len(row) > len(names)):
            problems.append((number, f"got {len(row)} columns ({' '.join(row)[:60]!r})"))
            continue
        lines.append(number)
        kept.append(row)
    refuse(path, problems, f"expected {len(names)}: {' '.join(names)}")
    if not lines:
        raise DataError(f"{path} holds a header and no trials: write it again")
    values = {column: [row[i] for row in kept] for i, column in enumerate(names) if column != SKIP}
    return Columns(path, name, values, lines)


def _unknown(path: Path, row: Sequence[str], layouts: Sequence[Layout], what: str) -> str:
    known = "; ".join(f"{' '.join(layout.columns)} ({layout.name})" for layout in layouts)
    flag, example = ("--columns", "trial,score") if what == "score file" else ("--key_columns", "trial,label")
    said = f"{path}:1: {' '.join(row)[:80]!r} is no {what} that is known: {known}"
    return f"{said}. Name the columns with {flag}, e.g. {example}, `-` for one to skip"
