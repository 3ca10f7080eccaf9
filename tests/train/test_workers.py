"""Loader processes: weights and logs of a training do not show how many there were."""

from pathlib import Path

import numpy as np
import pytest
import torch
from toy import stopped_after

from dada.data.dataset import Dataset
from dada.data.input import InputConfig
from dada.experiment.config import SystemConfig, TrainConfig
from dada.train.fit import fit

NUM_UTTS, NUM_SAMPLES = 14, 3_000


def clips(seed: int, crop_seed: int | None = None) -> Dataset:
    """Noise of several lengths, louder for one class, cut to random stretches of one length."""
    rng = np.random.default_rng(seed)
    arrays = {
        f"u{i:02d}": (0.1 * (1 + i % 2) * rng.standard_normal(NUM_SAMPLES + 100 * i)).astype(np.float32)
        for i in range(NUM_UTTS)
    }
    labels = torch.arange(NUM_UTTS) % 2
    return Dataset(arrays, list(arrays), labels, size=NUM_SAMPLES, rule="crop", crop_seed=crop_seed)


def trained(folder: Path, num_workers: int, **train) -> tuple[bytes, list[list[str]]]:
    """The weights, and log.csv without its two columns of time, of two epochs with RawBoost and mixup."""
    model = {"name": "rawnet2", "num_filters": 8, "num_taps": 65, "channels": [8, 8, 16, 16, 16, 16]}
    augment = [{"name": "rawboost", "algorithm": 4}, {"name": "mixup"}, {"name": "drop_chunks"}]
    config = SystemConfig(
        name="toy_waveforms",
        input=InputConfig(kind="waveform"),
        model={**model, "hidden_size": 16, "dead_preact": False},
        train=TrainConfig(
            **{"epochs": 2, "batch_size": 4, "keep": "last", "sampler": "balanced", **train},
            augment=augment,
            num_workers=num_workers,
        ),
    )
    fit(config, clips(0, crop_seed=3), clips(1), folder, seed=5)
    log = [line.split(",")[:-2] for line in (folder / "log.csv").read_text().splitlines()]
    return (folder / "weights.pt").read_bytes(), log


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    return trained(tmp_path_factory.mktemp("alone"), 0)


@pytest.mark.parametrize("num_workers", [1, 2])
def test_the_number_of_processes_never_shows(tmp_path, alone, num_workers):
    assert trained(tmp_path, num_workers) == alone


def test_a_run_that_goes_on_with_other_processes_ends_alike(tmp_path, alone):
    """Stopped within the second epoch, after its processes have read ahead."""
    with stopped_after(5):
        trained(tmp_path, 2, checkpoint_steps=1)
    assert trained(tmp_path, 1, checkpoint_steps=1) == alone
