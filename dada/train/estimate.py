"""Training of models without gradient, which may read the data several times."""

import logging
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dada.data.batch import Batch
from dada.data.dataset import Dataset
from dada.data.loader import Loader
from dada.errors import ConfigError
from dada.experiment.config import SystemConfig
from dada.models.inference import device_of
from dada.train import checkpoint
from dada.train.batches import required_labels
from dada.train.checkpoint import State

log = logging.getLogger(__name__)


def estimate(model: Any, config: SystemConfig, train: Dataset, folder: Path) -> float:
    """Fit `model` to labelled batches in the order of the utterances. Return the seconds over all starts.

    After each step of a model with `estimate_steps` a checkpoint is written to `folder`, from which a killed
    run continues. Raise ConfigError for augmentation, DataError without labels.
    """
    required_labels(train)
    if config.train.augment:
        raise ConfigError(
            f"{config.name}: train.augment is for models trained by gradient, and {config.model['name']} "
            "is not: remove it"
        )
    size = config.train.batch_size
    chunks = [list(range(i, min(i + size, len(train)))) for i in range(0, len(train), size)]
    device = device_of(model)

    def batches() -> Iterator[Batch]:
        return iter(Loader(train, chunks, device, config.train.num_workers))

    start = time.monotonic()
    if not hasattr(model, "estimate_steps"):
        model.estimate(batches, log)
        return time.monotonic() - start
    state, parts = checkpoint.load(folder) or (State(), {"progress": None})
    if parts["progress"] is not None:
        log.info("%s: continuing after %d steps", config.name, state.step)
    before = state.seconds
    for progress in model.estimate_steps(batches, log, parts["progress"]):
        state.step, state.seconds = state.step + 1, before + time.monotonic() - start
        if checkpoint.is_main_process():
            checkpoint.save(folder, state, {"progress": progress})
    return before + time.monotonic() - start
