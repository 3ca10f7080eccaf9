"""A small system on separable random features, which trains in a second."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
import torch

from dada.data.dataset import Dataset
from dada.data.input import InputConfig
from dada.experiment.config import SystemConfig, TrainConfig
from dada.storage.atomic import partial_path
from dada.train import checkpoint
from dada.train.fit import fit

WIDTH, NUM_FRAMES = 12, 9
TRIPLETS = {"sampler": "triplets", "triplets_by": "label", "early_stop": {"metric": "abx"}, "keep": "last"}


def toy_dataset(num: int = 36, seed: int = 0, crop_seed: int | None = None) -> Dataset:
    """Frames (N, F) whose mean differs between the classes; four speakers, two utterances a source."""
    rng = np.random.default_rng(seed)
    labels = np.arange(num) % 2
    arrays = {
        f"u{i:03d}": rng.standard_normal((NUM_FRAMES + i % 3, WIDTH)).astype(np.float32) + 0.8 * labels[i]
        for i in range(num)
    }
    return Dataset(
        arrays,
        list(arrays),
        torch.from_numpy(labels),
        speakers=[f"s{i // 2 % 4}" for i in range(num)],
        sources=[f"line-{i // 2}" for i in range(num)],
        lengths=[len(array) for array in arrays.values()],
        size=NUM_FRAMES if crop_seed is not None else None,
        rule="crop" if crop_seed is not None else "full",
        crop_seed=crop_seed,
    )


def toy_config(**train) -> SystemConfig:
    """Three triplet phases and a head, as the DADA audio model is trained."""
    head = {
        "epochs": 3,
        "loss": {"name": "bce"},
        "trainable": ["head"],
        "optim": {"lr": 0.01},
        "schedule": {"name": "cosine", "per": "step"},
    }
    phases = [
        {"epochs": 1, "loss": {"name": "triplet"}, **TRIPLETS},
        {"epochs": 2, "loss": {"name": "adaptive_triplet", "auto": "dada"}, **TRIPLETS},
        {"epochs": 1, "loss": {"name": "triplet", "inherit_margin": True}, **TRIPLETS},
        head,
    ]
    return SystemConfig(
        name="toy",
        input=InputConfig(kind="features", features={"name": "toy"}),
        model={
            "name": "dada_audio",
            "width": WIDTH,
            "bottleneck": 6,
            "embedding": 8,
            "attention": 4,
            "head": [8],
        },
        train=TrainConfig(**({"batch_size": 8, "phases": phases, "clip_grad_norm": 5.0} | train)),
    )


def augmented_config(**train) -> SystemConfig:
    """The same with augmentations that draw from their own generator, mixup among them where labels are
    learnt.
    """
    mask = {"name": "specaugment", "num_bands": 1, "band_width": 4, "num_stretches": 1, "stretch_width": 3}
    config = toy_config(augment=[mask], **train)
    config.train.phases[-1]["augment"] = [{"name": "mixup"}, mask]
    return config


class Stop(Exception):
    """What ends a run in its midst."""


@contextmanager
def stopped_after(num_checkpoints: int) -> Iterator[None]:
    """A training within is stopped right after its n-th checkpoint, and must have come so far."""
    save, count = checkpoint.save, iter(range(1, 1000))

    def save_and_stop(*args):
        save(*args)
        if next(count) == num_checkpoints:
            raise Stop

    with mock.patch.object(checkpoint, "save", save_and_stop), pytest.raises(Stop):
        yield


def train_toy(folder: str, kill_at: int = 0, half_written: bool = False) -> None:
    """A training with checkpoints within epochs, for a process of its own.

    The process kills itself at its `kill_at`-th checkpoint, after writing it or, with `half_written`, while
    writing it; 0 never.
    """
    save, count = checkpoint.save, iter(range(1, 1000))

    def save_or_die(path: Path, state: checkpoint.State, parts: dict) -> None:
        last = next(count) == kill_at
        if last and half_written:
            partial_path(path / checkpoint.NAME).write_bytes(b"half of a checkpoint")
        else:
            save(path, state, parts)
        if last:
            os.kill(os.getpid(), signal.SIGKILL)

    with mock.patch.object(checkpoint, "save", save_or_die):
        fit(
            augmented_config(checkpoint_steps=2),
            toy_dataset(crop_seed=3),
            toy_dataset(20, seed=1),
            Path(folder),
            seed=5,
        )
