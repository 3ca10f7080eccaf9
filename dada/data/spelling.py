"""Names in lists that differ from those of the files in letter case, form of Unicode, or kind of slash.

Windows and macOS take such names for the same file, so that a list made there fails on another system:
`JOE\\1.WAV` for `joe/1.wav`, or `e` with a combining accent (NFD, as macOS unpacks archives) for one letter
(NFC).
"""

import logging
import posixpath
import unicodedata
from collections.abc import Iterable, Mapping

log = logging.getLogger(__name__)
SHOWN = 3  # names that one message spells out


def spelling(name: str) -> str:
    """Return a name without these differences.

    >>> spelling("JOE\\\\A\\u0308.WAV") == spelling("joe/\\u00e4.wav")
    True
    """
    folded = unicodedata.normalize("NFC", name.replace("\\", "/")).casefold()
    return posixpath.normpath(unicodedata.normalize("NFC", folded))


def respelled(wanted: Iterable[str], there: Iterable[str], where: str) -> tuple[dict[str, str], list[str]]:
    """Return wanted name -> the one that is there and differs only in its spelling, and what stays unclear.

    A name that several are the spelling of, or that is wanted twice, is not matched but explained. The number
    of matches is logged, with `where` for the place.
    """
    alike: dict[str, list[str]] = {}
    for name in there:
        alike.setdefault(spelling(name), []).append(name)
    asked: dict[str, list[str]] = {}
    for name in wanted:
        asked.setdefault(spelling(name), []).append(name)
    found: dict[str, str] = {}
    unclear = []
    for form, names in asked.items():
        files = alike.get(form, [])
        if len(files) == len(names) == 1:
            found[names[0]] = files[0]
        elif files:
            unclear.append(f"{', '.join(map(repr, names))} may be {' or '.join(map(repr, sorted(files)))}")
    if found:
        log.warning("%s: %s", where, _matches(found))
    return found, unclear


def _matches(found: Mapping[str, str]) -> str:
    shown = ", ".join(f"{name!r} is {file!r}" for name, file in list(found.items())[:SHOWN])
    more = ", …" if len(found) > SHOWN else ""
    what = "names differ from those of the files in letter case, form of Unicode or slashes, and are matched"
    return f"{len(found):,} {what}: {shown}{more}"
