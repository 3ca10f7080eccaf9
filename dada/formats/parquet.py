"""Parquet files, read a few rows at a time through pyarrow, so that memory does not grow with their size.

The `datasets` library writes the names of the classes of an integer column into the metadata of the schema:

    huggingface: {"info": {"features": {"label": {"names": ["bonafide", "spoof"], "_type": "ClassLabel"}}}}
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from dada.errors import DataError, UserError
from dada.storage.reading import require_file

ROWS = 32  # in memory at once: of audio, some megabytes
PAGE = 1 << 20  # bytes of a column that are read ahead, in place of the whole row group
INSTALL = "pip install 'dada-deepfake[parquet]', or pip install pyarrow"


def read_parquet(path: Path, columns: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Yield the rows of a file in their order, as the values of some columns. An integer of a class is given
    as the name of the class.

    Raise DataError for a column that is not there and, when it comes to them, for rows that cannot be read.
    """
    file = _open(path)
    there = file.schema_arrow.names
    lacking = [name for name in columns if name not in there]
    if lacking:
        raise DataError(
            f"{path} has no column {', '.join(map(repr, lacking))}; it has {', '.join(there)}: correct the "
            "columns"
        )
    names = class_names(path)
    count = 0
    try:
        for batch in file.iter_batches(batch_size=ROWS, columns=list(columns), use_threads=False):
            for row in batch.to_pylist():
                count += 1
                yield {name: _named(value, names.get(name)) for name, value in row.items()}
    except (OSError, ValueError) as error:  # pyarrow's own errors are among these
        raise DataError(
            f"{path} cannot be read behind row {count:,} ({_first_line(error)}): fetch the file again"
        ) from error


def column_names(path: Path) -> list[str]:
    """Return the names of the columns. Raise DataError for a file that is no Parquet."""
    return list(_open(path).schema_arrow.names)


def class_names(path: Path) -> dict[str, list[str]]:
    """Return column -> names of its classes, of those columns whose classes the metadata name."""
    metadata = _open(path).schema_arrow.metadata or {}
    try:
        features = json.loads(metadata.get(b"huggingface", b"{}")).get("info", {}).get("features", {})
        found = {name: value.get("names") for name, value in features.items() if isinstance(value, dict)}
    except (ValueError, AttributeError):  # written by another program
        return {}
    return {name: [str(n) for n in names] for name, names in found.items() if isinstance(names, list)}


def _open(path: Path) -> Any:
    require_file(path)
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise UserError(f"{path} is read by pyarrow, which is not installed: {INSTALL}") from error
    try:
        return parquet.ParquetFile(path, buffer_size=PAGE, pre_buffer=False)
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        raise DataError(f"{path} is no Parquet file ({_first_line(error)}): fetch it again") from error


def _named(value: Any, names: list[str] | None) -> Any:
    is_class = names and isinstance(value, int) and 0 <= value < len(names)
    return names[value] if names and is_class else value


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
