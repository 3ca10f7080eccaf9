"""Exported systems, read back."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from dada import models
from dada.asr.config import TranscribeConfig
from dada.errors import DataError
from dada.experiment.config import SystemConfig
from dada.experiment.trained import Experiment
from dada.features import with_model_folders
from dada.models.weights import load_state
from dada.score.clip import System
from dada.settings import build
from dada.storage.exported import ADVICE, CONFIG, read_record, read_tensors
from dada.storage.yaml_file import read_yaml


@dataclass
class Exported:
    """A system in memory; `record` is the content of its export.json.

    `transcribe` says how to hear the words, None for a system that does not use them.
    """

    system: System
    record: dict[str, Any]
    transcribe: TranscribeConfig | None = None


def load_exported(folder: Path) -> Exported:
    """Load an exported system with those that it combines.

    Raise DataError for a damaged or edited folder, ConfigError where a pretrained encoder that it names by an
    id is not on this machine.
    """
    folder = Path(folder)
    record, path = read_record(folder), folder / CONFIG
    values = read_yaml(path)
    if not isinstance(values.get("systems"), dict) or values.get("system") not in values["systems"]:
        raise DataError(f"{path} names no system: {ADVICE}")
    transcribe = values.get("transcribe")
    return Exported(
        _system(folder, values["system"], values["systems"], read_tensors(folder), is_main=True),
        record,
        build(TranscribeConfig, transcribe, f"{path}: transcribe") if transcribe else None,
    )


def _system(
    folder: Path,
    name: str,
    configs: Mapping[str, Mapping[str, Any]],
    tensors: Mapping[str, Mapping[str, Tensor]],
    is_main: bool = False,
) -> System:
    where = f"{folder / CONFIG}: systems.{name}"
    if name not in configs:
        raise DataError(f"{where} is missing: {ADVICE}")
    config = build(SystemConfig, configs[name], where, hint="it was written by another version")
    config.model = with_model_folders(config.model, folder)
    model = models.build(config.task, config.model, len(config.labels))
    load_state(model, config.task, config.model["name"], tensors.get("" if is_main else name, {}), folder)
    experiment = Experiment(config, list(config.labels), model.eval())
    branches = {
        branch: _system(folder, system, configs, tensors) for branch, system in config.branches.items()
    }
    return System(experiment, folder, branches)
