"""The small networks of audio models, as trained systems."""

import logging
from dataclasses import asdict
from pathlib import Path

import torch

from dada import models, plugins
from dada.data import Batch
from dada.data.input import InputConfig
from dada.experiment.config import SystemConfig
from dada.experiment.trained import save_experiment
from dada.score.clip import System

LABELS = ["spoof", "bonafide"]


def batch_of(shape: tuple[int, ...], num: int = 4) -> Batch:
    """Random inputs of the shape of one utterance."""
    generator = torch.Generator().manual_seed(2)
    inputs = torch.randn(num, *shape, generator=generator)
    return Batch([f"u{i}" for i in range(num)], inputs, torch.full((num,), shape[-1]), torch.arange(num) % 2)


def example_system(root: Path, name: str, **changes) -> tuple[System, tuple[int, ...]]:
    """Save the small network of an audio model as exp/<name>/seed_1 below `root`; return it loaded."""
    module = plugins.load("dada.models.audio", name, "audio model")
    settings, shape = module.example()
    waveform = len(shape) == 1
    source = (
        InputConfig(num_samples=shape[0], length_rule="tile")
        if waveform
        else InputConfig(kind="features", features={"name": "lfcc"})
    )
    config = SystemConfig(
        name=name, labels=LABELS, input=source, model={"name": name, **asdict(settings)}, **changes
    )
    torch.manual_seed(1)
    model = models.build("audio", config.model, 2)
    if hasattr(model, "estimate"):
        model.estimate(lambda: iter([batch_of(shape, 12)]), logging.getLogger("test"))
    save_experiment(root / "exp" / name / "seed_1", config, model)
    return System.load(root / "exp" / name / "seed_1", root), shape
