"""Collections of quotes or speeches in CSV, TSV, JSON or JSONL, plain or gzipped. A line of JSONL:

{"author": "Abraham Lincoln", "text": "Fourscore and seven years ago ...", "date": "1863-11-19", "id":
"1863-11-19-gettysburg-address"}
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from dada.errors import DataError
from dada.formats.columns import read_text
from dada.formats.csv_list import read_dicts
from dada.storage.json_file import parse_json
from dada.text.quotes import Quote

KINDS = (".csv", ".tsv", ".json", ".jsonl")
# Accepted names of each column; the first that exists is taken.
COLUMNS = {
    "author": ("author", "speaker", "name", "Author"),
    "text": ("text", "quote", "content", "Quote"),
    "source": ("source", "work", "id", "title"),
    "date": ("date", "year"),
}
OPTIONAL = ("source", "date")
FORMAT = "expected a list of objects, or an object a line in .jsonl"


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
        author, text, source, date = (
            str(row.get(chosen[name]) or "").strip() if name in chosen else "" for name in COLUMNS
        )
        if author and text:
            yield Quote(author, text, source, decade=decade_of(date))


def decade_of(date: str) -> str:
    """Return the decade of a date that begins or ends with a year of four digits, empty for any other.

    >>> decade_of("1863-11-19"), decade_of("11/19/1863"), decade_of("undated")
    ('1860s', '1860s', '')
    """
    year = re.match(r"\d{4}(?!\d)", date) or re.search(r"(?<!\d)\d{4}$", date)
    return f"{year[0][:3]}0s" if year else ""


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
        elif name in columns or name not in OPTIONAL:
            raise DataError(
                f"{path} has no column for the {name} ({' or '.join(wanted)}); its columns are "
                f"{', '.join(map(str, row))}"
            )
    return chosen


def _rows(path: Path, kind: str) -> Iterator[Mapping]:
    """Return the rows of a file with a suffix of KINDS."""
    if kind in (".csv", ".tsv"):
        return read_dicts(path, delimiter="\t" if kind == ".tsv" else ",", strict=True)
    text = read_text(path)
    numbered: Iterable[tuple[int, object]]
    if kind == ".json":
        numbered = enumerate(_list_of(path, text), start=1)
    else:
        lines = enumerate(text.split("\n"), start=1)
        numbered = ((i, parse_json(line, path, FORMAT, i)) for i, line in lines if line.strip())
    return (_object(path, number, row) for number, row in numbered)


def _list_of(path: Path, text: str) -> list:
    values = parse_json(text, path, FORMAT)
    if not isinstance(values, list):
        raise DataError(f"{path} holds no list: {FORMAT}")
    return values


def _object(path: Path, number: int, row: object) -> Mapping:
    if not isinstance(row, dict):
        raise DataError(f"{path}, entry {number}: expected {{...}}, got {str(row)[:40]!r}")
    return row
