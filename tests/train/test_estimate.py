"""Models without gradient: a killed estimate goes on and ends equal, and few batches are held at a time."""

import weakref

import numpy as np
import pytest
import torch
from toy import WIDTH, stopped_after, toy_config, toy_dataset

from dada import models
from dada.data.batch import Batch
from dada.data.dataset import Dataset
from dada.train.estimate import estimate
from dada.train.fit import fit


def gmm_config():
    """A mixture that does not converge within its four iterations."""
    config = toy_config(phases=[], batch_size=8)
    config.model = {
        "name": "gmm",
        "num_components": 3,
        "num_features": WIDTH,
        "iterations": 4,
        "tolerance": -1e9,
    }
    return config


@pytest.mark.parametrize("stop_after", [1, 2, 4])  # 1: after the init
def test_a_killed_estimate_ends_with_the_same_weights(tmp_path, stop_after, caplog):
    whole = fit(gmm_config(), toy_dataset(), toy_dataset(20, seed=1), tmp_path / "whole", seed=5)
    with stopped_after(stop_after):
        fit(gmm_config(), toy_dataset(), toy_dataset(20, seed=1), tmp_path / "killed", seed=5)
    torch.rand(stop_after)
    caplog.clear()
    with caplog.at_level("INFO"):
        resumed = fit(gmm_config(), toy_dataset(), toy_dataset(20, seed=1), tmp_path / "killed", seed=5)
    iterations = [record.message for record in caplog.records if record.message.startswith("EM iteration")]
    assert len(iterations) == 4 - (stop_after - 1)  # what was done is not done again
    assert all(
        torch.equal(a, b)
        for a, b in zip(whole.state_dict().values(), resumed.state_dict().values(), strict=True)
    )


class CountingDataset(Dataset):
    """Counts the batches made, and the largest number of them whose inputs were in memory at one time."""

    num_batches = num_alive = largest = 0

    def collate(self, items: list) -> Batch:
        batch = super().collate(items)
        self.num_batches += 1
        self.num_alive += 1
        self.largest = max(self.largest, self.num_alive)
        weakref.finalize(batch.inputs, self.release)
        return batch

    def release(self) -> None:
        self.num_alive -= 1


def test_em_holds_a_few_batches_of_the_data_at_a_time(tmp_path):
    rng = np.random.default_rng(0)
    arrays = {f"u{i:03d}": rng.standard_normal((50, WIDTH)).astype(np.float32) + i % 2 for i in range(60)}
    data = CountingDataset(arrays, list(arrays), torch.arange(60) % 2)
    config = gmm_config()
    config.train.batch_size = 2
    config.model |= {"iterations": 1, "init_frames": 400}
    model = models.build("audio", config.model, 2)
    estimate(model, config, data, tmp_path)
    assert torch.isfinite(model.means).all()
    assert data.num_batches == 3 * 30  # counts and moments, the sample of the init, one iteration
    assert data.largest <= 3  # of 30: the one in work, the next one, and one that waits to be freed
    assert data.num_alive == 0
