"""Using what a training left: an experiment folder with config.json, labels.txt and weights.pt."""

import dataclasses
import typing
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from dada import models
from dada.errors import ConfigError, DataError
from dada.plugins import nearest
from dada.storage.atomic import atomic_path, write_text
from dada.storage.json_file import read_json, write_json
from dada.train.config import SystemConfig

FILES = ("config.json", "labels.txt", "weights.pt")


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
    missing = [name for name in FILES if not (folder / name).exists()]
    if missing:
        raise DataError(
            f"{folder} has no {', '.join(missing)}: the training did not end; run it again, it goes on "
            "where it stopped"
        )
    config = read_config(folder)
    labels = (folder / "labels.txt").read_text(encoding="utf-8").splitlines()
    model = models.build(config.task, config.model, len(labels))
    models.load_weights(model, config.task, config.model["name"], folder / "weights.pt")
    return Experiment(config, labels, model.eval())


def save_experiment(folder: Path, config: SystemConfig, model: nn.Module, fitted: dict[str, object]) -> None:
    """Write a model that was fitted as a whole, as `load_experiment` reads it; `fitted` are JSON files by
    name. The weights come last.
    """
    write_json(folder / "config.json", dataclasses.asdict(config))
    write_text(folder / "labels.txt", "".join(f"{label}\n" for label in config.labels))
    for name, values in fitted.items():
        write_json(folder / f"{name}.json", values)
    with atomic_path(folder / "weights.pt") as partial:
        torch.save(model.state_dict(), partial)


def read_config(folder: Path) -> SystemConfig:
    """The SystemConfig of config.json."""
    return from_dict(SystemConfig, read_json(Path(folder) / "config.json"), str(Path(folder) / "config.json"))


def from_dict(cls: type, values: dict, where: str):
    """Nested dicts to nested dataclasses. Raises ConfigError for a key that the class does not have."""
    kinds = typing.get_type_hints(cls)
    unknown = [key for key in values if key not in kinds]
    if unknown:
        raise ConfigError(
            f"{where}: unknown key {unknown[0]!r}{nearest(unknown[0], list(kinds))}: it was written by "
            "another version"
        )
    nested = {key for key, kind in kinds.items() if dataclasses.is_dataclass(kind)}
    return cls(
        **{
            key: from_dict(kinds[key], value, f"{where}: {key}") if key in nested else value
            for key, value in values.items()
        }
    )
