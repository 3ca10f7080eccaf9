"""Which utterances of one set of audio are in another: the same file, the same bytes, or the same name and
samples.

Cheap first: every file is looked up once, only files of the same size are read, and only those of the same
name are decoded. A copy under another name and in another format is not found here; `dada validate` decodes
all that it is given, and finds it.
"""

import hashlib
import os
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from dada.data.audio import read_native, split_location
from dada.errors import DataError

BLOCK = 1 << 20  # bytes


@dataclass
class Seen:
    """`utts`: utterance of ours -> what it is in theirs. `namesakes` have the name of one of theirs, and
    other samples.
    """

    utts: dict[str, str] = field(default_factory=dict)
    namesakes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Place:
    """Where audio lies: device, file and offset, the same for links to it; and the size in bytes, None inside
    an ark.
    """

    identity: tuple
    size: int | None


def find_seen(ours: Mapping[str, str], theirs: Mapping[str, str | None], same_corpus: bool) -> Seen:
    """Compare two tables of utterance -> location. A location of None says that the audio is gone: then the
    name alone has to tell.

    In the `same_corpus` the same name is the same utterance, whatever was done to its audio.
    """
    places = [
        {utt: place for utt, at in table.items() if at and (place := _place(at))} for table in (ours, theirs)
    ]
    by_identity = {place.identity: utt for utt, place in places[1].items()}
    by_content = _by_content(ours, theirs, *places)
    found = Seen()
    for utt, location in ours.items():
        place = places[0].get(utt)
        if place and place.identity in by_identity:
            found.utts[utt] = by_identity[place.identity]
        elif utt in by_content:
            found.utts[utt] = by_content[utt]
        elif utt in theirs:
            if same_corpus or theirs[utt] is None or _same_samples(location, theirs[utt]):
                found.utts[utt] = utt
            else:
                found.namesakes.append(utt)
    return found


def _place(location: str) -> _Place | None:
    """None for a file that is not there: whoever reads it says so."""
    path, offset = split_location(location)
    try:
        status = os.stat(path)
    except OSError:
        return None
    return _Place((status.st_dev, status.st_ino, offset), status.st_size if offset is None else None)


def _by_content(
    ours, theirs, our_places: Mapping[str, _Place], their_places: Mapping[str, _Place]
) -> dict[str, str]:
    """Utterance of ours -> one of theirs whose file holds the same bytes."""
    sizes = defaultdict(list)
    for utt, place in their_places.items():
        if place.size is not None:
            sizes[place.size].append(utt)
    digests: dict[int, dict[str, str]] = {}
    found = {}
    for utt, place in our_places.items():
        if place.size not in sizes:
            continue
        if place.size not in digests:
            digests[place.size] = {_digest(theirs[other]): other for other in sizes[place.size]}
        same = digests[place.size].get(_digest(ours[utt]))
        if same:
            found[utt] = same
    return found


def _digest(path: str) -> str:
    digest = hashlib.blake2b(digest_size=16)
    with open(path, "rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _same_samples(first: str, second: str) -> bool:
    """Whether two locations hold the same samples at 16 bits, so that a WAV equals its FLAC; False where one
    cannot be read.
    """
    try:
        (x, rate), (y, other_rate) = read_native(first), read_native(second)
    except DataError:
        return False
    return (
        rate == other_rate and x.shape == y.shape and np.array_equal(np.round(x * 32768), np.round(y * 32768))
    )
