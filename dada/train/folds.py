"""Out-of-fold outputs for a fusion: outputs on training utterances of models that did not learn from them."""

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from dada.data.dataset import Dataset, restrict
from dada.errors import DataError
from dada.experiment.config import SystemConfig
from dada.models.inference import Outputs, run_model
from dada.train.fit import fit

log = logging.getLogger(__name__)


def fold_of(source: str, num_folds: int) -> int:
    """Return the fold of a source by a hash of its name.

    It is equal for every system, so that audio and text systems leave out the same utterances.

    >>> [fold_of(f"line-{i}", 3) for i in range(8)]
    [1, 0, 2, 0, 0, 0, 1, 2]
    """
    return int.from_bytes(hashlib.sha256(source.encode()).digest()[:8], "big") % num_folds


@dataclass
class Material:
    """Data of a cross-fit: training and dev utterances, those to compute outputs for, and the anchors.

    The embeddings of two models on the anchors determine the rotation between them.
    """

    train: Dataset
    dev: Dataset
    speech: Dataset
    anchors: Dataset  # as in scoring, without random crops

    def without(self, sources: set[str]) -> "Material":
        """Return the same without utterances of some sources, `speech` excepted."""
        parts = (self.train, self.dev, self.anchors)
        kept = [restrict(part, [i for i, s in enumerate(part.sources) if s not in sources]) for part in parts]
        return Material(kept[0], kept[1], self.speech, kept[2])


def folds_of(sources: Sequence[str], num_folds: int) -> list[int]:
    """Return the fold of each source."""
    return [fold_of(source, num_folds) for source in sources]


def fold_outputs(
    config: SystemConfig,
    model: nn.Module,
    material: Material,
    folder: Path,
    seed: int,
    fold: int,
    weights: Path | None = None,
) -> Outputs:
    """Train a model in folder/fold_<k> without the sources of fold k of `train.folds`.

    Return its outputs for the utterances of that fold in `material.speech`. Every training ends in a
    different embedding space. The embeddings are therefore rotated onto those of `model`, which is trained on
    all sources and used in scoring. Raise DataError where no training or dev utterances are left.
    """
    size, speech = config.train.batch_size, material.speech
    folds = folds_of(speech.sources, config.train.folds)
    held = [i for i, k in enumerate(folds) if k == fold]
    rest = material.without({speech.sources[i] for i in held})
    if not len(rest.train) or not len(rest.dev):
        raise DataError(
            f"{config.name}: without fold {fold} of {config.train.folds} nothing is left to learn "
            "from: set train.folds: 0"
        )
    message = "%s: fold %d of %d, %d utterances held out"
    log.info(message, config.name, fold + 1, config.train.folds, len(held))
    fold_model = fit(config, rest.train, rest.dev, Path(folder) / f"fold_{fold}", seed, weights)
    outputs = run_model(fold_model, restrict(speech, held), size)
    turn = rotation(
        run_model(fold_model, rest.anchors, size).embeddings, run_model(model, rest.anchors, size).embeddings
    )
    return Outputs(outputs.utts, outputs.logits, outputs.embeddings @ turn)


def rotation(source: Tensor, target: Tensor) -> Tensor:
    """Return the orthogonal (D, D) matrix R with source @ R nearest to target, both (N, D).

    Source: Schönemann, Psychometrika 1966.
    """
    u, _, v = torch.linalg.svd(source.double().T @ target.double())
    return (u @ v).float()
