"""Names of many trials, each name stored once: a speaker, an attack or a codec of 600,000 trials."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

NO_CLUSTER = "-"  # the speaker of a trial that is resampled by itself


@dataclass(frozen=True)
class Named:
    """One name for each of N trials: `codes` (N,) are indices into `names`."""

    names: Sequence[str]
    codes: np.ndarray

    @classmethod
    def of(cls, values: Iterable[str] | np.ndarray) -> "Named":
        """The names of trials, one after the other."""
        number: dict[str, int] = {}
        values = values.tolist() if isinstance(values, np.ndarray) else values
        codes = [number.setdefault(value, len(number)) for value in values]
        return cls(list(number), np.array(codes, dtype=np.int32))

    def __len__(self) -> int:
        return self.codes.size

    def __getitem__(self, chosen: np.ndarray) -> "Named":
        """The names of the trials of a mask (N,), or of indices."""
        return Named(self.names, self.codes[chosen])

    def are(self, name: str) -> np.ndarray:
        """A mask (N,) of the trials with a name."""
        return np.array([own == name for own in self.names], dtype=bool)[self.codes]

    def present(self) -> set[str]:
        """The names that some trial has."""
        counts = np.bincount(self.codes, minlength=len(self.names))
        return {self.names[code] for code in np.flatnonzero(counts).tolist()}

    def numbered(self, number: dict[str, int], missing: int) -> np.ndarray:
        """The numbers (N,) that a dict gives to the names, `missing` where it does not have one."""
        table = np.array([number.get(name, missing) for name in self.names], dtype=np.int64)
        return table[self.codes]

    def tolist(self) -> list[str]:
        """The names of all trials (N,)."""
        return [self.names[code] for code in self.codes.tolist()]


def clusters_by_attack(is_bonafide: np.ndarray, speakers: Named, attacks: Named) -> Named:
    """Names of clusters (N,) that ask what other attacks would have given: of a spoof its attack, of bona
    fide speech its speaker.
    """
    names = [
        NO_CLUSTER if name == NO_CLUSTER else f"{kind} {name}"
        for kind, part in (("speaker", speakers), ("attack", attacks))
        for name in part.names
    ]
    return Named(names, np.where(is_bonafide, speakers.codes, attacks.codes + len(speakers.names)))
