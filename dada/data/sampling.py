"""Samplers of batches. The order depends on (seed, epoch) only, so that a resumed run repeats it exactly."""

import abc
import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from torch.utils.data import Sampler

from dada.errors import DataError

# Batches whose utterances are sorted by length together: similar lengths, still in random order.
BUCKET_BATCHES = 20

log = logging.getLogger(__name__)


class Draw(NamedTuple):
    """An utterance as an epoch takes it: what its crop and its augmentation depend on, besides the seed."""

    utt: int  # its index in the dataset
    epoch: int = 0
    occurrence: int = 0  # how often the epoch has taken this utterance before


class BatchSampler(Sampler[list[int]], abc.ABC):
    """Batches as lists of indices. `set_epoch` chooses the order, and `start` skips its first batches
    (resume).

    `accumulate` cuts each batch into so many parts, which come one after the other. With several processes
    (`world` > 1), each takes every world-th utterance of a part, beginning at `rank`. A part with fewer
    utterances than processes is filled by repetition. `drop_last` leaves out the last batch if it is smaller
    than the others.
    """

    def __init__(self, seed: int, rank: int = 0, world: int = 1, drop_last: bool = False) -> None:
        self.seed, self.rank, self.world, self.drop_last = seed, rank, world, drop_last
        self.epoch, self.start = 0, 0
        self.max_batches = 0  # of an epoch; 0 takes all
        self.accumulate = 1
        self._kept: tuple[tuple, list[list[int]]] | None = None

    def set_epoch(self, epoch: int, start: int = 0) -> None:
        self.epoch, self.start = epoch, start

    @abc.abstractmethod
    def batches(self, rng: np.random.Generator) -> list[list[int]]:
        """Return all batches of an epoch, with the utterances of all processes."""

    def epoch_batches(self) -> list[list[int]]:
        """Return the batches of this epoch, with the utterances of all processes. The last result is kept."""
        key = (self.epoch, self.max_batches)
        if self._kept is None or self._kept[0] != key:
            batches = self.batches(np.random.default_rng([self.seed, self.epoch]))
            self._kept = key, batches[: self.max_batches or None]
        return self._kept[1]

    def draws(self) -> Iterator[list[Draw]]:
        """Yield what `__iter__` does, each utterance with its epoch and its occurrence.

        These are the same for any number of processes, and in an epoch that is resumed.
        """
        taken: Counter[int] = Counter()
        for position, batch in enumerate(self.epoch_batches()):
            draws = []
            for i in batch:
                draws.append(Draw(i, self.epoch, taken[i]))
                taken[i] += 1
            if position >= self.start:
                yield from (self._share(part, self.rank) for part in self.parts(draws))

    def shares(self, position: int) -> list[list[list[int]]]:
        """Return, for each part of a batch of this epoch, the utterances of each process."""
        parts = self.parts(self.epoch_batches()[position])
        return [[self._share(part, rank) for rank in range(self.world)] for part in parts]

    def parts(self, batch: list[Any]) -> list[list[Any]]:
        """Cut a batch into `accumulate` parts of nearly equal size, two utterances at least in each."""
        return cut(batch, min(self.accumulate, len(batch) // 2))

    def _share(self, part: list[Any], rank: int) -> list[Any]:
        return part[rank :: self.world] or [part[rank % len(part)]]

    def __iter__(self) -> Iterator[list[int]]:
        for batch in self.epoch_batches()[self.start :]:
            yield from (self._share(part, self.rank) for part in self.parts(batch))

    def __len__(self) -> int:
        return sum(len(self.parts(batch)) for batch in self.epoch_batches()[self.start :])


class Shuffle(BatchSampler):
    """Every utterance once, in random order; `lengths` (N,) groups utterances of similar length."""

    def __init__(
        self,
        num_utts: int,
        batch_size: int,
        seed: int,
        lengths: Sequence[int] | None = None,
        **processes: Any,
    ) -> None:
        super().__init__(seed, **processes)
        self.num_utts, self.batch_size = num_utts, batch_size
        self.lengths = None if lengths is None else np.asarray(lengths).tolist()

    def batches(self, rng: np.random.Generator) -> list[list[int]]:
        order = rng.permutation(self.num_utts)
        lengths = self.lengths
        if lengths is None:
            return chunks(order, self.batch_size, self.drop_last)
        pools = chunks(order, self.batch_size * BUCKET_BATCHES)
        by_length = [sorted(pool, key=lengths.__getitem__) for pool in pools]
        batches = [batch for pool in by_length for batch in chunks(pool, self.batch_size, self.drop_last)]
        return [batches[i] for i in rng.permutation(len(batches))]


class Balanced(BatchSampler):
    """Equal shares of the classes: the largest class once, the others repeated until they are as large."""

    def __init__(self, labels: Sequence[int], batch_size: int, seed: int, **processes: Any) -> None:
        super().__init__(seed, **processes)
        classes = np.asarray(labels)
        self.members = [np.flatnonzero(classes == k) for k in np.unique(classes)]
        self.batch_size = batch_size

    def batches(self, rng: np.random.Generator) -> list[list[int]]:
        largest = max(len(members) for members in self.members)
        columns = [
            np.concatenate([rng.permutation(m) for _ in range(-(-largest // len(m)))])[:largest]
            for m in self.members
        ]
        alternating = np.stack(columns, axis=1).reshape(-1)  # an utterance of each class in turn
        return chunks(alternating, self.batch_size, self.drop_last)


class BalancedCorpora(BatchSampler):
    """Equal shares of the classes, and within a class of the corpora that have it. An epoch takes the largest
    group, a class of a corpus, once, and repeats the others.
    """

    def __init__(
        self, labels: Sequence[int], domains: Sequence[int], batch_size: int, seed: int, **processes: Any
    ) -> None:
        super().__init__(seed, **processes)
        classes, corpora = np.asarray(labels), np.asarray(domains)
        self.groups = [
            [np.flatnonzero((classes == k) & (corpora == d)) for d in np.unique(corpora[classes == k])]
            for k in np.unique(classes)
        ]
        self.batch_size = batch_size

    def batches(self, rng: np.random.Generator) -> list[list[int]]:
        size = max(len(groups) * max(map(len, groups)) for groups in self.groups)
        columns = []
        for groups in self.groups:
            each = -(-size // len(groups))
            repeated = [
                np.concatenate([rng.permutation(g) for _ in range(-(-each // len(g)))])[:each] for g in groups
            ]
            # In each turn the corpora come in another order, so that no rhythm of theirs meets that of the
            # batches.
            turns = rng.permuted(np.stack(repeated, axis=1), axis=1)
            columns.append(turns.reshape(-1)[:size])
        alternating = np.stack(columns, axis=1).reshape(-1)  # an utterance of each class in turn
        return chunks(alternating, self.batch_size, self.drop_last)


class BySteps(BatchSampler):
    """Every utterance once, and as many to a batch as fit into `budget` steps, padding included, but two at
    least.

    As in `Shuffle`, utterances of similar length come together, and the batches in random order.
    """

    def __init__(self, lengths: Sequence[int], budget: int, seed: int, **processes: Any) -> None:
        super().__init__(seed, **processes)
        self.lengths, self.budget = [max(int(length), 1) for length in lengths], budget
        too_long = sum(2 * length > budget for length in self.lengths)
        if too_long and not self.rank:
            log.warning(
                "train.batch_seconds: %d of %d utterances are longer than half of it, and a batch holds two "
                "at least: train.crop_size trains on stretches",
                too_long,
                len(self.lengths),
            )

    def batches(self, rng: np.random.Generator) -> list[list[int]]:
        order = rng.permutation(len(self.lengths))
        fitting = max(1, self.budget * len(self.lengths) // sum(self.lengths))  # utterances of mean length
        pools = chunks(order, fitting * BUCKET_BATCHES)
        by_length = [sorted(pool, key=self.lengths.__getitem__) for pool in pools]
        batches = [batch for pool in by_length for batch in self._fill(pool)]
        return [batches[i] for i in rng.permutation(len(batches))]

    def _fill(self, pool: Sequence[int]) -> list[list[int]]:
        """Cut a pool that is sorted by length."""
        batches: list[list[int]] = [[]]
        for i in pool:
            if len(batches[-1]) > 1 and (len(batches[-1]) + 1) * self.lengths[i] > self.budget:
                batches.append([])
            batches[-1].append(i)
        if len(batches) > 1 and len(batches[-1]) == 1:  # the longest takes the next one along
            last = batches.pop()
            before = batches.pop() + last
            batches += [before[:-2], before[-2:]] if len(before) > 3 else [before]
        return batches


class Triplets(BatchSampler):
    """Batches [anchors | positives | negatives] of `batch_size` triples. Every usable utterance is an anchor
    once per epoch.

    `groups` (N,) gives the speaker or class of each utterance, None for utterances to leave out. The positive
    is another utterance of the anchor's group, the negative a random utterance of a random other group.
    Groups of one utterance are left out, with a warning. Raise DataError if fewer than two groups remain.
    """

    def __init__(self, groups: Sequence[object], batch_size: int, seed: int, **processes: Any) -> None:
        super().__init__(seed, **processes)
        members: dict[object, list[int]] = {}
        for i, group in enumerate(groups):
            if group is not None:
                members.setdefault(group, []).append(i)
        names = sorted(members, key=str)
        single = [name for name in names if len(members[name]) < 2]
        if single:
            log.warning(
                "triplets: %d groups with one utterance are left out: %s",
                len(single),
                ", ".join(map(str, single[:10])),
            )
        self.members = [np.asarray(members[name]) for name in names if len(members[name]) > 1]
        if len(self.members) < 2:
            raise DataError(
                "triplets need two speakers or classes with two utterances each, but there are "
                f"{len(self.members)}"
            )
        self.batch_size = batch_size

    def batches(self, rng: np.random.Generator) -> list[list[int]]:
        return [[int(i) for column in triples.T for i in column] for triples in self._triples(rng)]

    def parts(self, batch: list[Any]) -> list[list[Any]]:
        """Cut a batch between its triples."""
        size = len(batch) // 3
        triples = list(zip(batch[:size], batch[size : 2 * size], batch[2 * size :], strict=True))
        parts = cut(triples, min(self.accumulate, size))
        return [[draw for column in zip(*part, strict=True) for draw in column] for part in parts]

    def _triples(self, rng: np.random.Generator) -> list[np.ndarray]:
        anchors = np.array([(k, j) for k, members in enumerate(self.members) for j in range(len(members))])
        triples = [self._triple(rng, k, j) for k, j in rng.permutation(anchors)]
        return [np.array(chunk) for chunk in chunks(triples, self.batch_size, self.drop_last)]

    def _triple(self, rng: np.random.Generator, k: int, j: int) -> tuple[int, int, int]:
        own = self.members[k]
        positive = own[(j + rng.integers(1, len(own))) % len(own)]
        other = self.members[(k + rng.integers(1, len(self.members))) % len(self.members)]
        return own[j], positive, other[rng.integers(len(other))]


class Halves(BatchSampler):
    """Batches of `batch_size` utterances of the first half and as many of the second. Every utterance of the
    larger half occurs once per epoch.

    The halves depend on the seed only, and have equal shares of each class. `second` holds the indices of the
    second half. Raise DataError if a half would have fewer than two utterances.
    """

    def __init__(self, labels: Sequence[int], batch_size: int, seed: int, **processes: Any) -> None:
        super().__init__(seed, **processes)
        rng = np.random.default_rng(seed)
        classes = np.asarray(labels)
        members = np.concatenate([rng.permutation(np.flatnonzero(classes == k)) for k in np.unique(classes)])
        self.halves = [members[::2], members[1::2]]
        self.second = frozenset(self.halves[1].tolist())
        if len(self.second) < 2:
            raise DataError(
                f"{len(labels)} utterances cannot be cut into two halves to train on: at least four "
                "are needed"
            )
        self.batch_size = batch_size

    def batches(self, rng: np.random.Generator) -> list[list[int]]:
        first, second = (
            chunks(rng.permutation(half), self.batch_size, self.drop_last) for half in self.halves
        )
        return [batch + second[i % len(second)] for i, batch in enumerate(first)]


def cut(items: list[Any], num_parts: int) -> list[list[Any]]:
    """Cut a list into neighbouring parts of nearly equal size, one at least."""
    num_parts = max(num_parts, 1)
    bounds = [len(items) * k // num_parts for k in range(num_parts + 1)]
    return [items[start:end] for start, end in zip(bounds, bounds[1:], strict=False)]


def chunks(items: Sequence[Any] | np.ndarray, size: int, drop_last: bool = False) -> list[list[Any]]:
    """Cut a sequence into lists of `size`. A last list of a single item is appended to the list before it, as
    batch normalisation needs two items.

    `drop_last` leaves out a smaller last list instead, unless it is the only list.
    """
    items = items.tolist() if isinstance(items, np.ndarray) else list(items)
    parts = [items[i : i + size] for i in range(0, len(items), size)]
    if drop_last and len(parts) > 1 and len(parts[-1]) < size:
        return parts[:-1]
    if len(parts) > 1 and len(parts[-1]) == 1 and size > 1:
        parts[-2:] = [parts[-2] + parts[-1]]
    return parts
