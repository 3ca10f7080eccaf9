"""Several corpora as one, balanced, and batches by their duration."""

import collections

import numpy as np
import pytest
import torch

from dada.data.dataset import Dataset, digest, restrict
from dada.data.joined import Joined
from dada.data.loader import Loader
from dada.data.sampling import BalancedCorpora, BySteps, Draw
from dada.errors import ConfigError
from dada.experiment.config import TrainConfig
from dada.train.batches import make_sampler

CPU = torch.device("cpu")


def corpus(num: int, size: int = 40, crop_seed: int | None = None) -> Dataset:
    arrays = {f"u{i}": np.arange(size + i, dtype=np.float32) for i in range(num)}
    return Dataset(
        arrays,
        list(arrays),
        torch.arange(num) % 2,
        speakers=["-", "ann"] * (num // 2),
        lengths=[size + i for i in range(num)],
        size=10 if crop_seed is not None else None,
        rule="crop" if crop_seed is not None else "full",
        crop_seed=crop_seed,
        steps_per_second=100.0,
    )


def test_names_stay_apart_and_domains_are_known():
    joined = Joined([("", corpus(4)), ("mlaad/", corpus(2, 90))])
    assert joined.utts == ["u0", "u1", "u2", "u3", "mlaad/u0", "mlaad/u1"]
    assert joined.speakers == ["-", "ann", "-", "ann", "-", "mlaad/ann"]
    assert joined.sources[-1] == "mlaad/u1" and joined.lengths == [40, 41, 42, 43, 90, 91]
    assert joined.labels.tolist() == [0, 1, 0, 1, 0, 1] and joined.domains.tolist() == [0, 0, 0, 0, 1, 1]
    (batch,) = Loader(restrict(joined, [5, 0]), [[0, 1]], CPU)
    assert batch.utts == ["mlaad/u1", "u0"] and batch.domains.tolist() == [1, 0]
    assert batch.lengths.tolist() == [91, 40] and batch.inputs[0, 90] == 90
    assert digest(joined) != digest(Joined([("", corpus(4)), ("other/", corpus(2, 90))]))


def test_crops_are_those_of_each_corpus():
    parts = [corpus(4, crop_seed=1), corpus(4, crop_seed=2)]
    joined = Joined([("", parts[0]), ("b/", parts[1])])
    (batch,) = Loader(joined, [[2, 6]], CPU, augment=lambda batch, draws: batch)
    for row, part in zip(batch.inputs, parts, strict=True):
        part.set_epoch(0)
        assert torch.equal(row, part[2][1])
    joined.set_epoch(3)
    assert parts[0].epoch == parts[1].epoch == 3


def epoch(sampler, number: int = 0, start: int = 0) -> list[list[int]]:
    sampler.set_epoch(number, start)
    return list(sampler)


# Corpus 0 has 6 spoofs and 30 bona fide, corpus 1 has 3 spoofs and no bona fide, corpus 2 has 4 and 5.
LABELS = [0] * 6 + [1] * 30 + [0] * 3 + [0] * 4 + [1] * 5
DOMAINS = [0] * 36 + [1] * 3 + [2] * 9


def test_corpora_have_equal_shares_of_each_class():
    batches = epoch(BalancedCorpora(LABELS, DOMAINS, 12, 1))
    taken = collections.Counter((LABELS[i], DOMAINS[i]) for batch in batches for i in batch)
    assert taken == {(0, 0): 20, (0, 1): 20, (0, 2): 20, (1, 0): 30, (1, 2): 30}
    for batch in batches:
        groups = collections.Counter((LABELS[i], DOMAINS[i]) for i in batch)
        assert groups == {(0, 0): 2, (0, 1): 2, (0, 2): 2, (1, 0): 3, (1, 2): 3}
    counts = collections.Counter(i for batch in batches for i in batch)
    assert all(counts[i] == 1 for i in range(6, 36))  # the largest group once
    assert {counts[i] for i in range(6)} == {3, 4}


@pytest.mark.parametrize(
    "make",
    [
        lambda seed, **p: BalancedCorpora(LABELS, DOMAINS, 7, seed, **p),
        lambda seed, **p: BySteps([20 + i * 7 % 48 for i in range(48)], 300, seed, **p),
    ],
)
def test_order_depends_on_seed_and_epoch_alone_and_processes_share_it(make):
    first, second = epoch(make(1), 0), epoch(make(1), 1)
    assert first != second and epoch(make(2), 1) != second and epoch(make(1), 1, start=2) == second[2:]
    shares = [epoch(make(1, rank=rank, world=2), 1) for rank in range(2)]
    assert len(shares[0]) == len(shares[1]) == len(second)
    assert all((a, b) == (batch[::2], batch[1::2]) for batch, a, b in zip(second, *shares, strict=True))
    sampler = make(1)
    sampler.set_epoch(1)
    assert [[draw.utt for draw in draws] for draws in sampler.draws()] == second
    assert all(isinstance(draw, Draw) and draw.epoch == 1 for draws in sampler.draws() for draw in draws)


def test_batches_fill_a_budget_of_steps():
    rng = np.random.default_rng(0)
    lengths = rng.integers(10, 200, 500).tolist()
    batches = epoch(BySteps(lengths, 1000, 1))
    assert sorted(i for batch in batches for i in batch) == list(range(500))
    sizes = [len(batch) * max(lengths[i] for i in batch) for batch in batches]
    assert max(sizes) <= 1000 and np.median(sizes) > 800
    padding = sum(sizes) / sum(lengths) - 1
    assert padding < 0.1  # in random order half of a batch would be padding
    order = [max(lengths[i] for i in batch) for batch in batches]
    assert order != sorted(order)


def test_a_long_utterance_comes_with_another(caplog):
    batches = epoch(BySteps([500, 10, 10, 10, 10], 100, 1))
    assert sorted(i for batch in batches for i in batch) == list(range(5))
    assert all(len(batch) >= 2 for batch in batches)
    assert "1 of 5 utterances are longer than half of it" in caplog.text


def test_samplers_of_a_training():
    seconds = TrainConfig(batch_seconds=2.0)
    sampler = make_sampler(seconds, corpus(20), ["spoof", "bonafide"], 1)
    assert isinstance(sampler, BySteps) and sampler.budget == 200
    assert all(len(batch) * (40 + max(batch)) <= 200 for batch in epoch(sampler))
    equal = corpus(6, crop_seed=1)
    equal.lengths = None
    assert all(len(batch) == 3 for batch in epoch(make_sampler(TrainConfig(batch_seconds=0.3), equal, [], 1)))
    texts = corpus(4)
    texts.steps_per_second = None
    with pytest.raises(ConfigError, match="states no duration"):
        make_sampler(seconds, texts, [], 1)
    balanced = TrainConfig(sampler="balanced_corpora")
    joined = Joined([("", corpus(4)), ("b/", corpus(4))])
    assert isinstance(make_sampler(balanced, joined, [], 1), BalancedCorpora)
    with pytest.raises(ConfigError, match="name them in train_on"):
        make_sampler(balanced, corpus(4), [], 1)
