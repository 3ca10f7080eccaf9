"""Several channels as one: their average, unless that would lose what is in them."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

PIECE = 1 << 16  # samples whose products are added up at once
DEAD = 1e-6  # of the power of the loudest channel: -60 dB
# Power of the average over the mean power of the channels. Copies in opposite phase give 0, unrelated
# channels 0.5, two microphones before one voice 0.6 to 1.
CANCELLED = 0.02
AS_LOUD = 0.8  # of the power of the loudest channel: 1 dB; then the first is taken
# Correlation under which two channels are different recordings: the sides of a telephone call have about 0,
# two microphones in a room before one speaker 0.3 and more.
UNRELATED = 0.1


@dataclass
class Channels:
    """The powers of channels and of their products, added up block by block."""

    num_samples: int = 0
    products: np.ndarray = field(default_factory=lambda: np.zeros((1, 1)))  # (C, C), sums over time

    def add(self, block: np.ndarray) -> None:
        """Add samples (n, C)."""
        if not self.num_samples:
            self.products = np.zeros((block.shape[1], block.shape[1]))
        self.num_samples += len(block)
        for start in range(0, len(block), PIECE):
            part = block[start : start + PIECE].astype(np.float64)
            self.products += part.T @ part

    @property
    def powers(self) -> np.ndarray:
        """The power of each channel (C,), summed over time."""
        return np.diag(self.products)

    @property
    def alive(self) -> list[int]:
        """The channels that are not silent beside the loudest."""
        return [int(i) for i in np.flatnonzero(self.powers > DEAD * self.powers.max())]

    @property
    def cancel(self) -> bool:
        """Whether the average is far weaker than the channels."""
        alive = self.alive
        if len(alive) < 2:
            return False
        average = float(self.products[np.ix_(alive, alive)].sum()) / len(alive) ** 2
        return average < CANCELLED * float(self.powers[alive].mean())

    @property
    def chosen(self) -> list[int] | None:
        """The channels that are averaged; None for all."""
        alive = self.alive
        if self.cancel:
            loudest = self.powers.max()
            return [next(i for i in alive if self.powers[i] >= AS_LOUD * loudest)]
        return alive if 0 < len(alive) < len(self.powers) else None

    @property
    def correlation(self) -> float:
        """The smallest correlation, without its sign, of any two channels that are not silent; 1 for one."""
        alive = self.alive
        size = np.sqrt(self.powers[alive])
        matrix = np.abs(self.products[np.ix_(alive, alive)]) / np.outer(size, size)
        return float(matrix.min(initial=1.0))


def mixed(block: np.ndarray, chosen: Sequence[int] | None) -> np.ndarray:
    """Return samples (n, C) as the average of the chosen channels (n,)."""
    if block.shape[1] == 1:
        return block[:, 0]
    if chosen is None:
        return block.mean(axis=1)
    return block[:, chosen[0]] if len(chosen) == 1 else block[:, list(chosen)].mean(axis=1)
