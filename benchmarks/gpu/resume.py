"""Two trainings end with the same bits, and so does one that is killed and started again."""

import multiprocessing
import os
import signal
from pathlib import Path
from unittest import mock

import torch

from dada.experiment.folder import ExperimentFolder
from dada.train import checkpoint
from gpu.common import Row, Setup, holds, in_memory
from gpu.system import deterministic, system, train


def rows(setup: Setup) -> list[Row]:
    """Compare the files of the weights of three trainings of two epochs."""
    folders = [setup.folder / f"resume_{name}" for name in ("first", "second", "killed")]
    before = torch.are_deterministic_algorithms_enabled(), torch.backends.cudnn.deterministic
    try:
        for folder in folders[:2]:
            train_here(setup, folder)
        # CUDA does not survive a fork; on a CPU a fork saves the seconds of starting Python.
        context = multiprocessing.get_context("spawn" if setup.on_gpu else "fork")
        child = context.Process(target=train_here, args=(setup, folders[2], True))
        child.start()
        child.join()
        killed = child.exitcode == -signal.SIGKILL and not ExperimentFolder(folders[2]).weights.exists()
        train_here(setup, folders[2])
    finally:
        torch.use_deterministic_algorithms(before[0])
        torch.backends.cudnn.deterministic = before[1]
    first, second, resumed = (ExperimentFolder(folder).weights.read_bytes() for folder in folders)
    return [
        holds("two trainings end with the same bits", first == second),
        holds("the third was killed at its second checkpoint", killed),
        holds("killed and resumed, it ends with the same bits", first == resumed),
    ]


def train_here(setup: Setup, folder: Path, dies: bool = False) -> None:
    """Train for two epochs with a checkpoint every two steps; one that `dies` kills its process right after
    the second.
    """
    deterministic()
    config = system(setup, epochs=2, batch_size=8, checkpoint_steps=2)
    size = config.input.num_samples
    save, saved = checkpoint.save, iter(range(1, 1000))

    def save_or_die(path: Path, state: checkpoint.State, parts: dict) -> None:
        save(path, state, parts)
        if dies and next(saved) == 2:
            os.kill(os.getpid(), signal.SIGKILL)

    with mock.patch.object(checkpoint, "save", save_or_die):
        train(setup, config, in_memory(16 if setup.small else 48, size), in_memory(8, size, seed=1), folder)
