"""Stage 1 of a data set of the Hugging Face Hub: the rows of its splits to data/<split>/, audio that lies in
Parquet files to arks below data/audio/.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dada.data import BONAFIDE, NO_SPEAKER, DataDir
from dada.data.audio import header_of, read_header
from dada.data.audio_arks import write_audio_arks
from dada.data.datadir import NO_ATTACK, table_of
from dada.data.find_audio import listed
from dada.data.pack import ARK_SIZE
from dada.errors import ConfigError, DataError
from dada.formats.hf_dataset import Row, read_rows_of, split_files
from dada.formats.words import LABEL_OF
from dada.storage.atomic import atomic_dir, write_text

OPTIONS = ("files", "columns", "labels_map", "audio_folder", "leave_out_bad")
NAMED = ("audio", "file", "utt", "label")  # columns that are no tables
EVERY = 50_000  # rows between two lines of progress

log = logging.getLogger(__name__)


def prepare(recipe) -> list[DataDir]:
    """Read every split, check each row, and refuse or leave out those that cannot be used."""
    options = recipe.corpus.options
    lacking = [name for name in OPTIONS if name not in options]
    if lacking:
        raise ConfigError(f"corpus.options of {recipe.root / 'recipe.yaml'} lacks {', '.join(lacking)}")
    columns = {name: column for name, column in options["columns"].items() if column}
    if not {"audio", "file"} & set(columns):
        raise ConfigError("corpus.options.columns names neither audio, a column of sound, nor file, a path")
    return [_split(recipe, name, columns, options) for name in recipe.all_splits]


@dataclass
class Split:
    """What the rows of a split have given so far."""

    tables: dict[str, dict[str, str]]
    rows: dict[str, str] = field(default_factory=dict)  # utterance -> the row that it is from
    problems: list[str] = field(default_factory=list)
    num_rows: int = 0


def _split(recipe, name: str, columns: dict[str, str], options: dict) -> DataDir:
    names = ["wav.scp", "utt2spk", "utt2dur", *(["utt2label"] if "label" in columns else [])]
    names += [_table(column) for column in columns if column not in NAMED]
    split = Split({table: {} for table in names})
    files = split_files(recipe.corpus_root, name, options["files"].get(name, ()))
    home = recipe.data_root / "audio" / name
    with atomic_dir(home) as partial:
        contents = _contents(split, files, recipe.corpus_root, columns, options)
        split.tables["wav.scp"] |= write_audio_arks(partial, contents, ARK_SIZE, place=home)
    _settle_problems(split, home.with_name(f"{name}_left_out.txt"), options["leave_out_bad"])
    log.info("%s: %d of %d rows in %d files", name, len(split.rows), split.num_rows, len(files))
    return DataDir.of(recipe.data_dir(name), split.tables)


def _contents(
    split: Split, files: list[Path], root: Path, columns: dict[str, str], options: dict
) -> Iterator[tuple[str, bytes]]:
    """Yield utterance and audio file of the rows whose audio lies in the table, and fill in the tables."""
    for row in (row for path in files for row in read_rows_of(path, list(columns.values()))):
        split.num_rows += 1
        if split.num_rows % EVERY == 0:
            log.info("%d rows", split.num_rows)
        try:
            values = {name: row.value(column) for name, column in columns.items()}
            utt = _utterance(values.get("utt"), values, split)
            content, path = _audio(row, root, values, options["audio_folder"])
            header = header_of(content, "its audio") if path is None else read_header(str(path))
            described = _described(values, options["labels_map"])
        except DataError as error:
            split.problems.append(f"{row.where}: {error}")
            continue
        split.rows[utt] = row.where
        split.tables["utt2dur"][utt] = repr(header.num_samples / header.rate)
        split.tables["utt2spk"][utt] = NO_SPEAKER
        for table, value in described.items():
            split.tables[table][utt] = value
        if path is None:
            yield utt, content
        else:
            split.tables["wav.scp"][utt] = str(path)


def _utterance(given: Any, values: dict[str, Any], split: Split) -> str:
    """Return the name of the utterance of a row: its id, else its file's name without ending. Raise DataError
    for one that cannot be a name, or is another row's.
    """
    audio = values.get("audio")
    path = values.get("file") or (audio.get("path") if isinstance(audio, dict) else None)
    name = str(given) if given not in (None, "") else Path(str(path or "")).with_suffix("").as_posix()
    if name in ("", "."):
        raise DataError("it has no id, and its audio no name: name the column by columns.utt")
    if name.split() != [name]:
        raise DataError(f"the id {name!r} holds a blank")
    if name in split.rows:
        raise DataError(f"the id {name} is that of {split.rows[name]} as well")
    return name


def _audio(row: Row, root: Path, values: dict[str, Any], folder: str) -> tuple[bytes, Path | None]:
    """Return the bytes of an audio file, or the path of one. Raise DataError where a row has neither."""
    audio, name = values.get("audio"), values.get("file")
    if isinstance(audio, dict):
        name = name or audio.get("path")
        audio = audio.get("bytes")
    if isinstance(audio, bytes) and audio:
        return audio, None
    if isinstance(audio, str):
        name = name or audio
    if not name or not isinstance(name, str):
        raise DataError("it holds no audio")
    path = (root / folder if folder else row.folder) / name
    if not path.is_file():
        raise DataError(f"it holds no audio, and the file {path} is not there")
    return b"", path.absolute()


def _described(values: dict[str, Any], labels_map: dict) -> dict[str, str]:
    """Return table -> value of a row. Raise DataError for a label that has no meaning."""
    described = {
        _table(name): " ".join(str("" if value is None else value).split())
        for name, value in values.items()
        if name not in NAMED
    }
    label = None
    if "label" in values:
        known = {str(word): meaning for word, meaning in labels_map.items()}
        word = str(values["label"])
        label = known.get(word) or LABEL_OF.get(word.lower())
        if label is None:
            raise DataError(
                f"the label {word!r} has no meaning: add it to corpus.options.labels_map, e.g. "
                f"{{{word}: bonafide}}"
            )
        described["utt2label"] = label
    for table, value in described.items():
        if table == "utt2spk":
            described[table] = value.replace(" ", "_") or NO_SPEAKER
        elif table == "utt2attack" and (label == BONAFIDE or not value):
            described[table] = NO_ATTACK if label == BONAFIDE else "unknown"
        elif not value and table != "text":
            described[table] = "-"
    return described


def _table(column: str) -> str:
    return column if column == "text" else table_of(column)


def _settle_problems(split: Split, path: Path, leave_out: bool) -> None:
    """Raise DataError for rows that cannot be used, or list them in a file where they may be left out."""
    path.unlink(missing_ok=True)
    if not split.problems:
        return
    number = f"{len(split.problems):,} of {split.num_rows:,} rows cannot be used"
    if not leave_out or not split.rows:
        raise DataError(
            f"{number}: {listed(split.problems)}: mend them, or leave them out by "
            "corpus.options.leave_out_bad=true"
        )
    write_text(path, "".join(f"{problem}\n" for problem in split.problems))
    log.warning("%s; they are left out, and listed in %s: %s", number, path, listed(split.problems))
