"""Training in two processes that torchrun starts: losses of one process, and a killed run that ends the same.

The processes run this file as a program: `test_processes.py FOLDER [CHECKPOINT]`, where the main process
ends by SIGKILL right after that checkpoint.
"""

import csv
import os
import signal
import subprocess
import sys
from pathlib import Path
from unittest import mock

import pytest
import torch
from toy import TRIPLETS, toy_config, toy_dataset

from dada.train import checkpoint
from dada.train.fit import fit

FILE = Path(__file__).resolve()
COLUMNS = ("train_loss", "dev_loss", "dev_metric")
KILLED_AFTER = 10  # checkpoints: inside the second phase


def exact_config():
    """Phases in which no batch statistics and no random draw depend on the number of processes."""
    layers = ["head.1", "head.3"]  # head.0 is batch normalisation; frozen, it keeps its statistics
    head = {"epochs": 2, "loss": {"name": "bce", "class_weights": [1.0, 3.0]}, "trainable": layers}
    body = {"trainable": ["compression", "pooling"], **TRIPLETS}
    phases = [
        {"epochs": 2, "loss": {"name": "triplet"}, **body},
        {"epochs": 2, "loss": {"name": "adaptive_triplet", "auto": "dada"}, **body},
        {"epochs": 1, "loss": {"name": "adaptive_triplet", "auto": "official"}, **body},
        head | {"optim": {"lr": 0.01}, "schedule": {"name": "cosine", "per": "step"}},
        head | {"sampler": "balanced", "max_batches": 3, "early_stop": {"metric": "loss"}},
    ]
    config = toy_config(phases=phases, checkpoint_steps=1)
    config.model |= {"norm": "none", "dropout": 0.0}
    return config


def train(config, folder: Path) -> None:
    """Train on 35 utterances of different lengths: the last batch of an epoch does not divide by two."""
    fit(config, toy_dataset(35, crop_seed=3), toy_dataset(20, seed=1), folder, seed=5)


def statistics_config():
    """Batch normalisation and dropout: a phase that does not use the head, and one with averaged weights."""
    head = {"epochs": 2, "loss": {"name": "bce"}, "keep": "swa", "drop_last": True}
    return toy_config(phases=[{"epochs": 1, "loss": {"name": "triplet"}, **TRIPLETS}, head])


def main(folder: Path, kill_after: int) -> None:
    """Train in each process: up to a kill, or from it to the end, and then the same once more and
    undisturbed.
    """
    save, count = checkpoint.save, iter(range(1, 1000))

    def save_and_kill(*args):
        save(*args)
        if next(count) == kill_after:
            os.kill(os.getpid(), signal.SIGKILL)

    with mock.patch.object(checkpoint, "save", save_and_kill):
        train(exact_config(), folder / "killed")
    train(exact_config(), folder / "whole")
    train(statistics_config(), folder / "statistics")


def in_two_processes(*arguments: str) -> subprocess.CompletedProcess:
    """Start this file as `dada.recipe.worker` starts a training."""
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    paths = os.pathsep.join([str(FILE.parents[2]), str(FILE.parent)])
    env = {**os.environ, "PYTHONPATH": paths, "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [*torchrun, str(FILE), *arguments], env=env, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> Path:
    """The folder with a run in one process and the runs in two."""
    folder = tmp_path_factory.mktemp("processes")
    train(exact_config(), folder / "alone")
    train(statistics_config(), folder / "statistics_alone")
    killed = in_two_processes(str(folder), str(KILLED_AFTER))
    assert killed.returncode != 0 and not (folder / "killed" / "weights.pt").exists(), killed.stderr
    resumed = in_two_processes(str(folder))
    assert resumed.returncode == 0, resumed.stderr
    return folder


def table(folder: Path) -> list[dict[str, str]]:
    with open(folder / "log.csv", newline="") as file:
        return list(csv.DictReader(file))


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return torch.load(folder / "weights.pt")


def test_losses_are_those_of_one_process(runs):
    """Batches, sums over a batch, learning rates and margins: a batch has `batch_size` utterances in all."""
    alone, shared = table(runs / "alone"), table(runs / "whole")
    assert len(alone) == len(shared) == 9
    for row, other in zip(alone, shared, strict=True):
        assert (row["phase"], row["loss"], row["epoch"]) == (other["phase"], other["loss"], other["epoch"])
        for column in (*COLUMNS, "lr", *(name for name in ("margin", "beta") if row[name])):
            assert float(other[column]) == pytest.approx(float(row[column]), abs=1e-5), column
    for name, value in weights(runs / "alone").items():
        torch.testing.assert_close(weights(runs / "whole")[name], value, rtol=0, atol=1e-4)


def test_a_killed_run_ends_with_the_same_weights(runs):
    killed, whole = weights(runs / "killed"), weights(runs / "whole")
    assert all(torch.equal(killed[name], value) for name, value in whole.items())
    assert [row["train_loss"] for row in table(runs / "killed")] == [
        row["train_loss"] for row in table(runs / "whole")
    ]


def test_a_model_with_batch_normalisation_trains(runs):
    """Batch statistics and dropout differ between processes, so losses are near, not equal."""
    alone, shared = table(runs / "statistics_alone"), table(runs / "statistics")
    assert len(alone) == len(shared) > 0
    for row, other in zip(alone, shared, strict=True):
        assert float(other["train_loss"]) == pytest.approx(float(row["train_loss"]), rel=0.3)
    assert all(torch.isfinite(value).all() for value in weights(runs / "statistics").values())


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0)
