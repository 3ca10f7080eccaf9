"""Batches: every utterance as promised, the same for the same seed and epoch, and from any position on."""

import collections

import pytest

from dada.data.sampling import Balanced, Halves, Shuffle, Triplets
from dada.errors import DataError

GROUPS = ["a", "a", "a", "b", "b", None, "c", "d", "d"]
SAMPLERS = {
    "shuffle": lambda seed, **p: Shuffle(23, 4, seed, **p),
    "bucketed": lambda seed, **p: Shuffle(23, 4, seed, lengths=[i * 7 % 23 for i in range(23)], **p),
    "balanced": lambda seed, **p: Balanced([0] * 5 + [1] * 18, 4, seed, **p),
    "halves": lambda seed, **p: Halves([0] * 5 + [1] * 18, 4, seed, **p),
    "triplets": lambda seed, **p: Triplets(GROUPS, 2, seed, **p),
}


def epoch(sampler, number: int, start: int = 0) -> list[list[int]]:
    sampler.set_epoch(number, start)
    batches = list(sampler)
    assert len(sampler) == len(batches)
    return batches


@pytest.mark.parametrize("make", SAMPLERS.values(), ids=SAMPLERS)
def test_order_depends_on_seed_and_epoch_alone(make):
    sampler = make(1)
    first, second = epoch(sampler, 0), epoch(sampler, 1)
    assert first != second and epoch(make(1), 1) == second and epoch(make(2), 1) != second
    assert epoch(sampler, 1, start=3) == second[3:]


def test_part_of_an_epoch_is_another_part_in_the_next():
    sampler = SAMPLERS["shuffle"](1)
    whole = epoch(sampler, 0)
    sampler.max_batches = 2
    first, second = epoch(sampler, 0), epoch(sampler, 1)
    assert first == whole[:2] and len(second) == 2 and {*sum(first, [])} != {*sum(second, [])}


@pytest.mark.parametrize("make", SAMPLERS.values(), ids=SAMPLERS)
def test_processes_share_each_batch(make):
    whole = epoch(make(1), 4)
    shares = [epoch(make(1, rank=rank, world=2), 4) for rank in range(2)]
    assert len(whole) > 1
    for batch, first, second in zip(whole, *shares, strict=True):
        assert (first, second) == (batch[::2], batch[1::2])


def test_a_batch_smaller_than_the_processes_is_filled_up():
    (batch,) = epoch(Shuffle(3, 4, 1), 0)
    shares = [epoch(Shuffle(3, 4, 1, rank=rank, world=5), 0) for rank in range(5)]
    assert shares == [[[batch[i]]] for i in (0, 1, 2, 0, 1)]


def test_shuffle_takes_every_utterance_once_and_leaves_no_batch_of_one():
    for name in ("shuffle", "bucketed"):
        batches = epoch(SAMPLERS[name](1), 0)
        assert sorted(i for batch in batches for i in batch) == list(range(23))
    assert sorted(len(batch) for batch in epoch(Shuffle(21, 4, 1), 0)) == [4, 4, 4, 4, 5]


@pytest.mark.parametrize("name", ["shuffle", "bucketed", "balanced"])
def test_an_incomplete_last_batch_can_be_left_out(name):
    """5 batches of 4 of 23, or 9 of the 36 of two equal shares; the only batch of a small corpus stays."""
    batches = epoch(SAMPLERS[name](1, drop_last=True), 0)
    assert [len(batch) for batch in batches] == [4] * (9 if name == "balanced" else 5)
    assert epoch(Shuffle(3, 4, 1, drop_last=True), 0) == epoch(Shuffle(3, 4, 1), 0)
    assert [len(batch) for batch in epoch(Shuffle(9, 4, 1, drop_last=True), 0)] == [
        4,
        4,
    ]  # the ninth joins no batch


def test_buckets_hold_similar_lengths():
    lengths = [i * 7 % 23 for i in range(23)]
    batches = epoch(SAMPLERS["bucketed"](1), 0)
    assert len(batches) == 6
    for batch in batches:
        assert max(lengths[i] for i in batch) - min(lengths[i] for i in batch) < 4


def test_balanced_batches_hold_the_classes_in_equal_shares():
    batches = epoch(SAMPLERS["balanced"](1), 0)
    assert all(sum(i < 5 for i in batch) == 2 for batch in batches[:-1])
    counts = collections.Counter(i for batch in batches for i in batch)
    assert all(counts[i] == 1 for i in range(5, 23)) and all(counts[i] in (3, 4) for i in range(5))


def test_halves_stay_apart_with_equal_shares_of_the_classes():
    sampler = SAMPLERS["halves"](1)
    second = sampler.second
    assert len(second) == 11 and sum(i < 5 for i in second) == 2
    for number in (0, 1):
        batches = epoch(sampler, number)
        assert [len(batch) for batch in batches] == [8, 8, 7]
        assert all(len(second.intersection(batch)) == (4, 4, 3)[k] for k, batch in enumerate(batches))
        assert sorted(i for batch in batches for i in batch) == list(range(23))
    assert SAMPLERS["halves"](2).second != second
    with pytest.raises(DataError, match="two halves"):
        Halves([0, 1, 1], 4, 1)


def test_triples():
    triples = [
        t
        for batch in epoch(SAMPLERS["triplets"](1), 0)
        for t in zip(*[iter_third(batch, k) for k in range(3)], strict=True)
    ]
    assert sorted(anchor for anchor, _, _ in triples) == [0, 1, 2, 3, 4, 7, 8]
    for anchor, positive, negative in triples:
        assert (
            anchor != positive
            and GROUPS[anchor] == GROUPS[positive] != GROUPS[negative]
            and GROUPS[negative] not in (None, "c")
        )


def iter_third(batch: list[int], k: int) -> list[int]:
    size = len(batch) // 3
    return batch[k * size : (k + 1) * size]


def test_a_group_of_one_is_left_out_and_said_once(caplog):
    sampler = Triplets(GROUPS, 2, 1)
    epoch(sampler, 0), epoch(sampler, 1)
    assert [record.getMessage() for record in caplog.records] == [
        "triplets: 1 groups with one utterance are left out: c"
    ]
    with pytest.raises(DataError, match="two speakers or classes"):
        Triplets(["a", "a", "b"], 2, 1)
