"""A training with SAMO: its attractors are in the weights, and a killed run ends with the same."""

import numpy as np
import pytest
import torch
from toy import stopped_after

from dada import models
from dada.data.dataset import Dataset
from dada.data.input import InputConfig
from dada.experiment.config import SystemConfig, TrainConfig
from dada.models.inference import run_model
from dada.train.fit import fit

SPEAKERS = ["ann", "ben", "cat"]


def frames(num: int, seed: int) -> Dataset:
    rng = np.random.default_rng(seed)
    labels = np.arange(num) % 2
    arrays = {f"u{i}": (rng.standard_normal((32, 16)) + labels[i]).astype(np.float32) for i in range(num)}
    speakers = [SPEAKERS[i // 2 % 3] for i in range(num)]
    return Dataset(arrays, list(arrays), torch.from_numpy(labels), speakers)


def trained(folder, keep):
    config = SystemConfig(
        name="samo",
        input=InputConfig(kind="features", features={"name": "toy"}),
        model={"name": "lcnn_lstm", "num_features": 16, "head": "attractors", "dropout": 0.2},
        train=TrainConfig(
            epochs=3, batch_size=8, loss={"name": "samo", "update_every": 1}, keep=keep, checkpoint_steps=1
        ),
    )
    return config, fit(config, frames(18, 0), frames(10, 1), folder, seed=5)


@pytest.mark.parametrize(("stop_after", "keep"), [(4, "last"), (7, "swa")])
def test_a_killed_run_ends_with_the_same_attractors(tmp_path, stop_after, keep):
    config, whole = trained(tmp_path / "whole", keep)
    attractors = whole.classify.attractors
    assert attractors.shape == (3, 32)
    assert keep == "swa" or not torch.equal(
        attractors, torch.eye(3, 32)
    )  # swa may keep the first epoch alone
    with stopped_after(stop_after):
        trained(tmp_path / "killed", keep)
    torch.rand(stop_after)
    _, resumed = trained(tmp_path / "killed", keep)
    pairs = zip(whole.state_dict().values(), resumed.state_dict().values(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)
    scoring = models.build("audio", config.model, 2)
    models.load_weights(scoring, "audio", "lcnn_lstm", tmp_path / "whole" / "weights.pt")
    expected = run_model(whole, frames(10, 1)).logits
    assert torch.equal(run_model(scoring.eval(), frames(10, 1)).logits, expected)
