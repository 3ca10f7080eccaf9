"""Kaldi arks of float32 matrices and vectors, uncompressed, through kaldiio."""

import functools
import math
import os
import re
import struct
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

import kaldiio
import numpy as np

from dada.data.tables import read_table, write_table
from dada.errors import DataError
from dada.storage.atomic import atomic_path
from dada.storage.reading import problem_of

# What kaldiio raises for a damaged ark.
READ_ERRORS = (OSError, ValueError, TypeError, RuntimeError, EOFError, AssertionError, struct.error)
HEAD = 32  # bytes that hold the kind and the sizes of an array
# Kind of array -> layout of its sizes behind the kind, and bytes of an element.
SIZES = {
    b"FV": ("<xi", 4),
    b"DV": ("<xi", 8),
    b"FM": ("<xixi", 4),
    b"DM": ("<xixi", 8),
    b"CM": ("<8xii", 1),  # compressed: smallest value and range come first
    b"CM2": ("<8xii", 2),
    b"CM3": ("<8xii", 1),
}
OTHERS = {b"PKL": "a Python pickle, which could run a command", b"NPY": "a NumPy array"}


def write_ark(scp: Path, arrays: Iterable[tuple[str, np.ndarray]]) -> dict[str, int]:
    """Write `name.ark` and its index `name.scp` from (utterance, float32 matrix or vector) pairs, sorted by
    utterance.

    The index holds absolute paths, as Kaldi reads them from any folder, and is written last: without it the
    ark does not count. Returns the first axis of every array (frames of a matrix). Raises DataError for NaN
    or unsorted utterances.
    """
    scp = Path(scp)
    ark = scp.with_suffix(".ark")
    place = os.path.abspath(ark)
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
            index[utt] = f"{place}:{file.tell()}"
            kaldiio.matio.write_array(file, np.ascontiguousarray(array, dtype=np.float32))
            lengths[utt] = len(array)
            previous = utt
    write_table(scp, index)
    return lengths


def read_entry(file: BinaryIO, offset: int, name: str) -> np.ndarray:
    """Return the matrix or vector at an offset of an open ark. Raise DataError for anything else."""
    try:
        file.seek(offset)
        _check_sizes(file.read(HEAD), os.fstat(file.fileno()).st_size - offset)
        file.seek(offset)
        return kaldiio.matio.read_kaldi(file)
    except READ_ERRORS as error:
        what = " ".join(str(error).split())
        raise DataError(
            f"{name}: {file.name}:{offset} cannot be read from the ark ({what}): make the ark again"
        ) from error


def _check_sizes(head: bytes, left: int) -> None:
    """Raise ValueError for an entry that is no Kaldi array, or that needs more than the `left` bytes.

    kaldiio allocates what the head states.
    """
    if head[:3] in OTHERS:
        raise ValueError(f"it is {OTHERS[head[:3]]}, and only Kaldi's matrices and vectors are read")
    if head.startswith((b"RIFF", b"fLaC", b"AUDIO")):
        raise ValueError("it is audio, not a matrix or vector")
    if not head.startswith(b"\0B"):
        return  # text, which allocates as it is read
    kind, _, rest = head[2:].partition(b" ")
    if kind.startswith(b"\4"):  # a vector of integers, each behind a byte
        kind, rest, layout, width = b"integers", head[2:], "<xi", 5
    elif kind in SIZES:
        layout, width = SIZES[kind]
    else:
        raise ValueError(f"unknown kind of array {kind[:10]!r}")
    shape = struct.unpack_from(layout, rest)
    left -= len(head) - len(rest) + struct.calcsize(layout)
    if min(shape) < 0 or math.prod(shape) * width > left:
        raise ValueError(f"its head states {' x '.join(map(str, shape))} values, and {left:,} bytes are left")


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
        entry = re.fullmatch(r"(.+):([0-9]{1,18})", location)
        if entry is None:
            raise DataError(f"{self.scp}, utterance {utt}: {location!r} is not `file.ark:offset`")
        name = entry[1]
        if name not in self._files:
            path = self.scp.parent / name  # an absolute name stays as it is
            own = self.scp.with_suffix(".ark")
            if path.name == own.name and own.exists():
                path = own  # that of `write_ark`, also after the folder was moved
            if not path.exists() and Path(name).exists():
                path = Path(name)  # Kaldi's own indices are relative to the working folder of the command
            problem = problem_of(path)
            if problem:
                raise DataError(f"{self.scp}: the ark {path} of {utt} {problem[0]}: {problem[1]}")
            self._files[name] = open(path, "rb")  # noqa: SIM115 (kept open)
        return read_entry(self._files[name], int(entry[2]), f"{self.scp}, utterance {utt}")

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


def ark_once(scp: Path) -> ArkReader:
    """Return the reader of an index, made again only when the file has changed."""
    return _unchanged(Path(scp), scp.stat().st_mtime_ns)


@functools.lru_cache(maxsize=4)
def _unchanged(scp: Path, _modified: int) -> ArkReader:
    return ArkReader(scp)
