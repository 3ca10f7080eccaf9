"""A training killed by SIGKILL and started again ends with the same weights, bit by bit."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from toy import toy_config, toy_dataset

from dada.train import checkpoint
from dada.train.loop import fit

TOY = Path(__file__).with_name("toy.py")
ROOT = Path(__file__).parents[2]


def start(folder: Path) -> subprocess.Popen:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen([sys.executable, str(TOY), str(folder), "2"], env=environment, stderr=subprocess.PIPE)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> dict:
    folder = tmp_path_factory.mktemp("undisturbed")
    fit(toy_config(), toy_dataset(crop_seed=3), toy_dataset(20, seed=1), folder, seed=5)
    return {"weights": torch.load(folder / "weights.pt"), "log": table(folder)}


def table(folder: Path) -> list[list[str]]:
    """log.csv without its two columns of time."""
    return [line.split(",")[:-2] for line in (folder / "log.csv").read_text().splitlines()]


def same(weights: dict, others: dict) -> bool:
    return weights.keys() == others.keys() and all(torch.equal(weights[name], others[name]) for name in weights)


def test_a_killed_run_ends_with_the_same_weights(tmp_path, undisturbed):
    """Killed again and again, each time as soon as it wrote one more checkpoint, or was in the middle of writing it."""
    kills = 0
    path = tmp_path / checkpoint.NAME
    delays = [0.0, 0.004, 0.015, 0.03]
    while not (tmp_path / "weights.pt").exists() and kills < 4:
        before = path.stat().st_mtime_ns if path.exists() else 0
        process = start(tmp_path)
        while process.poll() is None and (path.stat().st_mtime_ns if path.exists() else 0) == before:
            time.sleep(0.001)
        time.sleep(delays[kills])
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            kills += 1
        process.communicate()
    assert kills >= 2
    finished = start(tmp_path)
    assert finished.wait() == 0, finished.stderr.read().decode()
    finished.stderr.close()
    assert same(torch.load(tmp_path / "weights.pt"), undisturbed["weights"])
    assert table(tmp_path) == undisturbed["log"]
    assert not list(tmp_path.rglob("*.partial"))


@pytest.mark.parametrize("stop_after", range(1, 40, 3))
def test_every_checkpoint_resumes_exactly(tmp_path, undisturbed, monkeypatch, stop_after):
    """Stopped right after its n-th checkpoint, in the middle of epochs and between phases, and resumed in the same process."""
    save, count = checkpoint.save, iter(range(1, 1000))

    class Stop(Exception):
        pass

    def save_and_stop(*args):
        save(*args)
        if next(count) == stop_after:
            raise Stop

    monkeypatch.setattr(checkpoint, "save", save_and_stop)
    with pytest.raises(Stop):
        fit(toy_config(checkpoint_steps=1), toy_dataset(crop_seed=3), toy_dataset(20, seed=1), tmp_path, seed=5)
    torch.rand(stop_after)  # the generators of the new process stand elsewhere
    fit(toy_config(checkpoint_steps=1), toy_dataset(crop_seed=3), toy_dataset(20, seed=1), tmp_path, seed=5)
    assert same(torch.load(tmp_path / "weights.pt"), undisturbed["weights"])
    assert table(tmp_path) == undisturbed["log"]
