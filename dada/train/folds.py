"""Out-of-fold outputs: what a model says of training utterances that it did not learn from, for a fusion to learn from."""

import hashlib
import logging
from pathlib import Path

import torch

from dada.data.dataset import Dataset, restrict
from dada.errors import DataError
from dada.models.inference import Outputs, run_model
from dada.train.config import SystemConfig
from dada.train.loop import fit

log = logging.getLogger(__name__)


def fold_of(source: str, num_folds: int) -> int:
    """The fold of a source, by a hash of its name: the same for every system, so audio and text leave out the same utterances.

    >>> [fold_of(f"line-{i}", 3) for i in range(8)]
    [1, 0, 2, 0, 0, 0, 1, 2]
    """
    return int.from_bytes(hashlib.sha256(source.encode()).digest()[:8], "big") % num_folds


def cross_fit(config: SystemConfig, train: Dataset, dev: Dataset, folder: Path, seed: int, uncut: Dataset | None = None) -> Outputs:
    """Train `train.folds` models in folder/fold_<k>, each without the sources of fold k, and let each speak of what it did not see.

    Returns outputs for all of `train`, in its order. `uncut` holds the same utterances as they are scored, where `train` cuts at
    random. Folds with no utterance are passed over. Raises DataError where all sources fall into one fold.
    """
    folds = [fold_of(source, config.train.folds) for source in train.sources]
    present = sorted(set(folds))
    if len(present) < 2:
        sources = len(set(train.sources))
        raise DataError(f"{config.name}: all {sources} sources of train fall into one fold, so none can be left out: set train.folds: 0")
    parts = []
    for fold in present:
        keep, held = ([i for i, k in enumerate(folds) if (k != fold) == inside] for inside in (True, False))
        log.info("%s: fold %d of %d, %d utterances held out", config.name, fold + 1, config.train.folds, len(held))
        model = fit(config, restrict(train, keep), dev, Path(folder) / f"fold_{fold}", seed)
        parts.append((held, run_model(model, restrict(uncut or train, held), config.train.batch_size)))
    order = torch.argsort(torch.tensor([i for held, _ in parts for i in held]))
    logits = torch.cat([outputs.logits for _, outputs in parts])[order]
    embeddings = torch.cat([outputs.embeddings for _, outputs in parts])[order]
    return Outputs(list(train.utts), logits, embeddings)
