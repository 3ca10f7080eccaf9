"""The transcripts of a split: `text` has a line for each utterance, `text.json` says how they were made.

{"made_by": {"model": "base.en", "weights_sha256": "…", "library": "…", "options": {…}},
 "utterances": {"utt1": {"avg_logprob": -0.1235, "num_tokens": 12, …, "doubts": []}}}
"""

import dataclasses
import functools
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dada.asr.base import Transcript
from dada.data.tables import read_table, read_table_once, write_table
from dada.errors import DataError
from dada.settings import flatten
from dada.storage.json_file import read_json, write_json

DECIMALS = 4
NEEDS = {"made_by": dict, "utterances": dict}  # keys of text.json


@dataclass
class Transcripts:
    """Texts by utterance, their other values (see `Transcript`), and the provenance of the model."""

    made_by: dict[str, Any]
    texts: dict[str, str] = field(default_factory=dict)
    values: dict[str, dict[str, Any]] = field(default_factory=dict)

    def add(self, utt: str, transcript: Transcript) -> None:
        """Add the transcript of an utterance, with its numbers rounded."""
        values = dataclasses.asdict(transcript)
        self.texts[utt] = values.pop("text")
        self.values[utt] = {
            key: round(value, DECIMALS) if isinstance(value, float) else value
            for key, value in values.items()
        }

    def reuse(self, utt: str, text: Path, record: Path) -> None:
        """Add the transcript of an utterance from other files, if the same model made them."""
        content = _read_record(record, record.stat().st_mtime_ns)
        if content["made_by"] == self.made_by:
            self.texts[utt] = read_table_once(text)[utt]
            self.values[utt] = content["utterances"][utt]

    def write(self, folder: Path) -> None:
        """Write text.json and then text."""
        values = {utt: self.values[utt] for utt in sorted(self.values, key=str.encode)}
        write_json(folder / "text.json", {"made_by": self.made_by, "utterances": values}, ensure_ascii=False)
        write_table(folder / "text", self.texts)


def join(folders: Sequence[Path]) -> Transcripts:
    """Return the transcripts of all folders. Raise DataError if different models made them."""
    joined: Transcripts | None = None
    for folder in folders:
        record = read_json(folder / "text.json", needs=NEEDS)
        joined = joined or Transcripts(record["made_by"])
        _require_equal(folder, record["made_by"], joined.made_by)
        joined.texts |= read_table(folder / "text")
        joined.values |= record["utterances"]
    if joined is None:
        raise DataError("there are no transcripts to join")
    return joined


def require_same_maker(folder: Path, made_by: dict[str, Any]) -> None:
    """Raise DataError if the transcripts in a folder were not made by `made_by`."""
    record = folder / "text.json"
    _require_equal(folder, _read_record(record, record.stat().st_mtime_ns)["made_by"], made_by)


def _require_equal(folder: Path, other: dict[str, Any], made_by: dict[str, Any]) -> None:
    differing = _differing_keys(other, made_by)
    if differing:
        raise DataError(
            f"{folder} was transcribed by another model, version or back end than the rest (they differ in "
            f"{', '.join(differing)}): go on where it was started, or begin again with --force"
        )


def _differing_keys(first: dict[str, Any], second: dict[str, Any]) -> list[str]:
    """Return the names of the values that differ, those of nested values with dots."""
    one, other = flatten(first), flatten(second)
    return sorted(key for key in one.keys() | other.keys() if one.get(key) != other.get(key))


@functools.lru_cache(maxsize=4)  # several splits of another protocol are read in turn
def _read_record(path: Path, _modified: int) -> dict[str, Any]:
    """Return a `text.json`, read once for each state of the file."""
    return read_json(path, needs=NEEDS)
