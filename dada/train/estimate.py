"""Training of models without gradient, which read the data as often as they like."""

import logging
import time
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import nn
from torch.utils.data import DataLoader

from dada.data.batch import Batch
from dada.data.dataset import Dataset
from dada.errors import ConfigError
from dada.train import checkpoint
from dada.train.checkpoint import State
from dada.train.config import SystemConfig
from dada.train.evaluate import required_labels

log = logging.getLogger(__name__)


def estimate(model: nn.Module, config: SystemConfig, train: Dataset, folder: Path) -> float:
    """Fit `model` to labelled batches in the order of the utterances; returns the seconds it took, over all
    starts.

    A model with `estimate_steps` leaves a checkpoint in `folder` after each of its steps, from which a killed
    run goes on.
    """
    required_labels(train)
    if config.train.augment:
        raise ConfigError(
            f"{config.name}: train.augment is for models trained by gradient, and {config.model['name']} "
            "is not: remove it"
        )
    size = config.train.batch_size
    device = next((t.device for t in [*model.parameters(), *model.buffers()]), torch.device("cpu"))

    def batches() -> Iterator[Batch]:
        loader = DataLoader(
            train,
            size,
            collate_fn=train.collate,
            num_workers=config.train.num_workers,
            generator=torch.Generator(),
        )
        return (batch.to(device) for batch in loader)

    start = time.monotonic()
    if not hasattr(model, "estimate_steps"):
        model.estimate(batches, log)
        return time.monotonic() - start
    state, parts = checkpoint.load(folder) or (State(), {"progress": None})
    if parts["progress"] is not None:
        log.info("%s: going on after %d steps", config.name, state.step)
    before = state.seconds
    for progress in model.estimate_steps(batches, log, parts["progress"]):
        state.step, state.seconds = state.step + 1, before + time.monotonic() - start
        if checkpoint.is_main_process():
            checkpoint.save(folder, state, {"progress": progress})
    return before + time.monotonic() - start
