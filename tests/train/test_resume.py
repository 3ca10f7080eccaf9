"""A training killed by SIGKILL and started again ends with the same weights, bit by bit."""

import multiprocessing
import os
import signal
from pathlib import Path

import pytest
import torch
from toy import augmented_config, stopped_after, toy_dataset, train_toy

from dada.train.fit import fit

ROOT = Path(__file__).parents[2]
KILLS = ((1, False), (1, True), (4, True), (3, False), (2, True))  # at which checkpoint, while writing it


@pytest.fixture
def processes(monkeypatch):
    """Makes processes that are forked from a server which has imported everything, so that a start takes no
    seconds.
    """
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), str(Path(__file__).parent)]))
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["toy", "accelerate", "torch._dynamo", "torch.utils.tensorboard"])
    return lambda folder, *kill: context.Process(target=train_toy, args=(str(folder), *kill))


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
    """Killed again and again, right after a checkpoint or while it is written."""
    for kill in KILLS:
        process = processes(tmp_path, *kill)
        process.start()
        process.join()
        assert process.exitcode == -signal.SIGKILL
    assert list(tmp_path.rglob("*.partial")) and not (tmp_path / "weights.pt").exists()
    process = processes(tmp_path)
    process.start()
    process.join()
    assert process.exitcode == 0
    assert same(torch.load(tmp_path / "weights.pt"), undisturbed["weights"])
    assert table(tmp_path) == undisturbed["log"]
    assert not list(tmp_path.rglob("*.partial"))


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
