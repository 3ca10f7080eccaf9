"""Human speech that no figure spoke: the voice acting of the game *Beneath a Steel Sky*.

`sky.dnr` lists the files of `sky.dsk`; both are little-endian. After the number of entries (u32), an entry
has the file's number (u16), its offset (24 bits, the highest of which means units of 16 bytes) and its size
(24 bits, of which the two highest are flags). Files from 50000 on are speech: a header of 22 bytes, then
unsigned 8-bit samples at 11,025 Hz.
"""

import random
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from dada.errors import DataError

from .lines import SECONDS

RATE = 11_025  # Hz
ENTRY = struct.Struct("<HHBHB")  # number, offset and its highest byte, size and its highest byte
HEADER = 22  # bytes
SPEECH = range(50_000, 60_000)  # numbers; those above are partly no speech
# The game names no speakers. Files with near numbers belong to one part of the game, and so to one cast;
# these numbers begin parts, each behind a gap in the numbering.
SCENES = (50_000, 50_600, 51_100, 52_430, 53_380, 54_530, 55_080, 55_230)


class Sky:
    """The speech of the game by number. Raise DataError for files that are not the game's."""

    def __init__(self, folder: Path) -> None:
        self.disk = Path(folder) / "sky.dsk"
        try:
            self.content = self.disk.read_bytes()
            index = (Path(folder) / "sky.dnr").read_bytes()
        except OSError as error:
            raise DataError(
                f"{error.filename} cannot be read ({error.strerror}): run stage prepare_data to fetch it"
            ) from error
        if len(index) < 4 or len(index) < 4 + ENTRY.size * struct.unpack_from("<I", index)[0]:
            raise DataError(f"{Path(folder) / 'sky.dnr'} is cut: delete it and run again")
        self.entries = dict(self._read_entries(index))

    def _read_entries(self, index: bytes) -> Iterator[tuple[int, tuple[int, int]]]:
        for at in range(4, 4 + ENTRY.size * struct.unpack_from("<I", index)[0], ENTRY.size):
            number, low, high, size, size_high = ENTRY.unpack_from(index, at)
            offset = (low | (high & 0x7F) << 16) * (16 if high & 0x80 else 1)
            size |= (size_high & 0x3F) << 16
            if number in SPEECH:
                if offset + size > len(self.content):
                    raise DataError(
                        f"{self.disk} is cut: file {number} ends at byte {offset + size} of "
                        f"{len(self.content)}; delete it and run again"
                    )
                yield number, (offset, size)

    def seconds(self, number: int) -> float:
        """Return the duration of a file of speech."""
        return max(0, self.entries[number][1] - HEADER) / RATE

    def read(self, number: int) -> np.ndarray:
        """Return the samples of a file of speech, (T,) at RATE, without their mean."""
        offset, size = self.entries[number]
        raw = np.frombuffer(self.content, np.uint8, size - HEADER, offset + HEADER).astype(np.float32)
        return (raw - raw.mean()) / 128


def choose(sky: Sky, count: int, seed: int) -> list[int]:
    """Return the numbers of `count` files that are as long as the figures' lines."""
    usable = [number for number in sorted(sky.entries) if SECONDS[0] <= sky.seconds(number) <= SECONDS[1]]
    if count > len(usable):
        raise DataError(f"{sky.disk} has {len(usable)} clips of speech, and {count} are wanted")
    return sorted(random.Random(f"{seed} elsewhere").sample(usable, count))


def scene_of(number: int) -> int:
    """Return the part of the game in which a file is spoken.

    >>> scene_of(50_599), scene_of(50_600)
    (0, 1)
    """
    return sum(number >= first for first in SCENES) - 1
