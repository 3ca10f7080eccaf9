"""The frames of an MP3 that states no length.

Without the first frame that encoders fill with a length (`Xing`, `Info` or `VBRI`), libsndfile takes the bit
rate of the first frame for that of all, and stops where that leads: early, where the rate varies. So the
frames are counted here, from their headers (ISO/IEC 11172-3, 2.4.1.3).
"""

import mmap
from dataclasses import dataclass

from dada.data.sound.recording import Source

KILOBITS = {
    1: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0),
    2: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0),
}  # of layer III, by version (2 and 2.5 share theirs)
# By the bits of the version: 1, 2, and 2.5.
HERTZ = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}
LAYER_3 = 1
STATING = (b"Xing", b"Info", b"VBRI")


@dataclass(frozen=True)
class Frames:
    """The samples of each channel in the frames of an MP3, and whether its last frame is broken off."""

    num_samples: int
    broken_off: bool


def frames_of(source: Source) -> Frames | None:
    """Count the frames of an MP3. None where its first frame states its length, or is not found."""
    if isinstance(source, str):
        # Mapped, since only the first frame of most files is looked at.
        with open(source, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return _count(content)
    position = source.tell()
    source.seek(0)
    whole = source.read() or b""
    source.seek(position)
    return _count(whole)


def _count(content: bytes | mmap.mmap) -> Frames | None:
    place = _after_tag(content)
    first = _frame(content, place)
    if first is None or any(mark in content[place : place + first[0]] for mark in STATING):
        return None
    num_samples = 0
    while (frame := _frame(content, place)) is not None:
        if place + frame[0] > len(content):
            return Frames(num_samples, True)
        place, num_samples = place + frame[0], num_samples + frame[1]
    return Frames(num_samples, False)


def _after_tag(content: bytes | mmap.mmap) -> int:
    """Return where the sound begins: behind ID3 tags, whose size has 7 bits a byte."""
    place = 0
    while content[place : place + 3] == b"ID3" and place + 10 <= len(content):
        size = content[place + 6 : place + 10]
        place += 10 + sum((byte & 0x7F) << shift for byte, shift in zip(size, (21, 14, 7, 0), strict=True))
    return place


def _frame(content: bytes | mmap.mmap, place: int) -> tuple[int, int] | None:
    """Return the bytes and the samples of the frame at a place; None where there is none of layer III."""
    head = content[place : place + 4]
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return None
    version, layer = head[1] >> 3 & 3, head[1] >> 1 & 3
    rate_index = head[2] >> 2 & 3
    if version not in HERTZ or layer != LAYER_3 or rate_index == 3:
        return None
    kilobits = KILOBITS[1 if version == 3 else 2][head[2] >> 4]
    if kilobits == 0:
        return None
    num_samples = 1152 if version == 3 else 576
    size = num_samples // 8 * kilobits * 1000 // HERTZ[version][rate_index] + (head[2] >> 1 & 1)
    return size, num_samples
