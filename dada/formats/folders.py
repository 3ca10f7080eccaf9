"""Corpora without a list: folders whose names say what lies in them, or files that an ASVspoof protocol
names. Both become a CSV.

real/JOE/001.wav
fake/melgan/JOE/001.wav        read with the levels label/attack/speaker
"""

import csv
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from dada.data.datadir import BONAFIDE
from dada.data.find_audio import READABLE, UNREADABLE, find_audio
from dada.errors import DataError, UserError
from dada.formats.asvspoof import guess_format, read_protocol
from dada.formats.csv_list import LABELS, SPLITS, refuse
from dada.storage.atomic import atomic_path

PASSED_OVER = "-"  # a level, or column, without meaning
SPELLINGS = {"label": LABELS, "split": SPLITS}


def rows_of_folders(audio: Path, levels: Sequence[str] = ()) -> list[dict[str, str]]:
    """A row (file, label, ...) for every audio file below a folder, in order of their names.

    With `levels`, e.g. (split, label, speaker), the folders of a file say these, from the outside in; a bona
    fide file may leave out `attack`. Without, a folder called real, fake or alike is the label, one called
    train, dev or test the split, the first folder below the label of a spoof its attack, and others say
    nothing. Raises DataError listing files that have no label, or two.
    """
    audio = Path(audio)
    paths = [os.path.join(folder, name) for folder, _, files in os.walk(audio) for name in files]
    names = sorted((os.path.relpath(path, audio) for path in paths), key=str.encode)
    files = [name for name in names if os.path.splitext(name)[1].lower() in READABLE]
    foreign = [name for name in names if os.path.splitext(name)[1].lower() in UNREADABLE]
    refuse(
        [f"{audio / name} is in a format that libsndfile does not read" for name in foreign],
        "convert these files, e.g. with ffmpeg",
    )
    if not files:
        raise DataError(f"{audio} holds no audio file ({', '.join(READABLE)})")
    rows, problems = [], []
    for name in files:
        folders = Path(name).parts[:-1]
        row, problem = _by_levels(folders, levels) if levels else _by_spelling(folders)
        rows.append({"file": name, **row})
        if problem:
            problems.append(f"{audio / name}: {problem}")
    refuse(problems, "move the file, name the levels of the folders with --folders, or write a CSV")
    return _with_common_columns(rows)


def rows_of_protocols(audio: Path, protocols: Mapping[str, Path]) -> list[dict[str, str]]:
    """A row for every line of ASVspoof-style protocols, by split; the audio lies anywhere below a folder.
    DataError for what is missing.
    """
    audio = Path(audio)
    folders = [Path(folder) for folder, _, files in os.walk(audio) if files]
    rows = []
    for split, path in protocols.items():
        protocol = read_protocol(path, guess_format(path))
        if "label" not in protocol.values:
            raise DataError(
                f"{path} is a {protocol.form.name}, without labels: nothing can be trained or measured on it"
            )
        found = find_audio(folders, protocol.values["trial"])
        names = [name for name in protocol.values if name != "trial"]
        for i, utt in enumerate(protocol.values["trial"]):
            values = {name: protocol.values[name][i] for name in names}
            said = {name: "" if value == PASSED_OVER else value for name, value in values.items()}
            rows.append({"file": os.path.relpath(found[utt], audio), **said, "split": split})
    return _with_common_columns(rows)


def write_rows(path: Path, rows: Sequence[Mapping[str, str]]) -> None:
    """Write rows of the same columns as a CSV."""
    with atomic_path(Path(path)) as partial, open(partial, "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _by_levels(folders: Sequence[str], levels: Sequence[str]) -> tuple[dict[str, str], str]:
    if "label" not in levels:
        raise UserError(f"--folders {'/'.join(levels)} has no level `label`")
    named = list(levels)
    if len(folders) == len(levels) - 1 and "attack" in levels:
        shorter = [level for level in levels if level != "attack"]
        if _meaning("label", folders[shorter.index("label")]) == BONAFIDE:
            named = shorter
    if len(folders) != len(named):
        return {"label": ""}, f"lies in {len(folders)} folders, but --folders names {len(levels)}"
    row = {level: folder for level, folder in zip(named, folders, strict=True) if level != PASSED_OVER}
    return row, ""


def _by_spelling(folders: Sequence[str]) -> tuple[dict[str, str], str]:
    row: dict[str, str] = {}
    for column in SPELLINGS:
        found = [i for i, folder in enumerate(folders) if _meaning(column, folder)]
        if len(found) > 1:
            return {
                "label": ""
            }, f"lies in the folders {' and '.join(folders[i] for i in found)}, which both say a {column}"
        if found:
            row[column] = folders[found[0]]
        elif column == "label":
            usual = ", ".join(name for names in LABELS.values() for name in names[:3])
            return {"label": ""}, f"lies in no folder that names its class ({usual}, …)"
    below = folders[folders.index(row["label"]) + 1 :]
    if below and _meaning("label", row["label"]) != BONAFIDE and not _meaning("split", below[0]):
        row["attack"] = below[0]
    return row, ""


def _meaning(column: str, folder: str) -> str | None:
    return next((name for name, spellings in SPELLINGS[column].items() if folder.lower() in spellings), None)


def _with_common_columns(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """The rows with the same columns each, and without columns that say nothing anywhere."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    used = [name for name in columns if any(row.get(name) for row in rows)]
    return [{name: row.get(name, "") for name in used} for row in rows]
