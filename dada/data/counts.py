"""Compare the counts of a corpus with its published counts."""

from collections import Counter
from collections.abc import Mapping

from dada.data.datadir import BONAFIDE, NO_ATTACK, SPOOF, DataDir
from dada.errors import DataError

Counts = Mapping[str, Mapping[str, int]]  # split -> label or attack, or `all` -> utterances
ALL = "all"


def count(data: DataDir) -> dict[str, int]:
    """Return label -> number of utterances; empty without labels."""
    counts = Counter((data.labels or {}).values())
    return {label: counts[label] for label in (BONAFIDE, SPOOF) if label in counts}


def tally(labels: Mapping[str, str] | None, attacks: Mapping[str, str] | None, total: int) -> dict[str, int]:
    """Return the number of utterances of every label and every attack, and of `all`."""
    names = Counter((labels or {}).values()) + Counter(
        name for name in (attacks or {}).values() if name != NO_ATTACK
    )
    return {**names, ALL: total}


def differences(actual: Counts, expected: Counts) -> str:
    """Return the counts that differ from `expected`, e.g. `dev: 2 bonafide, expected 3`, or an empty text.

    Raise DataError if labels look swapped.
    """
    differing, swapped = [], []
    for split, wanted in expected.items():
        if split not in actual:
            continue
        there = actual[split]
        differing += [
            f"{split}: {there.get(label, 0)} {label}, expected {number}"
            for label, number in wanted.items()
            if there.get(label, 0) != number
        ]
        both = there.get(BONAFIDE), there.get(SPOOF)
        if None not in both and both[0] != both[1] and both == (wanted.get(SPOOF), wanted.get(BONAFIDE)):
            swapped.append(split)
    if swapped:
        raise DataError(
            f"the labels of {', '.join(swapped)} look swapped ({'; '.join(differing)}): correct the "
            "corpus's list"
        )
    return "; ".join(differing)
