"""Kaldi arks of float32 matrices and vectors, uncompressed, through kaldiio."""

import functools
import io
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
MAX_OPEN = 64  # arks that are read at once in a merge
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
    return _write(scp, _contents(Path(scp).with_suffix(".ark"), arrays))


def _contents(ark: Path, arrays: Iterable[tuple[str, np.ndarray]]) -> Iterator[tuple[str, bytes, int]]:
    """Yield utterance, bytes and first axis of arrays. Raise DataError as `write_ark`."""
    previous = ""
    for utt, array in arrays:
        if utt.encode() <= previous.encode():
            raise DataError(
                f"{ark}: {utt} comes after {previous}: arrays must come sorted by utterance, each once"
            )
        if not np.isfinite(array).all():
            raise DataError(f"{ark}: the array of {utt} holds NaN or infinite values")
        content = io.BytesIO()
        kaldiio.matio.write_array(content, np.ascontiguousarray(array, dtype=np.float32))
        yield utt, content.getvalue(), len(array)
        previous = utt


def _write(scp: Path, contents: Iterable[tuple[str, bytes, int]]) -> dict[str, int]:
    """Write an ark and then its index."""
    ark = Path(scp).with_suffix(".ark")
    place = os.path.abspath(ark)
    lengths: dict[str, int] = {}
    index: dict[str, str] = {}
    with atomic_path(ark) as partial, open(partial, "wb") as file:
        for utt, content, length in contents:
            file.write(f"{utt} ".encode())
            index[utt] = f"{place}:{file.tell()}"
            file.write(content)
            lengths[utt] = length
    write_table(Path(scp), index)
    return lengths


def read_entry(file: BinaryIO, offset: int, name: str) -> np.ndarray:
    """Return the matrix or vector at an offset of an open ark. Raise DataError for anything else."""
    try:
        file.seek(offset)
        _check_sizes(file.read(HEAD), os.fstat(file.fileno()).st_size - offset)
        file.seek(offset)
        return kaldiio.matio.read_kaldi(file)
    except READ_ERRORS as error:
        raise _unreadable(file, offset, name, error) from error


def _unreadable(file: BinaryIO, offset: int, name: str, error: Exception) -> DataError:
    what = " ".join(str(error).split())
    return DataError(f"{name}: {file.name}:{offset} cannot be read from the ark ({what}): make the ark again")


def _check_sizes(head: bytes, left: int) -> int | None:
    """Return the bytes of an entry; None for an array in text form.

    Raise ValueError for an entry that is no Kaldi array, or that needs more than the `left` bytes: kaldiio
    allocates what the head states.
    """
    if head[:3] in OTHERS:
        raise ValueError(f"it is {OTHERS[head[:3]]}, and only Kaldi's matrices and vectors are read")
    if head.startswith((b"RIFF", b"fLaC", b"AUDIO")):
        raise ValueError("it is audio, not a matrix or vector")
    if not head.startswith(b"\0B"):
        return None  # text, which allocates as it is read
    kind, _, rest = head[2:].partition(b" ")
    if kind.startswith(b"\4"):  # a vector of integers, each behind a byte
        kind, rest, layout, width = b"integers", head[2:], "<xi", 5
    elif kind in SIZES:
        layout, width = SIZES[kind]
    else:
        raise ValueError(f"unknown kind of array {kind[:10]!r}")
    shape = struct.unpack_from(layout, rest)
    size = len(head) - len(rest) + struct.calcsize(layout)
    left -= size
    if min(shape) < 0 or math.prod(shape) * width > left:
        raise ValueError(f"its head states {' x '.join(map(str, shape))} values, and {left:,} bytes are left")
    return size + math.prod(shape) * width


class ArkReader(Mapping):
    """Utterance -> float32 array, by random access, of an index written by `write_ark` or by Kaldi.

    Descriptors stay open, since reopening costs a sixth of a read; a forked or pickled reader opens its own.
    """

    def __init__(self, scp: Path):
        self.scp = Path(scp)
        self.index = read_table(self.scp)
        self._files: dict[str, BinaryIO] = {}
        self._process = os.getpid()

    def __getitem__(self, utt: str) -> np.ndarray:
        file, offset = self._place(utt)
        return read_entry(file, offset, f"{self.scp}, utterance {utt}")

    def content(self, utt: str) -> tuple[bytes, int]:
        """Return the bytes of an array that `write_ark` wrote, and its first axis. Raise DataError."""
        file, offset = self._place(utt)
        try:
            file.seek(offset)
            head = file.read(HEAD)
            size = _check_sizes(head, os.fstat(file.fileno()).st_size - offset)
            if size is None:
                raise ValueError("it is no binary array")
            file.seek(offset)
            return file.read(size), struct.unpack_from("<xi", head, head.index(b" ") + 1)[0]
        except READ_ERRORS as error:
            raise _unreadable(file, offset, f"{self.scp}, utterance {utt}", error) from error

    def _place(self, utt: str) -> tuple[BinaryIO, int]:
        """Return the open ark of an utterance, and the offset of its array."""
        try:
            location = self.index[utt]
        except KeyError:
            raise DataError(f"{self.scp} has no entry for utterance {utt}") from None
        entry = re.fullmatch(r"(.+):([0-9]{1,18})", location)
        if entry is None:
            raise DataError(f"{self.scp}, utterance {utt}: {location!r} is not `file.ark:offset`")
        name = entry[1]
        if self._process != os.getpid():  # a forked process shares the position in a file with its parent
            self._files, self._process = {}, os.getpid()
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
        return self._files[name], int(entry[2])

    def close(self) -> None:
        """Close the arks; the next read opens them again."""
        for file in self._files.values():
            file.close()
        self._files = {}

    def __iter__(self) -> Iterator[str]:
        return iter(self.index)

    def __len__(self) -> int:
        return len(self.index)

    def __getstate__(self) -> dict:
        return {"scp": self.scp, "index": self.index, "_files": {}, "_process": 0}


def merge_arks(scps: Iterable[Path], out: Path) -> dict[str, int]:
    """Copy several arks of `write_ark` into one, sorted by utterance, byte by byte.

    Return the lengths as `write_ark` does. Raise DataError for an utterance in two of them.
    """
    owner: dict[str, ArkReader] = {}
    for reader in map(ArkReader, scps):
        for utt in reader:
            if utt in owner:
                raise DataError(f"{utt} is in both {owner[utt].scp} and {reader.scp}")
            owner[utt] = reader
    return _write(out, _in_order(owner))


def _in_order(owner: Mapping[str, ArkReader]) -> Iterator[tuple[str, bytes, int]]:
    """Yield utterance, bytes and first axis, sorted by utterance.

    Few arks are open at once: a large corpus has more shards than a process may have descriptors.
    """
    opened: dict[Path, ArkReader] = {}  # the one used last at the end
    for utt in sorted(owner, key=str.encode):
        reader = owner[utt]
        opened.pop(reader.scp, None)
        opened[reader.scp] = reader
        if len(opened) > MAX_OPEN:
            opened.pop(next(iter(opened))).close()
        yield utt, *reader.content(utt)
    for reader in opened.values():
        reader.close()


def ark_once(scp: Path) -> ArkReader:
    """Return the reader of an index, made again only when the file has changed."""
    return _unchanged(Path(scp), scp.stat().st_mtime_ns)


@functools.lru_cache(maxsize=4)
def _unchanged(scp: Path, _modified: int) -> ArkReader:
    return ArkReader(scp)
