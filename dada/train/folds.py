"""Out-of-fold outputs: what a model says of training utterances that it did not learn from, for a fusion to
learn from.
"""

import hashlib
import logging
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from dada.data.dataset import Dataset, restrict
from dada.errors import DataError
from dada.models.inference import Outputs, run_model
from dada.train.config import SystemConfig
from dada.train.loop import fit

log = logging.getLogger(__name__)


def fold_of(source: str, num_folds: int) -> int:
    """The fold of a source, by a hash of its name: the same for every system, so audio and text leave out the
    same utterances.

    >>> [fold_of(f"line-{i}", 3) for i in range(8)]
    [1, 0, 2, 0, 0, 0, 1, 2]
    """
    return int.from_bytes(hashlib.sha256(source.encode()).digest()[:8], "big") % num_folds


@dataclass
class Material:
    """What a system learns from and stops by, what it is to speak of, and the utterances on which the folds'
    embeddings are compared.
    """

    train: Dataset
    dev: Dataset
    speech: Dataset
    anchors: Dataset  # as they are scored, without random stretches

    def without(self, sources: set[str]) -> "Material":
        """The same without what was spoken from some sources, but for the speech."""
        parts = (self.train, self.dev, self.anchors)
        kept = [restrict(part, [i for i, s in enumerate(part.sources) if s not in sources]) for part in parts]
        return Material(kept[0], kept[1], self.speech, kept[2])


def cross_fit(
    config: SystemConfig,
    model: nn.Module,
    material: Material,
    folder: Path,
    seed: int,
    weights: Path | None = None,
) -> Outputs:
    """Train `train.folds` models in folder/fold_<k>, each without the sources of fold k, and let each speak
    of what it did not see.

    Returns outputs for all of `material.speech`, in its order. Every training ends in an embedding space of
    its own, so the embeddings of a fold are turned onto those of `model`, trained on everything, which a
    fusion will meet. Raises DataError where leaving out a fold leaves nothing to learn from or to stop by.
    """
    size = config.train.batch_size
    folds = [fold_of(source, config.train.folds) for source in material.speech.sources]
    logits, embeddings = [], []
    order: list[int] = []
    for fold in sorted(set(folds)):
        held = [i for i, k in enumerate(folds) if k == fold]
        rest = material.without({material.speech.sources[i] for i in held})
        if not len(rest.train) or not len(rest.dev):
            raise DataError(
                f"{config.name}: without fold {fold} of {config.train.folds} nothing is left to learn "
                "from: set train.folds: 0"
            )
        log.info(
            "%s: fold %d of %d, %d utterances held out", config.name, fold + 1, config.train.folds, len(held)
        )
        fold_model = fit(config, rest.train, rest.dev, Path(folder) / f"fold_{fold}", seed, weights)
        outputs = run_model(fold_model, restrict(material.speech, held), size)
        turn = rotation(
            run_model(fold_model, rest.anchors, size).embeddings,
            run_model(model, rest.anchors, size).embeddings,
        )
        logits.append(outputs.logits)
        embeddings.append(outputs.embeddings @ turn)
        order += held
    place = torch.argsort(torch.tensor(order))
    return Outputs(list(material.speech.utts), torch.cat(logits)[place], torch.cat(embeddings)[place])


def rotation(source: Tensor, target: Tensor) -> Tensor:
    """The orthogonal (D, D) matrix R for which source @ R is nearest to target, both (N, D). Source:
    Schönemann, Psychometrika 1966.
    """
    u, _, v = torch.linalg.svd(source.double().T @ target.double())
    return (u @ v).float()
