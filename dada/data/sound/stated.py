"""How much sound the header of a file states and how much of it is there: what tells that a file is cut.

Decoders read what is there and say nothing, so the bytes are looked at here: WAV (RIFF, RF64), AIFF, AU, W64
and NIST state the bytes or samples of their sound, and the last page of an Ogg stream is marked as such.
"""

import io
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from dada.data.sound.recording import Source

MAX_CHUNKS = 1000  # of a RIFF or AIFF file that are looked at
# Sizes that a writer leaves which cannot go back to the start of its output, such as a pipe.
OPEN_SIZES = (0, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
PIPE_SLACK = 4096  # `sox` and others take the size of their own header off such a size
OGG_TAIL = 1 << 17  # bytes at the end of an Ogg file that hold at least one page, at most 65,307 bytes long
W64_DATA = bytes.fromhex("64617461f3acd3118cd100c04f8edb8a")


@dataclass(frozen=True)
class Stated:
    """The bytes of sound that a header states, and those there. `open`: the header was never finished."""

    stated: int = 0  # 0 where the header states none
    there: int = 0
    open: bool = False
    no_end: bool = False  # the last page of an Ogg stream is missing

    @property
    def is_cut(self) -> bool:
        """Whether sound is missing."""
        return self.no_end or (not self.open and self.stated > self.there)


def stated_sound(source: Source) -> Stated:
    """Return what the header of a file states of its sound; nothing for a format without such a statement."""
    if isinstance(source, str):
        with open(source, "rb") as file:
            return _look(file, os.fstat(file.fileno()).st_size)
    position = source.tell()
    size = source.seek(0, io.SEEK_END)
    found = _look(source, size)  # type: ignore[arg-type]  # Entry and BytesIO read and seek
    source.seek(position)
    return found


def _look(file: BinaryIO, size: int) -> Stated:
    file.seek(0)
    head = file.read(1024)
    if head[:4] in (b"RIFF", b"RF64", b"RIFX", b"FORM") and head[8:12] in (b"WAVE", b"AIFF", b"AIFC"):
        return _chunks(file, head, size)
    if head.startswith(b".snd") and len(head) >= 12:
        start, stated = struct.unpack(">II", head[4:12])
        return _of(stated, size - start, (0xFFFFFFFF,))
    if head.startswith(b"riff") and len(head) >= 40:
        return _wave64(file, size)
    if head.startswith(b"NIST_1A"):
        return _nist(head, size)
    if head.startswith(b"OggS"):
        return Stated(no_end=not _ogg_ends(file, size))
    return Stated()


def _of(stated: int, there: int, unfinished: tuple[int, ...] = OPEN_SIZES) -> Stated:
    there = max(there, 0)
    left_open = stated in unfinished and there > 0
    return Stated(stated, min(there, stated) if not left_open else there, left_open)


def _chunks(file: BinaryIO, head: bytes, size: int) -> Stated:
    """Find the chunk of sound of a WAV or AIFF file."""
    is_aiff, order = head.startswith(b"FORM"), ">" if head[:4] in (b"FORM", b"RIFX") else "<"
    long_size = 0
    for name, start, length in _each_chunk(file, order):
        if name == b"ds64":
            file.seek(start + 8)
            content = file.read(8)
            long_size = int.from_bytes(content, "little") if len(content) == 8 else 0
        elif name == b"data" and not is_aiff:
            if length == 0xFFFFFFFF and long_size:
                length = long_size
            elif length >= 0xFFFFFFFF - PIPE_SLACK or 0x7FFFFFFF - PIPE_SLACK <= length <= 0x80000000:
                length = 0xFFFFFFFF
            return _of(length, size - start)
        elif name == b"SSND" and is_aiff:
            return _of(max(length - 8, 0), size - start - 8)
    return Stated()


def _each_chunk(file: BinaryIO, order: str) -> Iterator[tuple[bytes, int, int]]:
    """Yield (name, first byte, stated bytes) of the chunks."""
    place = 12
    for _ in range(MAX_CHUNKS):
        file.seek(place)
        head = file.read(8)
        if len(head) < 8:
            return
        (length,) = struct.unpack(f"{order}I", head[4:])
        yield head[:4], place + 8, length
        place += 8 + length + length % 2


def _wave64(file: BinaryIO, size: int) -> Stated:
    place = 40
    for _ in range(MAX_CHUNKS):
        file.seek(place)
        head = file.read(24)
        if len(head) < 24:
            break
        length = int.from_bytes(head[16:], "little")
        if head[:16] == W64_DATA:
            return _of(length - 24, size - place - 24)
        if length < 24:
            break
        place += -(-length // 8) * 8
    return Stated()


def _nist(head: bytes, size: int) -> Stated:
    """Read `sample_count -i 64000` and the like. A compressed file states no bytes."""
    fields = {}
    for line in head.decode("latin-1").split("\n"):
        parts = line.split()
        if len(parts) == 3:
            fields[parts[0]] = parts[2]
        if line.startswith("end_head"):
            break
    try:
        start = int(head.split(b"\n")[1])
        bytes_each = int(fields.get("channel_count", "1")) * int(fields["sample_n_bytes"])
        stated = int(fields["sample_count"]) * bytes_each
    except (KeyError, ValueError, IndexError):
        return Stated()
    coding = fields.get("sample_coding", "pcm")
    return _of(stated, size - start) if "," not in coding else Stated()


def _ogg_ends(file: BinaryIO, size: int) -> bool:
    """Whether the last page of an Ogg file is whole and marked as the end of its stream."""
    start = max(0, size - OGG_TAIL)
    file.seek(start)
    tail = file.read(OGG_TAIL)
    place = tail.find(b"OggS")
    last = None
    while place >= 0 and place + 27 <= len(tail):
        num_segments = tail[place + 26]
        table = tail[place + 27 : place + 27 + num_segments]
        end = place + 27 + num_segments + sum(table)
        if len(table) < num_segments or end > len(tail):
            return False
        last = tail[place + 5]
        place = end if tail.startswith(b"OggS", end) else tail.find(b"OggS", end)
    return last is None or bool(last & 4)
