"""Where the audio files of a corpus lie: by listing its folders, without opening a file."""

import logging
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from dada.data.spelling import respelled
from dada.errors import DataError

# Endings of audio files, the first of two files of one name being taken; libsndfile reads those of the first
# line, and dada.data.sound the others.
PLAIN = (".flac", ".wav", ".ogg", ".opus", ".mp3", ".aiff", ".aif", ".au", ".w64", ".caf", ".sph")
CONTAINERS = (
    ".m4a", ".mp4", ".aac", ".oga", ".spx", ".webm", ".mka", ".mkv", ".mov", ".wma", ".amr", ".3gp", ".ac3",
    ".ape", ".wv", ".tta", ".avi", ".flv", ".mpg",
)  # fmt: skip
READABLE = PLAIN + CONTAINERS
SHOWN = 10  # names that one message spells out
# Files and folders that operating systems and file servers leave beside the audio; some end like audio files.
LITTER = re.compile(
    r"\._.*|__MACOSX|\.AppleDouble|\.DS_Store|Thumbs\.db|desktop\.ini|@eaDir|\$RECYCLE\.BIN|\.Trash.*|"
    r"\.ipynb_checkpoints",
    re.IGNORECASE,
)
NOT_TEXT = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")  # control characters, and bytes that are not UTF-8

log = logging.getLogger(__name__)


def find_audio(folders: Sequence[Path], utts: Iterable[str], allow_missing: bool = False) -> dict[str, str]:
    """Utterance -> the path of its file, `<utterance>.flac` or another readable ending, in one of the
    folders.

    A file whose name differs in letter case or form of Unicode is taken where only one does. With
    `allow_missing`, utterances without a file are left out with a warning. Raises DataError naming folders
    that are not there, missing files, and utterances that two folders have.
    """
    wanted = list(utts)
    require_folders(folders)
    paths, twice = _list_all(folders, set(wanted))
    if twice:
        raise DataError(
            f"{len(twice)} utterances are in two folders, e.g. {listed(twice)}: remove one of each, or "
            "name the right folder"
        )
    missing = [utt for utt in wanted if utt not in paths]
    unclear: list[str] = []
    if missing:
        others = _stems(folders, set(paths))
        matched, unclear = respelled(missing, others, "the list of utterances")
        paths |= {utt: others[stem] for utt, stem in matched.items()}
        missing = [utt for utt in missing if utt not in paths]
    if missing and (not allow_missing or len(missing) == len(wanted)):
        where = ", ".join(map(str, folders))
        raise DataError(
            f"{len(missing):,} of {len(wanted):,} audio files are not in {where}, e.g. {listed(missing)} "
            f"({' or '.join(READABLE[:2])}){_unclear(unclear)}: is the archive unpacked to its end? "
            "corpus.options.allow_missing=true leaves such utterances out"
        )
    if missing:
        log.warning(
            "%d of %d utterances are left out, since their audio is not there: %s",
            len(missing),
            len(wanted),
            listed(missing),
        )
    return {utt: paths[utt] for utt in wanted if utt in paths}


def walk_audio(root: Path) -> list[str]:
    """The readable audio files anywhere below a folder, relative to it with `/`, in C order.

    A container such as MP4 is passed over beside plain audio of the same name, its sound. Raises DataError
    for a folder that is not there or has none, and for names that are not UTF-8.
    """
    require_folders([root])
    paths: list[str] = []
    videos: list[str] = []
    for folder, names in walk_files(root):
        below = os.path.relpath(folder, root).replace(os.sep, "/")
        for name in names:
            ending = os.path.splitext(name)[1].lower()
            if ending in READABLE:
                (paths if ending in PLAIN else videos).append(name if below == "." else f"{below}/{name}")
    stems = {os.path.splitext(name)[0] for name in paths}
    paths += [name for name in videos if os.path.splitext(name)[0] not in stems]
    if not paths:
        raise DataError(
            f"{root} holds no audio file ({', '.join(READABLE[:5])}, …): unpack the archive there, or mend "
            "the path"
        )
    if odd := [name for name in paths if NOT_TEXT.search(name)]:
        shown = listed([ascii(name) for name in odd])
        raise DataError(
            f"{len(odd):,} files below {root} have names that are not UTF-8 or hold control characters, e.g. "
            f"{shown}: rename them"
        )
    return sorted(paths, key=str.encode)


