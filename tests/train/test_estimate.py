"""Models without gradient: a killed estimate goes on and ends equal, and memory does not grow with the data."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from toy import WIDTH, stopped_after, toy_config, toy_dataset

from dada.data import write_ark
from dada.train.loop import fit

ROOT = Path(__file__).parents[2]
NUM_UTTS, NUM_FRAMES, NUM_FEATURES = 400, 1000, 60  # 96 MB
ROOM = 44  # MB that an estimate may take besides what the libraries take: the ark has more than twice as much


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


WITHIN_LIMIT = f"""
import logging, resource, sys
from pathlib import Path
import numpy as np, torch
from dada import models
from dada.data import ArkReader
from dada.data.dataset import Dataset
from dada.train.config import SystemConfig, TrainConfig
from dada.train.estimate import estimate

torch.set_num_threads(1)

def status(key):
    return int(next(line for line in open("/proc/self/status") if line.startswith(key)).split()[1]) // 1024

def run(name, num_utts):
    arrays = ArkReader(Path(sys.argv[1]) / "feats.scp")
    utts = list(arrays)[:num_utts]
    data = Dataset(arrays, utts, torch.arange(len(utts)) % 2)
    model = {{"name": "gmm", "num_components": 4, "num_features": {NUM_FEATURES}, "iterations": 1, "init_frames": 4000}}
    config = SystemConfig(name="big", model=model, train=TrainConfig(batch_size=2))
    fitted = models.build("audio", model, 2)
    estimate(fitted, config, data, Path(sys.argv[1]) / name)
    assert torch.isfinite(fitted.means).all()
    print(name, status("VmHWM"), flush=True)

run("warm", 4)
limit = (status("VmData") + {ROOM}) * 2**20
resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
run("quarter", {NUM_UTTS} // 4)
run("whole", {NUM_UTTS})
try:
    everything = [torch.from_numpy(np.array(array)) for array in ArkReader(Path(sys.argv[1]) / "feats.scp").values()]
except (MemoryError, RuntimeError):
    print("limited 1")
"""


def test_em_streams_over_an_ark_larger_than_memory(tmp_path):
    rng = np.random.default_rng(0)
    block = rng.standard_normal((NUM_FRAMES, NUM_FEATURES), dtype=np.float32)
    write_ark(tmp_path / "feats.scp", ((f"u{i:03d}", block + i % 2) for i in range(NUM_UTTS)))
    size = (tmp_path / "feats.ark").stat().st_size / 2**20
    assert size > 2 * ROOM
    command = [sys.executable, "-c", WITHIN_LIMIT, str(tmp_path)]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    peaks = {name: int(value) for name, value in (line.split() for line in done.stdout.splitlines())}
    assert peaks["limited"] == 1  # the limit holds: reading all of it at once fails
    assert (
        peaks["whole"] - peaks["quarter"] < 32
    )  # MB, where the data grew by 72; what the allocator keeps comes and goes
