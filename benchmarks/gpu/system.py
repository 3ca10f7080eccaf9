"""A system to train: AASIST, or with `small` the small network that its file gives as an example."""

import os
from dataclasses import asdict
from pathlib import Path

import torch
from torch import nn

from dada import plugins
from dada.data.dataset import Dataset
from dada.experiment.config import SystemConfig
from dada.recipe.config import load_system_config
from dada.settings import override
from dada.train.fit import fit
from gpu.common import NUM_SAMPLES, Setup


def system(setup: Setup, name: str = "aasist", **train: object) -> SystemConfig:
    """The configuration of a waveform system with some keys of `train:` replaced."""
    config = load_system_config(name)
    config.train = override(config.train, {"keep": "last", **train}, "acceptance program")
    config.input.num_samples = NUM_SAMPLES
    if setup.small:
        network, (config.input.num_samples,) = plugins.load("dada.models.audio", "rawnet2", "model").example()
        config.model = {"name": "rawnet2", **asdict(network)}
        config.train.batch_size = 4
    return config


def train(setup: Setup, config: SystemConfig, data: Dataset, dev: Dataset, folder: Path) -> nn.Module:
    """Train in a folder."""
    return fit(config, data, dev, folder, seed=1)


def deterministic() -> None:
    """Ask torch for the same bits in every run. Raise RuntimeError later where an operation cannot."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # which cuBLAS asks for
    torch.use_deterministic_algorithms(True)
    torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = True, False
