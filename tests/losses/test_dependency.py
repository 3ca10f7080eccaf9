"""SLIM's first loss against figures worked out from the paper's pseudo-code."""

import numpy as np
import pytest
import torch

from dada import losses
from dada.data.batch import Batch
from dada.errors import ConfigError
from dada.models import Output


def output_of(style: np.ndarray, linguistics: np.ndarray) -> Output:
    """An embedding whose first half plays no part."""
    means = torch.from_numpy(np.concatenate([style, linguistics], axis=1)).float()
    return Output(torch.zeros(len(means), 1), torch.cat([torch.full_like(means, 7.0), means], dim=1))


def loss_of(output: Output, training: bool = True, **settings) -> float:
    batch = Batch([f"u{i}" for i in range(len(output.logits))], output.embedding, torch.zeros(0))
    return float(losses.build({"name": "dependency", **settings}).train(training)(output, batch))


@pytest.fixture
def drawn() -> Output:
    rng = np.random.RandomState(0)
    return output_of(rng.randn(16, 256), rng.randn(16, 256))


def test_it_is_the_pseudo_code(drawn):
    distance, redundancy = loss_of(drawn, weight=0.0), 242.205989 + 241.923198
    assert distance == pytest.approx(32.395496, abs=1e-4)
    assert loss_of(drawn) == pytest.approx(35.784401, abs=1e-4)
    assert loss_of(drawn) - distance == pytest.approx(0.007 * redundancy, abs=1e-4)


def test_only_the_root_lets_uncorrelated_halves_that_agree_cost_nothing():
    columns = np.linalg.qr(np.concatenate([np.ones((8, 1)), np.random.RandomState(1).randn(8, 3)], axis=1))[
        0
    ][:, 1:]  # of mean 0
    agreeing = output_of(columns, columns)
    assert loss_of(agreeing, divide_by="root", weight=1.0) == pytest.approx(0, abs=1e-3)
    assert loss_of(agreeing, weight=1.0) == pytest.approx(
        2 * 3 * (1 - 1 / 8) ** 2, abs=1e-3
    )  # two diagonals of 1/8 instead of 1


def test_on_dev_utterances_are_taken_in_groups_of_a_training_batch(drawn):
    twice = Output(drawn.logits.repeat(2, 1), drawn.embedding.repeat_interleave(2, 0))
    assert loss_of(twice, training=False, group=16) == pytest.approx(loss_of(drawn), abs=1e-4)
    assert loss_of(drawn, training=False, group=100) == pytest.approx(loss_of(drawn), abs=1e-4)


def test_the_form_of_the_text_compares_frames(drawn):
    rng = np.random.RandomState(2)
    style, linguistics = rng.randn(2, 5, 7, 3)  # clips, frames, dimensions
    mean = output_of(style.mean(1), linguistics.mean(1))
    distances = torch.from_numpy(np.square(style - linguistics).sum(2).mean(1)).float()
    output = Output(mean.logits, torch.cat([mean.embedding, distances[:, None]], dim=1))
    cross = sum(np.linalg.norm(style[:, t] - linguistics[:, t]) ** 2 for t in range(7)) / 7
    intra = sum(np.linalg.norm(x.mean(1).T @ x.mean(1) - np.eye(3)) ** 2 for x in (style, linguistics))
    assert loss_of(output, form="text", weight=0.1) == pytest.approx(cross + 0.1 * intra, rel=1e-5)
    assert loss_of(output) == pytest.approx(
        loss_of(mean), rel=1e-6
    )  # the pseudo-code's takes no notice of the distance
    with pytest.raises(ConfigError, match="set model.distance=true"):
        loss_of(drawn, form="text")


def test_bad_settings():
    with pytest.raises(ConfigError, match="divide_by is 'n'; known: batch, root"):
        losses.build({"name": "dependency", "divide_by": "n"})
    with pytest.raises(ConfigError, match="form is 'frames'; known: pseudo_code, text"):
        losses.build({"name": "dependency", "form": "frames"})
