"""Choose some utterances of a data directory, or divide a corpus into splits, reproducibly."""

import random
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from dada.data.datadir import DataDir
from dada.errors import DataError
from dada.storage.reading import read_text

NUM_SHOWN = 10  # groups that a message spells out
ADVICE = "give a text file with one utterance a line"


def spread(items: Sequence[str], num: int) -> list[str]:
    """Return `num` items at even distances, so that a sorted list gives some of everything; all if there are
    fewer.

    >>> spread(["a", "b", "c", "d", "e"], 2)
    ['a', 'c']
    """
    num = min(num, len(items))
    return [items[i * len(items) // num] for i in range(num)]


def select(
    data: DataDir, speakers: Collection[str] = (), per_speaker: int | None = None, num: int | None = None
) -> list[str]:
    """Return evenly spread utterances: of `speakers` (empty: all), `per_speaker` of each, `num` in total.

    A speaker with fewer utterances gives all of them. Raise DataError for an unknown speaker, or fewer than
    `num` utterances.
    """
    unknown = sorted(set(speakers) - set(data.speakers.values()))
    if unknown:
        known = sorted(set(data.speakers.values()))
        some = ", ".join(known[:20]) + (", …" if len(known) > 20 else "")
        raise DataError(f"{data.path / 'utt2spk'} has no speaker {', '.join(unknown)}; it has {some}")
    utts = [utt for utt in data.utts if not speakers or data.speakers[utt] in speakers]
    if per_speaker is not None:
        groups: dict[str, list[str]] = {}
        for utt in utts:
            groups.setdefault(data.speakers[utt], []).append(utt)
        utts = sorted(
            (utt for group in groups.values() for utt in spread(group, per_speaker)), key=str.encode
        )
    if num is not None:
        if num > len(utts):
            raise DataError(f"{data.path} has {len(utts)} such utterances, not {num}: ask for fewer")
        utts = spread(utts, num)
    return utts


def read_list(path: Path) -> list[str]:
    """Return the first word of every line of a file, a list of utterances or any table.

    Raise DataError for a missing or empty file.
    """
    words = [line.split()[0] for line in read_text(path, ADVICE).splitlines() if line.strip()]
    if not words:
        raise DataError(f"{path} names no utterance: {ADVICE}")
    return words


def divide(groups: Sequence[str], shares: Mapping[str, float], seed: int) -> dict[str, str]:
    """Return each distinct group -> a split, drawn with `seed`: every split gets its share, and at least one.

    The first split takes what rounding leaves. Raise DataError if there are fewer groups than splits.
    """
    names = sorted(set(groups))
    if len(names) < len(shares):
        some = ", ".join(names[:NUM_SHOWN])
        raise DataError(f"{len(names)} groups ({some}) cannot fill the splits {', '.join(shares)}")
    random.Random(seed).shuffle(names)
    first, *others = shares
    owner: dict[str, str] = {}
    for rank, split in enumerate(others):
        # One group is kept for each of the later splits and for the first.
        left = len(names) - len(owner) - (len(others) - rank)
        count = min(left, max(1, round(len(names) * shares[split] / sum(shares.values()))))
        owner.update(dict.fromkeys(names[len(owner) : len(owner) + count], split))
    return {name: owner.get(name, first) for name in names}
