"""Trained systems, read from and written to experiment folders."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from dada import models
from dada.errors import DataError
from dada.experiment.config import SystemConfig
from dada.experiment.folder import TRAIN_AGAIN, ExperimentFolder
from dada.settings import build
from dada.storage.json_file import read_json, write_json
from dada.storage.tensors import save_tensors


@dataclass
class Experiment:
    """A trained system: `model` in evaluation mode on the CPU, `labels` in the order of its logits."""

    config: SystemConfig
    labels: list[str]
    model: nn.Module


def load_experiment(folder: Path) -> Experiment:
    """Load one seed of a system, e.g. exp/dada_audio/seed_1.

    Raises DataError where the folder is missing or not finished, ConfigError where the weights have another
    shape than its configuration.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise DataError(
            f"{folder} does not exist: train the system first (stages train_audio, train_text, train_fusion)"
        )
    files = ExperimentFolder(folder)
    missing = [path.name for path in files.missing()]
    if missing:
        raise DataError(
            f"{folder} has no {', '.join(missing)}: the training did not end; run it again, it goes on "
            "where it stopped"
        )
    config = read_config(folder)
    labels = files.read_labels()
    model = models.build(config.task, config.model, len(labels))
    models.load_weights(model, config.task, config.model["name"], files.weights)
    return Experiment(config, labels, model.eval())


def without_weights(folder: Path) -> Experiment:
    """Return a trained system as far as its outputs are to be read; its model is empty."""
    return Experiment(read_config(folder), ExperimentFolder(folder).read_labels(), nn.Module())


def save_experiment(folder: Path, config: SystemConfig, model: nn.Module, fitted: object = None) -> None:
    """Write a model that was fitted as a whole, as `load_experiment` reads it, with its fitted numbers.

    The weights come last.
    """
    files = ExperimentFolder(folder)
    write_json(files.config, dataclasses.asdict(config))
    files.write_labels(config.labels)
    if fitted is not None:
        files.write_fitted(config.task, fitted)
    save_tensors(files.weights, model.state_dict())


def read_config(folder: Path) -> SystemConfig:
    """Return the configuration that a training saved."""
    path = ExperimentFolder(folder).config
    values = read_json(path, TRAIN_AGAIN, {"model": dict})
    config = build(SystemConfig, values, str(path), hint="it was written by another version")
    if not isinstance(config.model.get("name"), str):
        raise DataError(f"{path} names no model: {TRAIN_AGAIN}")
    return config
