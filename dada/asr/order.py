"""The order in which utterances are cut into shards."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from dada.data.location import split_location
from dada.data.tables import read_table
from dada.errors import DataError


def by_length(utts: Sequence[str], locations: Mapping[str, str], utt2dur: Path) -> list[str]:
    """Return utterances from the shortest to the longest; equal ones keep their order.

    Without a whole table of durations, the size of a file stands for its length: a batch needs clips of
    similar length, and to open hundreds of thousands of files takes long. An entry of an ark counts as 0.
    Raise DataError for a duration that is no number.
    """
    durations = read_table(utt2dur) if utt2dur.exists() else {}
    if any(utt not in durations for utt in utts):
        return sorted(utts, key=lambda utt: _num_bytes(locations[utt]))
    seconds = {}
    for utt in utts:
        try:
            seconds[utt] = float(durations[utt])
        except ValueError:
            seconds[utt] = math.nan
        if not math.isfinite(seconds[utt]):
            raise DataError(
                f"{utt2dur}: the duration of {utt} is {durations[utt]!r}, not a number: correct it, or "
                "remove the file"
            )
    return sorted(utts, key=seconds.__getitem__)


def _num_bytes(location: str) -> int:
    path, offset = split_location(location)
    try:
        return Path(path).stat().st_size if offset is None else 0
    except OSError:
        return 0  # the shard that reads it says what is wrong
