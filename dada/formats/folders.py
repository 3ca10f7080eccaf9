"""Corpora without a CSV: folders whose names tell what is in them, or files that an ASVspoof protocol names.

    real/JOE/001.wav
    fake/melgan/JOE/001.wav        read with the levels label/attack/speaker

Both become rows of a CSV.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from dada.data.datadir import BONAFIDE
from dada.data.find_audio import find_audio, walk_audio, walk_files
from dada.errors import DataError, UserError
from dada.formats.asvspoof import guess_layout, read_protocol
from dada.formats.columns import NO_VALUE, refuse
from dada.formats.words import LABELS, SPLITS, guess_mapping

MEANINGS = {"label": LABELS, "split": SPLITS}


def rows_of_folders(audio: Path, levels: Sequence[str] = ()) -> list[dict[str, str]]:
    """Return a row (file, label, ...) for every audio file below a folder, in order of their names.

    `levels`, e.g. (split, label, speaker), name what the folders of a file mean, from the outside in; a bona
    fide file may leave out `attack`. Without `levels`, a folder called real, fake or the like is the label,
    one called train, dev or test the split, the first folder below the label of a spoof its attack, and
    others have no meaning. Raise DataError with the files that have no label, or two.
    """
    rows, problems = [], []
    for name in walk_audio(audio):
        folders = Path(name).parts[:-1]
        row, problem = _by_levels(folders, levels) if levels else _by_words(folders)
        rows.append({"file": name, **row})
        if problem:
            problems.append(f"{Path(audio, name)}: {problem}")
    refuse(problems, "move the file, name the levels of the folders with --folders, or write a CSV")
    return _with_common_columns(rows)


def rows_of_protocols(audio: Path, protocols: Mapping[str, Path]) -> list[dict[str, str]]:
    """Return a row for every line of ASVspoof-style protocols, given by split.

    The audio lies anywhere below a folder. Raise DataError for missing files and for a list without labels.
    """
    audio = Path(audio)
    folders = [Path(folder) for folder, files in walk_files(audio) if files]
    rows = []
    for split, path in protocols.items():
        protocol = read_protocol(path, guess_layout(path))
        if "label" not in protocol.values:
            problem = f"{path} is a {protocol.layout}, without labels"
            raise DataError(f"{problem}: nothing can be trained or measured on it")
        files = find_audio(folders, protocol.values["trial"])
        names = [name for name in protocol.values if name != "trial"]
        for i, utt in enumerate(protocol.values["trial"]):
            cells = {name: protocol.values[name][i] for name in names}
            values = {name: "" if value == NO_VALUE else value for name, value in cells.items()}
            rows.append({"file": os.path.relpath(files[utt], audio), **values, "split": split})
    return _with_common_columns(rows)


def _by_levels(folders: Sequence[str], levels: Sequence[str]) -> tuple[dict[str, str], str]:
    """Return the values of a file in `folders`, and what is wrong, if anything."""
    if "label" not in levels:
        raise UserError(f"--folders {'/'.join(levels)} has no level `label`")
    named = list(levels)
    if len(folders) == len(levels) - 1 and "attack" in levels:
        shorter = [level for level in levels if level != "attack"]
        if _meaning("label", folders[shorter.index("label")]) == BONAFIDE:
            named = shorter
    if len(folders) != len(named):
        return {"label": ""}, f"lies in {len(folders)} folders, but --folders names {len(levels)}"
    row = {level: folder for level, folder in zip(named, folders, strict=True) if level != NO_VALUE}
    return row, ""


def _by_words(folders: Sequence[str]) -> tuple[dict[str, str], str]:
    """Return the values of a file in `folders`, and what is wrong, if anything."""
    row: dict[str, str] = {}
    for column in MEANINGS:
        matches = [folder for folder in folders if _meaning(column, folder)]
        if len(matches) > 1:
            return {"label": ""}, f"lies in the folders {' and '.join(matches)}, which both mean a {column}"
        if matches:
            row[column] = matches[0]
        elif column == "label":
            usual = ", ".join(name for names in LABELS.values() for name in names[:3])
            return {"label": ""}, f"lies in no folder that names its class ({usual}, …)"
    below = folders[folders.index(row["label"]) + 1 :]
    if below and _meaning("label", row["label"]) != BONAFIDE and not _meaning("split", below[0]):
        row["attack"] = below[0]
    return row, ""


def _meaning(column: str, folder: str) -> str | None:
    return guess_mapping([folder], MEANINGS[column]).get(folder)


def _with_common_columns(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """Return the rows with the same columns each, without columns that are empty throughout."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    used = [name for name in columns if any(row.get(name) for row in rows)]
    return [{name: row.get(name, "") for name in used} for row in rows]
