"""Collections of quotes or speeches in CSV, TSV, JSON or JSONL, plain or gzipped. A line of JSONL:

{"author": "Abraham Lincoln", "text": "Fourscore and seven years ago ...", "id":
"1863-11-19-gettysburg-address"}
"""

import csv
import gzip
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from dada.errors import DataError
from dada.text.quotes import Quote

KINDS = (".csv", ".tsv", ".json", ".jsonl")
# Accepted names of each column; the first that exists is taken.
COLUMNS = {
    "author": ("author", "speaker", "name", "Author"),
    "text": ("text", "quote", "content", "Quote"),
    "source": ("source", "work", "id", "title"),
}
csv.field_size_limit(1 << 27)  # a speech exceeds the default of 128 KiB


def read_collection(path: Path, columns: Mapping[str, str] | None = None) -> Iterator[Quote]:
    """Yield the quotes of a file without rows that lack an author or a text.

    `columns` maps keys of COLUMNS to the file's names where COLUMNS does not list these. Raise DataError for
    a missing file, an unknown suffix, text that is not UTF-8, broken rows, or missing columns.
    """
    path = Path(path)
    kind = Path(path.stem).suffix if path.suffix == ".gz" else path.suffix
    if kind not in KINDS:
        raise DataError(f"{path}: a collection of quotes ends in {', '.join(KINDS)}, or one of them and .gz")
    if not path.is_file():
        raise DataError(
            f"{path} does not exist: it is a collection of quotes that recipe.yaml or local.yaml names"
        )
    chosen: dict[str, str] | None = None
    for row in _rows(path, kind):
        chosen = chosen or _choose(path, row, columns or {})
        author, text, source = (
            str(row.get(chosen[name]) or "").strip() if name in chosen else "" for name in COLUMNS
        )
        if author and text:
            yield Quote(author, text, source)


def _choose(path: Path, row: Mapping, columns: Mapping[str, str]) -> dict[str, str]:
    """Return key of COLUMNS -> the file's column. Raise DataError without author and text."""
    strange = sorted(set(columns) - set(COLUMNS))
    if strange:
        raise DataError(f"columns for {path} names {strange[0]!r}; known: {', '.join(COLUMNS)}")
    chosen = {}
    for name, candidates in COLUMNS.items():
        wanted = (columns[name],) if name in columns else candidates
        existing = [column for column in wanted if column in row]
        if existing:
            chosen[name] = existing[0]
        elif name in columns or name != "source":
            raise DataError(
                f"{path} has no column for the {name} ({' or '.join(wanted)}); its columns are "
                f"{', '.join(map(str, row))}"
            )
    return chosen


def _rows(path: Path, kind: str) -> Iterator[Mapping]:
    """Yield the rows of a file with a suffix of KINDS."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else open(path, "rb") as raw:
            file = io.TextIOWrapper(raw, encoding="utf-8-sig", newline="")
            if kind in (".csv", ".tsv"):
                reader = csv.DictReader(file, delimiter="\t" if kind == ".tsv" else ",", strict=True)
                yield from reader
            else:
                yield from _objects(path, file, kind)
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path} is not UTF-8 text ({error.reason} near byte {error.start}): save it as UTF-8"
        ) from error
    except csv.Error as error:
        raise DataError(f"{path}:{reader.line_num}: not a row of a table ({error})") from error
    except (EOFError, gzip.BadGzipFile) as error:
        raise DataError(f"{path} is cut or no gzip file ({error}): download it again") from error


def _objects(path: Path, file: io.TextIOWrapper, kind: str) -> Iterator[Mapping]:
    try:
        numbered: Iterable[tuple[int, Any]]
        if kind == ".json":
            numbered = enumerate(json.load(file), start=1)
        else:
            numbered = (
                (number, json.loads(line)) for number, line in enumerate(file, start=1) if line.strip()
            )
        for number, row in numbered:
            if not isinstance(row, dict):
                raise DataError(f"{path}, entry {number}: expected {{...}}, got {str(row)[:40]!r}")
            yield row
    except (json.JSONDecodeError, TypeError) as error:
        raise DataError(
            f"{path} is not JSON as its name says ({error}): expected a list of objects, or an object a "
            "line in .jsonl"
        ) from error
