"""Audio files in an ark: many clips in one file, for disks on which opening a file takes long.

A `wav.scp` points to the first byte of an entry:

    BOB-0001 data/train/audio.0.ark:9

An entry holds the whole content of an audio file: a WAV file as it is, as Kaldi writes them, or any format
behind `AUDIO`, the number of bytes of a size, and that size, as kaldiio writes them. A FLAC file as it is can
be read as well. Only regular files are opened, and no more is read than the ark holds.
"""

import functools
import io
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from dada.data.arks import read_entry
from dada.errors import DataError
from dada.storage.atomic import atomic_path

MARK = b"AUDIO"
HEAD = 16  # bytes that hold the kind and the size of an entry
KEPT_OPEN = 64  # arks
AGAIN = "pack the audio again"


class Entry(io.RawIOBase):
    """The audio file in an entry of an ark, as a file to read from. Raise DataError where there is none.

    Reading moves no position of the ark, so processes that were forked may share it.
    """

    def __init__(self, path: str, offset: int):
        self.path, self.offset = path, offset
        self._ark = _opened(path)
        self.start, self.size = self._extent()
        self.is_sized = not self._read(offset, 4).startswith(b"fLaC")
        self._position = 0

    def _extent(self) -> tuple[int, int]:
        """Return the first byte and the number of bytes of the audio file."""
        left = os.fstat(self._ark.number).st_size - self.offset
        head = self._read(self.offset, HEAD)
        if head.startswith(b"fLaC"):
            return self.offset, left
        if head.startswith(b"RIFF"):
            start, size = self.offset, 8 + int.from_bytes(head[4:8], "little")
        elif head.startswith(MARK):
            width = head[len(MARK)] if len(head) > len(MARK) else 0
            start = self.offset + len(MARK) + 1 + width
            size = int.from_bytes(self._read(self.offset + len(MARK) + 1, width), "little")
        else:
            self._refuse()
        if start - self.offset + size > left:
            raise DataError(
                f"{self.path}:{self.offset} cannot be read as audio (it states more bytes than the ark "
                f"holds): {AGAIN}"
            )
        return start, size

    def _refuse(self) -> None:
        """Raise DataError for an entry that is no audio."""
        with open(self.path, "rb") as file:
            read_entry(file, self.offset, "audio")
        raise DataError(f"{self.path}:{self.offset} is a matrix or vector, not audio: is this a feats.scp?")

    def _read(self, start: int, size: int) -> bytes:
        return os.pread(self._ark.number, size, start)

    def content(self) -> bytes:
        """Return the whole audio file."""
        return self._read(self.start, self.size)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.size}[whence]
        self._position = start + offset
        return self._position

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        left = max(0, self.size - self._position)
        block = self._read(self.start + self._position, min(len(buffer), left))
        buffer[: len(block)] = block
        self._position += len(block)
        return len(block)


class _Ark:
    """An open ark, closed when nobody holds it any more."""

    def __init__(self, path: str):
        self.number = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def __del__(self) -> None:
        if hasattr(self, "number"):
            os.close(self.number)


def _opened(path: str) -> _Ark:
    """Return an ark, opened once: each opening on a network disk asks its server."""
    status = os.stat(path)
    return _kept_open(path, status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


@functools.lru_cache(maxsize=KEPT_OPEN)
def _kept_open(path: str, *_identity: int) -> _Ark:
    return _Ark(path)


def write_audio_arks(
    folder: Path, files: Iterator[tuple[str, bytes]], size: int, place: Path | None = None
) -> Mapping[str, str]:
    """Write the contents of audio files, sorted by utterance, to audio.0.ark, audio.1.ark, … of `size` bytes.

    An ark ends with the file that reaches `size`. Return the location of each utterance; `place` is where
    `folder` will lie.
    """
    locations: dict[str, str] = {}
    number, more = 0, next(files, None)
    while more is not None:
        name = f"audio.{number}.ark"
        with atomic_path(folder / name) as partial, open(partial, "wb") as ark:
            while more is not None and ark.tell() < size:
                utt, content = more
                ark.write(f"{utt} ".encode())
                locations[utt] = f"{os.path.abspath((place or folder) / name)}:{ark.tell()}"
                ark.write(_entry(content))
                more = next(files, None)
        number += 1
    return locations


def _entry(content: bytes) -> bytes:
    """Return a WAV file whose size is right as it is, any other file behind its size."""
    if content.startswith(b"RIFF") and 8 + int.from_bytes(content[4:8], "little") == len(content):
        return content
    width = (len(content).bit_length() + 7) // 8
    return MARK + bytes([width]) + len(content).to_bytes(width, "little") + content
