"""The archive of Flight of the Amazon Queen: its table of contents, its dialogues, its voice clips.

All numbers are big-endian. The archive starts with a header of 15 bytes, then an entry per file:

    0   4  `QTBL`
    12  1  compression of the clips, 1 = MP3
    13  2  number of entries
    15  21 per entry: name (12, NUL-padded), bundle (1), absolute offset (4), size (4)

`*.SB` is a voice clip (bare MP3 frames), `*.DOG` a dialogue between Joe, the hero, and one other person.
"""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dada.errors import DataError

HERO = "JOE"
MP3 = 1
ENTRIES_AT = 15
ENTRY = struct.Struct(">12sBII")
DIALOGUE_SKIP = 20  # bytes before the part of a dialogue file that all its offsets count from
LEVEL_BYTES = 96  # one level of a dialogue's tree
TREE_AT = 32
PERSON_START_AT = 22  # holds where the other person's strings start
GESTURE = re.compile(
    r"\*(?:XY\d\d\(\d+,\d+\)|[A-Z]{2}|\d\d)"
)  # written into the text: *05, *FL, *XY03(120,98)


@dataclass(frozen=True)
class Line:
    """A segment of a dialogue's text. `clip` names its audio in the archive, and is empty without a voice
    clip.
    """

    name: str  # AND1-020006J1
    clip: str
    dialogue: str
    speaker: str
    text: str


class Archive:
    """`queen.1c`, its entries by name. Raise DataError for a file that is not such an archive."""

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        try:
            content = self.path.read_bytes()
        except OSError as error:
            raise DataError(
                f"the game archive {self.path} cannot be read ({error.strerror}): run stage prepare_data "
                "to fetch it"
            ) from error
        if content[:4] != b"QTBL" or len(content) < ENTRIES_AT:
            raise DataError(
                f"{self.path} is not an archive of the game: it does not start with QTBL; delete it and "
                "run again"
            )
        if content[12] != MP3:
            raise DataError(
                f"{self.path} holds clips of compression {content[12]}, expected {MP3} (MP3): take the "
                "Debian package's archive"
            )
        self.content = content
        self.entries = dict(self._read_entries(struct.unpack_from(">H", content, 13)[0]))

    def _read_entries(self, number: int) -> Iterator[tuple[str, tuple[int, int]]]:
        if ENTRIES_AT + number * ENTRY.size > len(self.content):
            raise DataError(f"{self.path} is cut within its table of contents: delete it and run again")
        for at in range(ENTRIES_AT, ENTRIES_AT + number * ENTRY.size, ENTRY.size):
            name, _, offset, size = ENTRY.unpack_from(self.content, at)
            name = name.rstrip(b"\0").decode("ascii")
            if offset + size > len(self.content):
                raise DataError(
                    f"{self.path} is cut: {name} ends at byte {offset + size} of {len(self.content)}; "
                    "delete it and run again"
                )
            yield name, (offset, size)

    def read(self, name: str) -> bytes:
        """Return the bytes of the file `name`."""
        try:
            offset, size = self.entries[name]
        except KeyError:
            raise DataError(f"{self.path} has no file {name}") from None
        return self.content[offset : offset + size]

    def lines(self) -> list[Line]:
        """Return every line of every dialogue, voiced or not, in the order of the archive."""
        dialogues = [name for name in self.entries if name.endswith(".DOG")]
        return [line for name in dialogues for line in self._lines_of(name)]

    def _lines_of(self, file: str) -> list[Line]:
        dialogue = file.removesuffix(".DOG")
        person = dialogue.rstrip("0123456789")
        content = self.read(file)[DIALOGUE_SKIP:]
        lines = []
        try:
            levels, _, talk_key, num_hero, num_person = struct.unpack_from(">hHHHH", content, 0)
            (person_start,) = struct.unpack_from(">H", content, PERSON_START_AT)
            hero_start = TREE_AT + LEVEL_BYTES * abs(levels)
            for speaker, letter, start, number in (
                (HERO, "J", hero_start, num_hero),
                (person, "P", person_start, num_person),
            ):
                for string_id, text in read_strings(content, start, number):
                    for segment, words in split_at_gestures(text).items():
                        clip = clip_name(talk_key, string_id, letter, segment)
                        name = f"{dialogue}-{clip.removesuffix('.SB')}"
                        lines.append(
                            Line(name, clip if clip in self.entries else "", dialogue, speaker, words)
                        )
        except (struct.error, IndexError) as error:
            raise DataError(f"{self.path}: the dialogue {file} ends too early ({error})") from error
        return lines


def read_strings(content: bytes, start: int, number: int) -> list[tuple[int, str]]:
    """Return `number` strings of a dialogue with their ids.

    The layout is two skipped bytes, id (2), length (1), and cp437 text padded to a multiple of 4.
    """
    strings = []
    at = start
    for _ in range(number):
        string_id, length = struct.unpack_from(">HB", content, at + 2)
        at += 5
        if at + length > len(content):
            raise IndexError(f"string {string_id} of {length} bytes at {at} of {len(content)}")
        if length:
            strings.append((string_id, content[at : at + length].decode("cp437")))
            at += length
            at += -at % 4
    return strings


def split_at_gestures(text: str) -> dict[int, str]:
    """Return the segments between gesture codes by their number from 1, empty segments included in the count.

    Each segment is spoken in a separate clip.

    >>> split_at_gestures("Hi there!*02*FLNice day. *03")
    {1: 'Hi there!', 3: 'Nice day.'}
    """
    stretches = enumerate(GESTURE.split(text), start=1)
    return {number: words for number, stretch in stretches if (words := " ".join(stretch.split()))}


def clip_name(talk_key: int, string_id: int, letter: str, segment: int) -> str:
    """Return the archive's name of a voiced segment.

    >>> clip_name(7, 0x2A, "P", 1)
    '07002AP1.SB'
    """
    return f"{talk_key:2d}{string_id:4x}{letter}{segment:x}".replace(" ", "0").upper() + ".SB"
