"""Counts of a corpus against its published ones."""

from collections import Counter
from collections.abc import Mapping

from dada.data.datadir import BONAFIDE, NO_ATTACK, SPOOF, DataDir
from dada.errors import DataError

Counts = Mapping[str, Mapping[str, int]]  # split -> label or attack, or `all` -> utterances
ALL = "all"


def count(data: DataDir) -> dict[str, int]:
    """Label -> number of utterances; empty without labels."""
    found = Counter((data.labels or {}).values())
    return {label: found[label] for label in (BONAFIDE, SPOOF) if label in found}


def tally(labels: Mapping[str, str] | None, attacks: Mapping[str, str] | None, total: int) -> dict[str, int]:
    """Utterances of every label and every attack, and of `all`."""
    names = Counter((labels or {}).values()) + Counter(
        name for name in (attacks or {}).values() if name != NO_ATTACK
    )
    return {**names, ALL: total}


def differences(found: Counts, expected: Counts) -> str:
    """What of `expected` is not so, e.g. `dev: 2 bonafide, expected 3`; empty where all is. Raises DataError
    where labels look swapped.
    """
    told, swapped = [], []
    for split, wanted in expected.items():
        if split not in found:
            continue
        there = found[split]
        told += [
            f"{split}: {there.get(label, 0)} {label}, expected {number}"
            for label, number in wanted.items()
            if there.get(label, 0) != number
        ]
        both = there.get(BONAFIDE), there.get(SPOOF)
        if None not in both and both[0] != both[1] and both == (wanted.get(SPOOF), wanted.get(BONAFIDE)):
            swapped.append(split)
    if swapped:
        raise DataError(
            f"the labels of {', '.join(swapped)} look swapped ({'; '.join(told)}): correct the corpus's list"
        )
    return "; ".join(told)
