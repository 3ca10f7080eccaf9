"""Utterances of an evaluated set that are in the training data: the same file, the same bytes, or the same
name and samples.

Every file, also one in an ark, is looked up once, only files of the same size are read, and only those of
the same name are decoded. A copy under another name and in another format is missed; `dada validate` decodes
all audio and reports it.
"""

import hashlib
import os
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from dada.data.audio import read_native, read_stored
from dada.data.audio_arks import Entry
from dada.data.location import split_location
from dada.errors import DataError


@dataclass
class Seen:
    """The evaluated utterances that are in the training data."""

    # evaluated utterance -> utterance of the training data
    utts: dict[str, str] = field(default_factory=dict)
    namesakes: list[str] = field(default_factory=list)  # the same name, but other samples


@dataclass(frozen=True)
class _Place:
    """Where audio lies."""

    identity: tuple[int, int, int | None]  # device, file and offset: the same for links
    size: int | None  # bytes; None for what is no entry of an ark


def find_seen(evaluated: Mapping[str, str], trained: Mapping[str, str | None], same_corpus: bool) -> Seen:
    """Compare two tables of utterance -> location. A location of None means that the audio is gone: then only
    the name is compared.

    In the `same_corpus` the same name is the same utterance, whatever was done to its audio.
    """
    places = [
        {utt: place for utt, at in table.items() if at and (place := _place(at))}
        for table in (evaluated, trained)
    ]
    by_identity = {place.identity: utt for utt, place in places[1].items()}
    by_content = _by_content(evaluated, trained, *places)
    matches = Seen()
    for utt, location in evaluated.items():
        place = places[0].get(utt)
        if place and place.identity in by_identity:
            matches.utts[utt] = by_identity[place.identity]
        elif utt in by_content:
            matches.utts[utt] = by_content[utt]
        elif utt in trained:
            other = trained[utt]
            if same_corpus or other is None or _same_samples(location, other):
                matches.utts[utt] = utt
            else:
                matches.namesakes.append(utt)
    return matches


def _place(location: str) -> _Place | None:
    """Return the place of audio; None for a missing file, which is reported when it is read."""
    path, offset = split_location(location)
    try:
        status = os.stat(path)
    except OSError:
        return None
    size: int | None = status.st_size
    if offset is not None:
        try:
            size = Entry(path, offset).size
        except (OSError, DataError):
            size = None
    return _Place((status.st_dev, status.st_ino, offset), size)


def _by_content(
    evaluated: Mapping[str, str],
    trained: Mapping[str, str | None],
    places: Mapping[str, _Place],
    trained_places: Mapping[str, _Place],
) -> dict[str, str]:
    """Return evaluated utterance -> utterance of the training data whose file has the same bytes."""
    sizes: dict[int, list[str]] = defaultdict(list)
    for utt, place in trained_places.items():
        if place.size is not None:
            sizes[place.size].append(utt)
    digests: dict[int, dict[str, str]] = {}
    matches = {}
    for utt, place in places.items():
        if place.size is None or place.size not in sizes:
            continue
        if place.size not in digests:
            digests[place.size] = {_digest(trained[other]): other for other in sizes[place.size]}
        same = digests[place.size].get(_digest(evaluated[utt]))
        if same:
            matches[utt] = same
    return matches


def _digest(location: str | None) -> str:
    assert location is not None  # an utterance with a place has a file
    return hashlib.blake2b(read_stored(location), digest_size=16).hexdigest()


def _same_samples(first: str, second: str) -> bool:
    """Whether two locations have the same samples at 16 bits, as a WAV and its FLAC do; False if either
    cannot be read.
    """
    try:
        (x, rate), (y, other_rate) = read_native(first), read_native(second)
    except DataError:
        return False
    return (
        rate == other_rate and x.shape == y.shape and np.array_equal(np.round(x * 32768), np.round(y * 32768))
    )
