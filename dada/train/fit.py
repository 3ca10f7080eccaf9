"""Training a system into its folder."""

import logging
from dataclasses import asdict
from pathlib import Path

import torch
from torch import nn

from dada import models
from dada.data.dataset import Dataset, digest
from dada.errors import ConfigError, DataError
from dada.experiment.config import SystemConfig, result_settings
from dada.experiment.folder import TRAIN_AGAIN, ExperimentFolder
from dada.storage.environment import run_facts
from dada.storage.json_file import read_json, write_json
from dada.storage.tensors import save_tensors
from dada.train import checkpoint
from dada.train.estimate import estimate
from dada.train.loop import Trainer
from dada.train.phases import differing_keys, phases_of
from dada.train.processes import make_accelerator
from dada.train.search import Search

PACKAGES = ("dada", "torch", "torchaudio", "transformers", "accelerate", "numpy")  # versions in run.json

log = logging.getLogger(__name__)


def fit(
    config: SystemConfig, train: Dataset, dev: Dataset, folder: Path, seed: int, weights: Path | None = None
) -> nn.Module:
    """Train a system in `folder` and return the model in evaluation mode; a complete folder is only loaded.

    `config.labels` is the order of the logits. `weights` is the path of the weights of `config.init`, if it
    differs. A killed run continues from its checkpoint and on a CPU ends with identical weights. Under
    torchrun every process calls this function, and each takes its share of every batch. Raise ConfigError for
    a folder that holds a run with other settings, DataError without utterances, DadaError for a loss that is
    not finite.
    """
    from accelerate.utils import set_seed

    phases = phases_of(config.train)
    init = weights or (Path(config.init) if config.init else None)
    _check_material(config, bool(init) or any(phase.epochs for phase in phases), train, dev)
    folder = Path(folder)
    finished = ExperimentFolder(folder).weights
    torch.set_num_threads(config.threads)
    accelerator = make_accelerator(config, reset=True)
    if accelerator.is_main_process:
        _prepare_folder(config, train, dev, folder, seed)
    accelerator.wait_for_everyone()
    set_seed(seed)
    model = models.build(config.task, config.model, len(config.labels))
    if finished.exists():
        log.info("%s: already trained in %s", config.name, folder)
        models.load_weights(model, config.task, config.model["name"], finished)
        return model.to(accelerator.device).eval()
    if init:
        models.load_weights(model, config.task, config.model["name"], init)
    level = logging.INFO if accelerator.is_main_process else logging.DEBUG
    sizes = (
        f"{len(train)} utterances, {len(dev)} on dev, {sum(p.numel() for p in model.parameters())} parameters"
    )
    log.log(level, "START training %s, seed %d: %s", config.name, seed, sizes)
    model.to(accelerator.device)
    if accelerator.process_index:  # so that dropout draws other masks in each process
        set_seed(seed + accelerator.process_index)
    if hasattr(model, "estimate"):
        seconds = estimate(model, config, train, folder)
    else:
        trainer = Search if hasattr(model, "architecture_parameters") else Trainer
        seconds = trainer(model, config, phases, train, dev, folder, seed).run()
    if accelerator.is_main_process:
        _finish(model, folder, seconds)
    accelerator.wait_for_everyone()
    log.log(level, "DONE training %s, seed %d: %.1f s", config.name, seed, seconds)
    return model.eval()


def _check_material(config: SystemConfig, has_weights: bool, train: Dataset, dev: Dataset) -> None:
    """Raise ConfigError without epochs and initial weights, DataError without utterances."""
    if not has_weights:
        raise ConfigError(
            f"{config.name}: train.epochs is 0, and there is no `init` that names weights: set one of them"
        )
    if not len(train) or not len(dev):
        raise DataError(
            f"{config.name}: {len(train)} utterances to train on and {len(dev)} on dev: both need some"
        )


def adopt_weights(config: SystemConfig, folder: Path, seed: int, weights: Path | None) -> None:
    """Write the folder of a system that is published weights, without any data to train on."""
    if weights is None:
        raise ConfigError(f"{config.name}: there is no `init` that names weights")
    _prepare_folder(config, None, None, folder, seed)
    model = models.build(config.task, config.model, len(config.labels))
    models.load_weights(model, config.task, config.model["name"], weights)
    _finish(model, folder, 0.0)
    log.info("%s: the weights are those of %s", config.name, weights)


def _prepare_folder(
    config: SystemConfig, train: Dataset | None, dev: Dataset | None, folder: Path, seed: int
) -> None:
    """Write the settings of a new folder. Raise ConfigError for a folder with other settings."""
    checkpoint.remove_partial(folder)
    new = {
        **result_settings(asdict(config)),
        "seed": seed,
        "train_data": None if train is None else digest(train),
        "dev_data": None if dev is None else digest(dev),
    }
    files = ExperimentFolder(folder)
    if files.run.exists() and files.config.exists():
        old = {
            **result_settings(read_json(files.config, TRAIN_AGAIN)),
            **read_json(files.run, TRAIN_AGAIN, {"data": dict})["data"],
        }
        differing = differing_keys(old, new)
        if differing:
            raise ConfigError(
                f"{folder} holds a training with other settings ({'; '.join(differing)}): "
                "remove it, choose another --exp, or go back to these settings"
            )
        return
    facts = run_facts(PACKAGES)
    facts["data"] = {key: new[key] for key in ("seed", "train_data", "dev_data")}
    write_json(files.run, facts, indent=2, ensure_ascii=False)
    files.write_labels(config.labels)
    write_json(files.config, asdict(config), indent=2, ensure_ascii=False)


def _finish(model: nn.Module, folder: Path, seconds: float) -> None:
    files = ExperimentFolder(folder)
    facts = {**read_json(files.run), "seconds": round(seconds, 2)}
    write_json(files.run, facts, indent=2, ensure_ascii=False)
    state = {name: tensor.detach().cpu() for name, tensor in model.state_dict().items()}
    save_tensors(files.weights, state)
