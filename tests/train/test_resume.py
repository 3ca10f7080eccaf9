"""A training killed by SIGKILL and started again ends with the same weights, bit by bit."""

import multiprocessing
import os
import signal
import time
from pathlib import Path

import pytest
import torch
from toy import augmented_config, stopped_after, toy_dataset, train_toy

from dada.train import checkpoint
from dada.train.loop import fit

ROOT = Path(__file__).parents[2]
DELAYS = (0.0, 0.002, 0.005, 0.01, 0.02, 0.04)  # seconds between a new checkpoint and SIGKILL


@pytest.fixture
def processes(monkeypatch):
    """Makes processes that are forked from a server which has imported everything, so that a start takes no
    seconds.
    """
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), str(Path(__file__).parent)]))
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["toy", "accelerate", "torch._dynamo", "torch.utils.tensorboard"])
    return lambda folder: context.Process(target=train_toy, args=(str(folder),))


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> dict:
    folder = tmp_path_factory.mktemp("undisturbed")
    fit(augmented_config(), toy_dataset(crop_seed=3), toy_dataset(20, seed=1), folder, seed=5)
    return {"weights": torch.load(folder / "weights.pt"), "log": table(folder)}


def table(folder: Path) -> list[list[str]]:
    """log.csv without its two columns of time."""
    return [line.split(",")[:-2] for line in (folder / "log.csv").read_text().splitlines()]


def same(weights: dict, others: dict) -> bool:
    return weights.keys() == others.keys() and all(
        torch.equal(weights[name], others[name]) for name in weights
    )


def test_a_killed_run_ends_with_the_same_weights(tmp_path, undisturbed, processes):
    """Killed again and again, each time soon after it wrote one more checkpoint, at times while writing the
    next.
    """
    path, kills = tmp_path / checkpoint.NAME, 0
    for delay in DELAYS:
        before = written(path)
        process = processes(tmp_path)
        process.start()
        while process.is_alive() and written(path) == before:
            time.sleep(0.001)
        time.sleep(delay)
        process.kill()
        process.join()
        kills += process.exitcode == -signal.SIGKILL
    assert kills >= 4 and not (tmp_path / "weights.pt").exists()
    process = processes(tmp_path)
    process.start()
    process.join()
    assert process.exitcode == 0
    assert same(torch.load(tmp_path / "weights.pt"), undisturbed["weights"])
    assert table(tmp_path) == undisturbed["log"]
    assert not list(tmp_path.rglob("*.partial"))


def written(path: Path) -> int:
    return path.stat().st_mtime_ns if path.exists() else 0


@pytest.mark.parametrize("stop_after", [1, 2, 5, 6, 7, 13, 20, 27, 33, 38])
def test_every_checkpoint_resumes_exactly(tmp_path, undisturbed, stop_after):
    """Stopped right after its n-th checkpoint, in the middle of epochs and between phases, and resumed in the
    same process.
    """
    with stopped_after(stop_after):
        fit(
            augmented_config(checkpoint_steps=1),
            toy_dataset(crop_seed=3),
            toy_dataset(20, seed=1),
            tmp_path,
            seed=5,
        )
    torch.rand(stop_after)  # the generators of the new process stand elsewhere
    fit(
        augmented_config(checkpoint_steps=1),
        toy_dataset(crop_seed=3),
        toy_dataset(20, seed=1),
        tmp_path,
        seed=5,
    )
    assert same(torch.load(tmp_path / "weights.pt"), undisturbed["weights"])
    assert table(tmp_path) == undisturbed["log"]
