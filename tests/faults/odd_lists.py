"""Odd folders and lists, and what the readers of corpora make of them, for docs/odd_inputs.md."""

import gzip
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from dada.data.find_audio import find_audio, walk_audio
from dada.formats.csv_list import find_files, read_rows
from dada.formats.folders import rows_of_folders

LIST = b"file,label\njoe/1.wav,real\njoe/2.wav,fake\n"


@dataclass(frozen=True)
class OddList:
    """Files of a folder (name -> content, or `-> target` of a link), and a reader of them.

    It returns `gives`, or refuses with a message that holds `says`, which otherwise is in what it logs.
    """

    what: str
    files: Mapping[str, bytes | str]
    read: Callable[[Path], object]
    gives: object = None
    says: str = ""

    def put(self, folder: Path) -> None:
        """Make the files."""
        for name, content in self.files.items():
            path = os.fsencode(folder / os.path.dirname(name))
            os.makedirs(path, exist_ok=True)
            if isinstance(content, str):
                os.symlink(folder / content, folder / name)
            else:
                Path(os.fsdecode(os.path.join(os.fsencode(folder), os.fsencode(name)))).write_bytes(content)

    def does(self) -> str:
        """Return a cell of the page."""
        if self.gives is None:
            return f"refuses it: `{self.says}`"
        return f"reads it, and says `{self.says}`" if self.says else "reads it"


def _listed(folder: Path) -> list[str]:
    """The files of `list.csv`, below the folder."""
    path = folder / "list.csv"
    rows = read_rows(path, {"file": "file", "label": "label"})
    return [os.path.relpath(name, folder) for name in find_files(path, rows, folder)]


def _found(*utts: str, folders: tuple[str, ...] = ("",)) -> Callable[[Path], list[str]]:
    def read(folder: Path) -> list[str]:
        found = find_audio([folder / name for name in folders], utts)
        return [os.path.relpath(name, folder) for name in found.values()]

    return read


def _labels(folder: Path) -> list[str]:
    return [row["label"] for row in rows_of_folders(folder)]


def _csv(what: str, content: bytes) -> OddList:
    return OddList(what, {"list.csv": content, **AUDIO}, _listed, list(AUDIO))