def walk_files(root: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield (folder, names of its files) for a folder and all below it, links to folders included.

    Passes over what systems leave behind (LITTER), and logs the number; passes over links to a folder that
    they lie in, and names the first.
    """
    num_passed_over = 0
    circles: list[str] = []

    def walk(folder: str, above: tuple[tuple[int, int], ...]) -> Iterator[tuple[str, list[str]]]:
        nonlocal num_passed_over
        status = os.stat(folder)
        place = (status.st_dev, status.st_ino)
        if place in above:
            circles.append(folder)
            return
        below: list[str] = []
        files: list[str] = []
        with os.scandir(folder) as entries:
            for entry in entries:
                if LITTER.fullmatch(entry.name):
                    num_passed_over += 1
                else:
                    (below if entry.is_dir() else files).append(entry.name)
        yield folder, files
        for name in below:
            yield from walk(os.path.join(folder, name), (*above, place))

    yield from walk(str(root), ())
    if num_passed_over:
        log.info("%s: passed over %d files and folders such as ._* and __MACOSX", root, num_passed_over)
    if circles:
        what = "links to folders that they lie in are passed over"
        log.warning("%s: %d %s, e.g. %s", root, len(circles), what, circles[0])


def find_folder(root: Path, *candidates: str) -> Path:
    """The first of `root/<candidate>` that is there, so that both a corpus's folder and the one around it may
    be given (DataError).
    """
    require_folders([root])
    for candidate in candidates:
        if (root / candidate).exists():
            return root / candidate
    there = ", ".join(sorted(path.name for path in root.iterdir())[:SHOWN]) or "nothing"
    raise DataError(
        f"{root} has no {' nor '.join(candidates)} (there: {there}): unpack the archive there, or correct "
        "corpus.root"
    )


def require_folders(folders: Iterable[Path]) -> None:
    """Raise DataError for a folder that is not there."""
    for folder in folders:
        if not Path(folder).is_dir():
            raise DataError(
                f"the folder {folder} does not exist: unpack the archive that holds it there, or correct "
                "the path"
            )


def listed(names: Sequence[str]) -> str:
    """The first few names, and how many more there are."""
    more = f", … and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def _list_all(folders: Sequence[Path], wanted: set[str]) -> tuple[dict[str, str], list[str]]:
    """Wanted utterance -> readable file, and those that are in two folders."""
    rank = {ending: i for i, ending in enumerate(READABLE)}
    paths: dict[str, str] = {}
    twice: list[str] = []
    two_endings: list[str] = []
    for folder in map(os.path.abspath, folders):
        in_folder: dict[str, str] = {}
        with os.scandir(folder) as entries:
            for entry in entries:
                stem, dot, ending = entry.name.rpartition(".")
                ending = dot + ending.lower()
                if stem not in wanted:
                    continue
                if ending in rank:
                    if stem in in_folder:
                        two_endings.append(stem)
                        if rank[os.path.splitext(in_folder[stem])[1].lower()] < rank[ending]:
                            continue
                    in_folder[stem] = f"{folder}/{entry.name}"
        twice += sorted(in_folder.keys() & paths.keys())
        paths |= in_folder
    if two_endings:
        what = (
            f"{len(two_endings)} utterances have two audio files side by side ({listed(sorted(two_endings))})"
        )
        log.warning("%s: the first ending of %s is taken", what, " ".join(READABLE))
    return paths, twice


def _stems(folders: Sequence[Path], taken: set[str]) -> dict[str, str]:
    """Name without ending -> path of the readable files that are not `taken`, the first ending of two."""
    found: dict[str, str] = {}
    for folder in map(os.path.abspath, folders):
        names = sorted(os.listdir(folder), key=lambda name: _rank(os.path.splitext(name)[1].lower()))
        for name in names:
            stem, ending = os.path.splitext(name)
            if ending.lower() in READABLE and stem not in taken and not LITTER.fullmatch(name):
                found.setdefault(stem, f"{folder}/{name}")
    return found


def _rank(ending: str) -> int:
    return READABLE.index(ending) if ending in READABLE else len(READABLE)


def _unclear(sentences: Sequence[str]) -> str:
    """Return what is there under several spellings, for a message."""
    return f"; {'; '.join(sentences[:SHOWN])}" if sentences else ""
