"""Fitting of the pool of text systems, dada.models.ensemble.authors. N texts, M members, K authors."""

import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
import torch

from dada import models
from dada.data import DataDir
from dada.errors import ConfigError, DataError
from dada.experiment.config import SystemConfig
from dada.experiment.folder import ExperimentFolder
from dada.experiment.trained import save_experiment
from dada.models.ensemble import authors
from dada.recipe_view import RecipeView
from dada.score.ensemble import read_members, score_ensemble

log = logging.getLogger(__name__)


def fit_pool(logits: np.ndarray, truth: np.ndarray, balanced: bool) -> np.ndarray:
    """Return the weights (M,), none below 0, under which the pool makes the authors `truth` (N,) most likely.

    `logits` are (N, M, K). With `balanced` every author weighs the same. Raise DataError without texts.
    """
    from scipy.optimize import minimize  # slow to import, and whoever scores fits nothing

    if not len(truth):
        raise DataError("no text on dev is by an author of the members: nothing to fit the weights to")
    x = np.asarray(logits, dtype=np.float64)
    x = x - np.logaddexp.reduce(x, axis=2, keepdims=True)
    weight = 1 / np.bincount(truth)[truth] if balanced else np.ones(len(truth))
    weight = weight / weight.sum()
    own = x[np.arange(len(truth)), :, truth]  # (N, M)

    def loss(factors: np.ndarray) -> tuple[float, np.ndarray]:
        """Mean negative log posterior of the authors, and its gradient."""
        pooled = np.einsum("nmk,m->nk", x, factors)
        total = np.logaddexp.reduce(pooled, axis=1)
        expected = np.einsum("nmk,nk->nm", x, np.exp(pooled - total[:, None]))
        return float(weight @ (total - own @ factors)), weight @ (expected - own)

    start = np.full(x.shape[1], 1 / x.shape[1])
    bounds = [(0, None)] * x.shape[1]
    return minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"ftol": 1e-13}).x


def train_author_ensemble(recipe: RecipeView, config: SystemConfig, seed: int) -> None:
    """Fit one seed of a pool on dev, and write its folder with its outputs there."""
    home, split = recipe.seed_dir(config.name, seed), str(recipe.splits.dev)
    folders = {name: recipe.seed_dir(system, seed) for name, system in config.branches.items()}
    rows = read_members(folders, split, config.labels)
    config = replace(config, labels=rows.labels, model={**config.model, "members": list(folders)})
    model = cast(authors.Model, models.build("ensemble", config.model, len(config.labels)))
    data = DataDir.read(recipe.data_dir(split), require=("utt2spk",))
    number = {name: k for k, name in enumerate(rows.labels)}
    truth = np.array([number.get(data.speakers[utt], -1) for utt in rows.utts])
    known = truth >= 0
    factors = _stated(model.config, folders)
    if factors is None:
        factors = fit_pool(rows.values.numpy()[known], truth[known], model.config.balanced)
    model.factors.copy_(torch.from_numpy(factors))
    outputs = score_ensemble(model, rows)
    accuracy = float((outputs.logits.numpy().argmax(axis=1) == truth)[known].mean())
    weights = dict(zip(folders, factors.tolist(), strict=True))
    log.info("%s: %s", config.name, ", ".join(f"{name} {value:.3f}" for name, value in weights.items()))
    ExperimentFolder(home).write_outputs(split, outputs)
    dev = {"texts": int(known.sum()), "accuracy": accuracy}
    save_experiment(home, config, model, {"members": weights, "labels": rows.labels, "dev": dev})


def _stated(config: authors.Config, folders: Mapping[str, Path]) -> np.ndarray | None:
    """The configured weights in the order of the members, None without any. Raise ConfigError for others."""
    if not config.weights:
        return None
    if set(config.weights) != set(folders):
        raise ConfigError(
            f"model.weights are of {', '.join(config.weights)}, but the members (`branches`) are "
            f"{', '.join(folders)}"
        )
    return np.array([config.weights[name] for name in folders], dtype=np.float64)
