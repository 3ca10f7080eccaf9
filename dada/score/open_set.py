"""Open-set systems on the outputs of a classifier: fitting, and outputs.

A model of dada/models/open_set has `classes`, which decides, and either `fit(train, dev)` or, as OpenMax with
its search for a tail and a threshold, a file of its own here. N utterances, K known classes, D embedding.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from dada import models
from dada.data import Batch
from dada.data.datadir import UNKNOWN
from dada.experiment.config import SystemConfig
from dada.experiment.folder import ExperimentFolder
from dada.experiment.trained import save_experiment
from dada.models.inference import Outputs
from dada.recipe_view import RecipeView
from dada.score.openmax import train_openmax

OPENMAX = "openmax"


def train_open_set(recipe: RecipeView, config: SystemConfig, seed: int, splits: Sequence[str]) -> None:
    """Fit one seed of an open-set system to the outputs of its classifier on `splits`, and write its
    folder.
    """
    if config.model["name"] == OPENMAX:
        train_openmax(recipe, config, seed, splits)
        return
    files = ExperimentFolder(recipe.seed_dir(config.branches["classifier"], seed))
    train, dev = (files.read_outputs(split) for split in splits)
    settings = {**config.model, "width": train.embeddings.shape[1]}
    config = replace(config, labels=[*files.read_labels(), UNKNOWN], model=settings)
    model: Any = models.build("open_set", config.model, len(config.labels))
    fitted = model.fit(_joined(train), _joined(dev))
    save_experiment(recipe.seed_dir(config.name, seed), config, model, fitted)


@torch.inference_mode()
def score_open_set(model: Any, outputs: Outputs) -> Outputs:
    """Return the log-probabilities (N, K + 1) of a fitted model, and the logits (N, K) they are from."""
    inputs = _joined(outputs) if getattr(model, "reads_embeddings", False) else outputs.logits
    lengths = torch.full((len(outputs.utts),), inputs.shape[1])
    output = model.eval()(Batch(outputs.utts, inputs, lengths))
    return Outputs(outputs.utts, output.logits, output.embedding)


def _joined(outputs: Outputs) -> Tensor:
    return torch.cat([outputs.logits, outputs.embeddings], 1)  # (N, K + D)