AUDIO = {"joe/1.wav": b"x", "joe/2.wav": b"x"}
NFC, NFD = "zo\u00eb", "zoe\u0308"
MATCHED = "names differ from those of the files in letter case, form of Unicode or slashes, and are matched"
LISTS = [
    OddList(
        "a list with backslashes",
        {"list.csv": LIST.replace(b"/", b"\\"), **AUDIO},
        _listed,
        list(AUDIO),
        f"2 {MATCHED}",
    ),
    OddList(
        "a list in other letter case",
        {"list.csv": LIST.replace(b"joe/1.wav", b"Joe/1.WAV"), **AUDIO},
        _listed,
        list(AUDIO),
        f"1 {MATCHED}",
    ),
    OddList(
        "a list in another form of Unicode (NFC, files in NFD)",
        {"list.csv": f"file,label\n{NFC}.wav,real\n".encode(), f"{NFD}.wav": b"x"},
        _listed,
        [f"{NFD}.wav"],
        f"1 {MATCHED}",
    ),
    OddList(
        "a list whose name may be two files",
        {"list.csv": b"file,label\nA.wav,real\n", "a.wav": b"x", "a.WAV": b"x"},
        _listed,
        says="'A.wav' may be 'a.WAV' or 'a.wav'",
    ),
    OddList(
        "a list with a missing file",
        {"list.csv": LIST, "joe/1.wav": b"x"},
        _listed,
        says="joe/2.wav does not exist",
    ),
    _csv("a list with a byte-order mark", b"\xef\xbb\xbf" + LIST),
    _csv("a list with line ends of Windows", LIST.replace(b"\n", b"\r\n")),
    _csv("a list with line ends of old Macs", LIST.replace(b"\n", b"\r")),
    _csv("a list without a last line end, with blank lines", LIST.rstrip().replace(b"\n", b"\n\n")),
    _csv("a list with semicolons", LIST.replace(b",", b";")),
    _csv("a list with tabs", LIST.replace(b",", b"\t")),
    _csv("a list with quotes", LIST.replace(b"joe/1.wav", b'"joe/1.wav"')),
    _csv("a list in gzip", gzip.compress(LIST)),
    OddList(
        "a list that is not UTF-8",
        {"list.csv": LIST + b"\xe9,real\n", **AUDIO},
        _listed,
        says="is not UTF-8 text",
    ),
    OddList(
        "a list with a file twice",
        {"list.csv": LIST + b"joe/1.wav,fake\n", **AUDIO},
        _listed,
        says="is already in line 2",
    ),
    OddList(
        "a list with a short line",
        {"list.csv": LIST + b"joe/3.wav\n", **AUDIO},
        _listed,
        says="1 values, but the first line names 2",
    ),
]
FOLDERS = [
    OddList(
        "`._*` and `__MACOSX` between the audio",
        {"a.wav": b"x", "._a.wav": b"x", "__MACOSX/a.wav": b"x", "Thumbs.db": b"x"},
        walk_audio,
        ["a.wav"],
        "passed over 3 files and folders such as ._* and __MACOSX",
    ),
    OddList("a link to a folder", {"x/a.wav": b"x", "y": "x"}, walk_audio, ["x/a.wav", "y/a.wav"]),
    OddList(
        "a link to the folder that it lies in",
        {"x/a.wav": b"x", "x/y": ""},
        walk_audio,
        ["x/a.wav"],
        "1 links to folders that they lie in are passed over",
    ),
    OddList(
        "a video beside its sound",
        {"a.mp4": b"x", "a.wav": b"x", "b.mp4": b"x"},
        walk_audio,
        ["a.wav", "b.mp4"],
    ),
    OddList("endings in capitals", {"A.WAV": b"x", "b.Flac": b"x"}, walk_audio, ["A.WAV", "b.Flac"]),
    OddList("a folder without audio", {"readme.txt": b"x"}, walk_audio, says="holds no audio file"),
    OddList("a name with a line break", {"a\nb.wav": b"x"}, walk_audio, says="hold control characters"),
    OddList(
        "a name that is not UTF-8", {"\udcff.wav": b"x"}, walk_audio, says="have names that are not UTF-8"
    ),
    OddList(
        "an utterance in other letter case",
        {"LA_1.flac": b"x"},
        _found("la_1"),
        ["LA_1.flac"],
        f"1 {MATCHED}",
    ),
    OddList(
        "an utterance in another form of Unicode",
        {f"{NFD}.wav": b"x"},
        _found(NFC),
        [f"{NFD}.wav"],
        f"1 {MATCHED}",
    ),
    OddList(
        "an utterance that may be two files",
        {"Ab.wav": b"x", "aB.wav": b"x"},
        _found("ab"),
        says="'ab' may be 'Ab' or 'aB'",
    ),
    OddList(
        "an utterance with two files",
        {"a.wav": b"x", "a.mp3": b"x"},
        _found("a"),
        ["a.wav"],
        "1 utterances have two audio files side by side",
    ),
    OddList(
        "an utterance in two folders",
        {"x/a.wav": b"x", "y/a.wav": b"x"},
        _found("a", folders=("x", "y")),
        says="1 utterances are in two folders",
    ),
    OddList("half of an archive", {"a.wav": b"x"}, _found("a", "b"), says="1 of 2 audio files are not in"),
    OddList(
        "an archive that is not unpacked",
        {"LA.zip": b"x"},
        _found("a", folders=("LA",)),
        says="unpack the archive",
    ),
    OddList(
        "folders named real and fake", {"Real/a.wav": b"x", "fake/b.wav": b"x"}, _labels, ["Real", "fake"]
    ),
    OddList(
        "audio outside of the folders of its class",
        {"real/a.wav": b"x", "b.wav": b"x"},
        _labels,
        says="lies in no folder that names its class",
    ),
]
ODD_LISTS = {"Lists": LISTS, "Folders": FOLDERS}
