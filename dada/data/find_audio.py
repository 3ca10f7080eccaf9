"""Where the audio files of a corpus lie: by listing its folders, without opening a file."""

import logging
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from dada.errors import DataError

READABLE = (
    ".flac",
    ".wav",
    ".ogg",
    ".opus",
    ".mp3",
)  # what libsndfile 1.1 and later reads, the first of two being taken
UNREADABLE = (
    ".m4a",
    ".mp4",
    ".aac",
    ".wma",
    ".amr",
    ".webm",
    ".ape",
)  # speech in these must be converted first
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

    With `allow_missing`, utterances without a file are left out with a warning. Raises DataError naming
    folders that are not there, missing files, files that must be converted first, and utterances that two
    folders have.
    """
    wanted = list(utts)
    require_folders(folders)
    paths, foreign, twice = _list_all(folders, set(wanted))
    if twice:
        raise DataError(
            f"{len(twice)} utterances are in two folders, e.g. {listed(twice)}: remove one of each, or "
            "name the right folder"
        )
    _refuse_foreign([utt for utt in wanted if utt not in paths and utt in foreign], foreign)
    missing = [utt for utt in wanted if utt not in paths]
    if missing and (not allow_missing or len(missing) == len(wanted)):
        where = ", ".join(map(str, folders))
        raise DataError(
            f"{len(missing):,} of {len(wanted):,} audio files are not in {where}, e.g. {listed(missing)} "
            f"({' or '.join(READABLE[:2])}): is the archive unpacked to its end? "
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

    Raises DataError for a folder that is not there or has none, for files that must be converted first, and
    for names that are not UTF-8.
    """
    require_folders([root])
    paths: list[str] = []
    foreign: list[str] = []
    for folder, names in walk_files(root):
        below = os.path.relpath(folder, root).replace(os.sep, "/")
        for name in names:
            ending = os.path.splitext(name)[1].lower()
            if ending in READABLE or ending in UNREADABLE:
                (paths if ending in READABLE else foreign).append(name if below == "." else f"{below}/{name}")
    stems = {os.path.splitext(name)[0] for name in paths}
    left = sorted(name for name in foreign if os.path.splitext(name)[0] not in stems)
    if left:
        ending = os.path.splitext(left[0])[1]
        raise DataError(
            f"{len(left):,} files below {root} have a format that libsndfile does not read, e.g. "
            f"{listed(left)}: convert them first, "
            f"""`find {root} -name '*{ending}' -exec sh -c """
            f"""'ffmpeg -nostdin -i "$1" -ac 1 -ar 16000 "${{1%{ending}}}.flac"' - {{}} \\;`"""
        )
    if not paths:
        raise DataError(
            f"{root} holds no audio file ({', '.join(READABLE)}): unpack the archive there, or correct "
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

    Passes over what systems leave behind (LITTER), and logs the number. Raises DataError for a link to a
    folder that it lies in.
    """
    num_passed_over = 0

    def walk(folder: str, above: tuple[tuple[int, int], ...]) -> Iterator[tuple[str, list[str]]]:
        nonlocal num_passed_over
        status = os.stat(folder)
        place = (status.st_dev, status.st_ino)
        if place in above:
            raise DataError(
                f"{folder} is a link to {os.path.realpath(folder)}, which it lies in: remove the link"
            )
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


def _list_all(folders: Sequence[Path], wanted: set[str]) -> tuple[dict[str, str], dict[str, str], list[str]]:
    """Wanted utterance -> readable file, -> file that is not, and those that are in two folders."""
    rank = {ending: i for i, ending in enumerate(READABLE)}
    paths: dict[str, str] = {}
    foreign: dict[str, str] = {}
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
                if ending in UNREADABLE:
                    foreign[stem] = f"{folder}/{entry.name}"
                elif ending in rank:
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
    return paths, foreign, twice


def _refuse_foreign(utts: Sequence[str], files: dict[str, str]) -> None:
    if utts:
        folder, ending = os.path.dirname(files[utts[0]]), os.path.splitext(files[utts[0]])[1]
        raise DataError(
            f"{len(utts):,} utterances are there only in a format that libsndfile does not read, e.g. "
            f"{listed([files[u] for u in utts])}: "
            f'convert them first, `for f in {folder}/*{ending}; do ffmpeg -i "$f" -ac 1 -ar 16000 '
            f'"${{f%{ending}}}.flac"; done`'
        )
