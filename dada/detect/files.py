"""Which files are to be answered on: files, folders, patterns, lists, and tables with speakers."""

import glob
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from dada.data.find_audio import LITTER
from dada.errors import DataError
from dada.formats.csv_list import read_rows
from dada.storage.reading import read_text

# Endings of files that a folder is searched for. A file that is named is read whatever its ending.
ENDINGS = frozenset(
    ".flac .wav .ogg .oga .opus .mp3 .m4a .m4b .mp4 .aac .wma .amr .webm .mkv .mov .avi .3gp".split()
    + ".aif .aiff .aifc .au .snd .caf .w64 .rf64 .ape".split()
)
STDIN = "-"


@dataclass(frozen=True)
class Request:
    """A file, and its purported speaker where one is named."""

    path: str
    speaker: str | None = None


@dataclass
class Found:
    """The files in their order, and how many in folders were left out as no audio."""

    requests: list[Request]
    left_out: int = 0


def collect(arguments: Sequence[str], lists: Sequence[str], speaker: str | None) -> Found:
    """Return the files of the arguments and of `--list`. Raise DataError where one of them names no file."""
    found = Found([])
    for argument in arguments:
        if Path(argument).is_dir():
            _add_folder(found, argument, speaker)
        elif _is_pattern(argument):
            _add_pattern(found, argument, speaker)
        else:
            found.requests.append(Request(argument, speaker))
    for name in lists:
        found.requests += _listed(name, speaker)
    if not found.requests:
        raise DataError("no audio file is named: give files, folders, patterns in quotes, or --list")
    return found


def _add_folder(found: Found, folder: str, speaker: str | None) -> None:
    """Add the audio files anywhere below a folder, in the order of their names."""
    seen: set[tuple[int, int]] = set()
    before, left_out = len(found.requests), found.left_out
    for parent, folders, names in os.walk(folder, followlinks=True):
        status = Path(parent).stat()
        if (status.st_dev, status.st_ino) in seen:  # a link back to a folder above
            folders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        folders[:] = sorted(name for name in folders if not LITTER.fullmatch(name))
        for name in sorted(names):
            audio = not LITTER.fullmatch(name) and Path(name).suffix.lower() in ENDINGS
            found.left_out += not audio
            if audio:
                found.requests.append(Request(str(Path(parent, name)), speaker))
    if len(found.requests) == before:
        others = found.left_out - left_out
        raise DataError(f"{folder} is a folder without audio files ({others} others): name another one")


def _is_pattern(argument: str) -> bool:
    return glob.has_magic(argument) and not Path(argument).exists()


def _add_pattern(found: Found, pattern: str, speaker: str | None) -> None:
    # Path.glob takes no absolute patterns.
    matches = glob.glob(pattern, recursive=True)  # noqa: PTH207
    names = sorted(name for name in matches if Path(name).is_file())
    if not names:
        raise DataError(f"{pattern}: no file has such a name")
    found.requests += [Request(name, speaker) for name in names]


def _listed(name: str, speaker: str | None) -> Iterator[Request]:
    """Yield the files of a list: a path a line, or a CSV with the columns path and, if it likes, speaker.

    Paths are relative to the folder of the list; those of standard input to the working directory.
    """
    if name == STDIN:
        yield from _lines(sys.stdin.read(), Path(), speaker)
        return
    path = Path(name)
    if path.suffix.lower() not in (".csv", ".tsv"):
        yield from _lines(read_text(path), path.parent, speaker)
        return
    header = read_text(path).partition("\n")[0]
    columns = {"path": "path"} | ({"speaker": "speaker"} if "speaker" in header else {})
    for row in read_rows(path, columns, required=("path",)):
        named = row.values.get("speaker", "") or speaker
        yield Request(str(path.parent / row.values["path"]), named)


def _lines(text: str, folder: Path, speaker: str | None) -> Iterator[Request]:
    for line in text.splitlines():
        if line.strip():
            yield Request(str(folder / line.strip()), speaker)
