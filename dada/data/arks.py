"""Kaldi arks of float32 matrices and vectors, uncompressed, through kaldiio."""

import struct
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

import kaldiio
import numpy as np

from dada.data.tables import read_table, write_table
from dada.errors import DataError
from dada.storage.atomic import atomic_path

# What kaldiio raises for a damaged ark.
READ_ERRORS = (OSError, ValueError, TypeError, RuntimeError, EOFError, AssertionError, struct.error)


def write_ark(scp: Path, arrays: Iterable[tuple[str, np.ndarray]]) -> dict[str, int]:
    """Write `name.ark` and its index `name.scp` from (utterance, float32 matrix or vector) pairs, sorted by
    utterance.

    The index holds paths relative to its own folder, so the folder can be moved, and is written last: without
    it the ark does not count. Returns the first axis of every array (frames of a matrix). Raises DataError
    for NaN or unsorted utterances.
    """
    scp = Path(scp)
    ark = scp.with_suffix(".ark")
    lengths: dict[str, int] = {}
    index: dict[str, str] = {}
    previous = ""
    with atomic_path(ark) as partial, open(partial, "wb") as file:
        for utt, array in arrays:
            if utt.encode() <= previous.encode():
                raise DataError(
                    f"{ark}: {utt} comes after {previous}: arrays must come sorted by utterance, each once"
                )
            if not np.isfinite(array).all():
                raise DataError(f"{ark}: the array of {utt} holds NaN or infinite values")
            file.write(f"{utt} ".encode())
            index[utt] = f"{ark.name}:{file.tell()}"
            kaldiio.matio.write_array(file, np.ascontiguousarray(array, dtype=np.float32))
            lengths[utt] = len(array)
            previous = utt
    write_table(scp, index)
    return lengths


def read_entry(file: BinaryIO, offset: str | int, name: str) -> np.ndarray | tuple[int, np.ndarray]:
    """The array, or the (rate, samples) of audio, at an offset of an open ark. Raises DataError for anything
    else.
    """
    try:
        file.seek(int(offset))
        if file.read(3) == b"PKL":
            raise ValueError(
                "it is a Python pickle, which could run a command, and a data file never does here"
            )
        file.seek(int(offset))
        return kaldiio.matio.read_kaldi(file)
    except READ_ERRORS as error:
        raise DataError(
            f"{name}: {file.name}:{offset} cannot be read from the ark ({error}): make the ark again"
        ) from error


class ArkReader(Mapping):
    """Utterance -> float32 array, by random access, of an index written by `write_ark` or by Kaldi.

    Descriptors stay open, since reopening costs a sixth of a read; a forked or pickled reader opens its own.
    """

    def __init__(self, scp: Path):
        self.scp = Path(scp)
        self.index = read_table(self.scp)
        self._files: dict[str, BinaryIO] = {}

    def __getitem__(self, utt: str) -> np.ndarray:
        try:
            location = self.index[utt]
        except KeyError:
            raise DataError(f"{self.scp} has no entry for utterance {utt}") from None
        name, _, offset = location.rpartition(":")
        if name not in self._files:
            path = self.scp.parent / name  # an absolute name stays as it is
            if not path.exists():
                path = Path(name)  # Kaldi's own indices are relative to the working folder of the command
            try:
                self._files[name] = open(path, "rb")  # noqa: SIM115 (kept open)
            except OSError as error:
                raise DataError(
                    f"{self.scp}: the ark {path} of {utt} cannot be opened ({error.strerror})"
                ) from error
        entry = read_entry(self._files[name], offset, f"{self.scp}, utterance {utt}")
        if not isinstance(entry, np.ndarray):
            raise DataError(f"{self.scp}, utterance {utt}: {location} is not a matrix or vector")
        return entry

    def __iter__(self) -> Iterator[str]:
        return iter(self.index)

    def __len__(self) -> int:
        return len(self.index)

    def __getstate__(self) -> dict:
        return {"scp": self.scp, "index": self.index, "_files": {}}


def merge_arks(scps: Iterable[Path], out: Path) -> dict[str, int]:
    """Copy several arks into one, sorted by utterance; returns the lengths as `write_ark` does."""
    readers = [ArkReader(scp) for scp in scps]
    owner: dict[str, ArkReader] = {}
    for reader in readers:
        for utt in reader:
            if utt in owner:
                raise DataError(f"{utt} is in both {owner[utt].scp} and {reader.scp}")
            owner[utt] = reader
    return write_ark(out, ((utt, owner[utt][utt]) for utt in sorted(owner, key=str.encode)))
