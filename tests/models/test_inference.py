"""Batches outside training: bounded in utterances and in steps."""

import logging

import numpy as np
import pytest
import torch

from dada import models
from dada.data.dataset import Dataset
from dada.models.inference import make_batches, run_model

LENGTHS = [30, 10, 20, 90, 10, 40]


def dataset(batch_steps: int, lengths=LENGTHS) -> Dataset:
    rng = np.random.default_rng(1)
    arrays = {f"u{i}": rng.normal(size=(60 + n, 60)).astype(np.float32) for i, n in enumerate(lengths)}
    return Dataset(
        arrays, list(arrays), lengths=[len(array) for array in arrays.values()], batch_steps=batch_steps
    )


@pytest.mark.parametrize(
    ("batch_steps", "batch_size", "batches"),
    [
        (10_000, 4, [[1, 4, 2, 0], [5, 3]]),
        (10_000, 2, [[1, 4], [2, 0], [5, 3]]),
        (180, 4, [[1, 4], [2, 0], [5], [3]]),
        (100, 4, [[1], [4], [2], [0], [5], [3]]),
    ],
)
def test_batches_hold_so_many_utterances_and_steps(batch_steps, batch_size, batches):
    assert make_batches(dataset(batch_steps), batch_size) == batches


def test_without_lengths_batches_follow_the_order():
    data = dataset(100)
    data.lengths = None
    assert make_batches(data, 4) == [[0, 1, 2, 3], [4, 5]]


def test_an_utterance_beyond_the_budget_is_named(caplog):
    with caplog.at_level(logging.WARNING, "dada"):
        make_batches(dataset(150), 4)
        assert not caplog.text
        make_batches(dataset(149), 4)
    assert "utterance u3 has 150 steps, more than the 149 of a batch" in caplog.text


def test_outputs_do_not_depend_on_the_budget():
    torch.manual_seed(1)
    model = models.build("audio", {"name": "lcnn"}, 2)
    few, many = (run_model(model, dataset(steps), 4) for steps in (10_000, 100))
    assert few.utts == many.utts == [f"u{i}" for i in range(len(LENGTHS))]
    torch.testing.assert_close(few.logits, many.logits, rtol=1e-4, atol=1e-5)
