"""Choosing some utterances of a data directory, the same ones every time."""

from collections.abc import Collection, Sequence
from pathlib import Path

from dada.data.datadir import DataDir
from dada.errors import DataError


def spread(items: Sequence[str], num: int) -> list[str]:
    """`num` items at even distances, so that a sorted list gives some of everything; all where there are
    fewer.

    >>> spread(["a", "b", "c", "d", "e"], 2)
    ['a', 'c']
    """
    num = min(num, len(items))
    return [items[i * len(items) // num] for i in range(num)]


def select(
    data: DataDir, speakers: Collection[str] = (), per_speaker: int | None = None, num: int | None = None
) -> list[str]:
    """Utterances of `speakers` (empty: of all), then `per_speaker` of each, then `num` in all, always evenly
    spread.

    A speaker with fewer utterances gives all of them. Raises DataError for an unknown speaker, or fewer than
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
            raise DataError(
                f"{data.path} has {len(utts)} such utterances, and {num} are asked for: ask for fewer"
            )
        utts = spread(utts, num)
    return utts


def read_list(path: Path) -> list[str]:
    """The first word of every line of a file: a list of utterances, or any table. Raises DataError for a
    missing or empty one.
    """
    try:
        words = [
            line.split()[0] for line in Path(path).read_text(encoding="utf-8").splitlines() if line.strip()
        ]
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            f"{path} cannot be read ({error}): give a text file with one utterance a line"
        ) from error
    if not words:
        raise DataError(f"{path} names no utterance: give a text file with one utterance a line")
    return words
