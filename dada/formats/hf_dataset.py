"""Data sets as the Hugging Face Hub and the `datasets` library hold them: a folder with Parquet shards, or
with audio files and a table of metadata.

    data/test-00000-of-00003.parquet         shards of a split; the audio is in a column
    test/metadata.csv, test/001.wav          an audio folder: `file_name` names a file beside the table
    metadata.jsonl                           the same, one JSON object a line, of a set without splits

A value may lie inside another: `notes.utterance_id` is the entry utterance_id of the column `notes`, which
holds a struct, or JSON as text.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dada.data.find_audio import listed, require_folders
from dada.errors import DataError
from dada.formats.columns import read_text
from dada.formats.csv_list import read_dicts
from dada.formats.parquet import column_names, read_parquet
from dada.formats.words import SPLITS

FILE = "file_name"  # the column of an audio folder
SHARD = re.compile(r"(.*)-(\d{5,})-of-(\d{5,})\.parquet")
TABLES = (".csv", ".jsonl", ".parquet")  # of metadata
LABELS_ALONE = "labels.parquet"  # of the Arena's sets, beside the shards


@dataclass(frozen=True)
class Row:
    """One row: `where` it stands, for messages, the folder that its files are relative to, and its values by
    column.
    """

    where: str
    folder: Path
    values: dict[str, Any]

    def value(self, name: str) -> Any:
        """Return the value of a column, or of a part of one (`notes.speaker`); None where there is none.

        Raise DataError for text that is no JSON where a part of it is wanted.
        """
        if name in self.values:
            return self.values[name]
        column, *parts = name.split(".")
        value = self.values.get(column)
        for part in parts:
            if isinstance(value, str):
                try:
                    value = json.loads(value)
                except ValueError as error:
                    raise DataError(f"{column} is no JSON ({error})") from error
            if not isinstance(value, Mapping):
                return None
            value = value.get(part)
        return value


def split_files(root: Path, split: str, patterns: Sequence[str] = ()) -> list[Path]:
    """Return the Parquet files or the tables of metadata of a split, in the order of their names.

    Without `patterns`, which are relative to the folder, these are the usual places for a split of that name.
    Raise DataError where there are none, and where a shard is missing.
    """
    require_folders([root])
    words = SPLITS.get(split, (split,))
    usual = [pattern for word in dict.fromkeys((split, *words)) for pattern in _usual(word)]
    tried = list(patterns) or [*usual, *(f"metadata{ending}" for ending in TABLES)]
    found: list[Path] = []
    for pattern in tried:
        found += sorted(path for path in root.glob(pattern) if path.is_file() and path not in found)
        if found and not patterns:
            break
    if not patterns:
        found = [path for path in found if path.name != LABELS_ALONE]
    if not found:
        raise DataError(
            f"{root} has no files of the split {split!r} ({', '.join(tried[:4])}, …): name them by "
            f"corpus.options.files={{{split}: [PATTERN]}}. For folders of audio without a table, run "
            "`dada new-recipe --audio FOLDER`"
        )
    _refuse_missing_shards(found)
    return found


def _usual(word: str) -> list[str]:
    folders = [f"{above}{word}" for above in ("data/", "")]
    return [
        *(f"{folder}-*.parquet" for folder in folders),
        *(f"{folder}.parquet" for folder in folders),
        *(f"{folder}/metadata{ending}" for folder in folders for ending in TABLES),
        *(f"{folder}/*.parquet" for folder in folders),
    ]


def _refuse_missing_shards(paths: Sequence[Path]) -> None:
    """Raise DataError where the names of shards state more than there are."""
    shards: dict[tuple[Path, str, int], set[int]] = {}
    for path in paths:
        if match := SHARD.fullmatch(path.name):
            shards.setdefault((path.parent, match[1], int(match[3])), set()).add(int(match[2]))
    for (folder, name, total), there in shards.items():
        missing = [f"{number:05d}" for number in range(total) if number not in there]
        if missing:
            raise DataError(
                f"{folder} has {len(there)} of the {total} shards of {name}, without {listed(missing)}: "
                "fetch the data set to its end"
            )


def read_rows_of(path: Path, columns: Sequence[str]) -> Iterator[Row]:
    """Yield the rows of a Parquet file, or of a table of metadata, with some columns and parts of columns.

    Raise DataError for a column that is not there, and for a file that cannot be read.
    """
    if path.suffix == ".parquet":
        there = column_names(path)
        wanted = [name if name in there else name.partition(".")[0] for name in columns]
        rows: Iterator[dict[str, Any]] = read_parquet(path, list(dict.fromkeys(wanted)))
    elif path.suffix == ".jsonl":
        rows = _json_lines(path)
    else:
        rows = (dict(row) for row in read_dicts(path))
    for number, values in enumerate(rows):
        if number == 0:
            _refuse_absent(path, columns, values)
        yield Row(f"{path}, row {number}", path.parent, values)


def _json_lines(path: Path) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        if not line.strip():
            continue
        try:
            values = json.loads(line)
        except ValueError as error:
            raise DataError(f"{path}:{number}: no JSON ({error}): correct this line") from error
        if not isinstance(values, dict):
            raise DataError(f"{path}:{number}: no JSON object: correct this line")
        yield values


def _refuse_absent(path: Path, columns: Sequence[str], values: Mapping[str, Any]) -> None:
    lacking = [name for name in columns if name not in values and name.partition(".")[0] not in values]
    if lacking:
        raise DataError(
            f"{path} has no column {', '.join(map(repr, lacking))}; it has {', '.join(values)}: correct "
            "corpus.options.columns"
        )
