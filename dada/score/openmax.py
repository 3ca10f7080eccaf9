"""Fit OpenMax to the logits of a trained classifier, and tune its tail and threshold on dev.

N utterances, K known classes.
"""

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from dada import models
from dada.data import DataDir
from dada.data.datadir import UNKNOWN
from dada.data.dataset import class_indices
from dada.errors import ConfigError, DataError
from dada.experiment.config import SystemConfig
from dada.experiment.folder import ExperimentFolder
from dada.experiment.trained import save_experiment
from dada.metrics.f1 import accuracy, macro_f1
from dada.models.open_set import openmax
from dada.recipe_view import RecipeView

SMALLEST_TAIL = 3  # distances that a Weibull distribution is fitted to, at the least

log = logging.getLogger(__name__)


def fit_tail(distances: np.ndarray, tail: int) -> tuple[float, float, float]:
    """Return shape, scale and smallest value of the Weibull distribution of the `tail` largest distances.

    All distances are used where there are fewer. The fit is by maximum likelihood on tail - smallest + 1 with
    the location at 0, as FitHigh of libMR (Scheirer et al., 2011). Raise DataError for fewer than 3
    distances, or equal distances.
    """
    from scipy.optimize import brentq  # slow to import, and whoever scores fits nothing

    largest = np.sort(np.asarray(distances, dtype=np.float64))[-tail:]
    if largest.size < SMALLEST_TAIL:
        raise DataError(
            f"{largest.size} distances are too few to fit a Weibull distribution: at least {SMALLEST_TAIL}"
        )
    log_y = np.log1p(largest - largest[0])
    if log_y[-1] < 1e-12:
        raise DataError(
            f"the {largest.size} largest distances are all {largest[0]:g}: there is no Weibull "
            "distribution of equal values"
        )

    def slope(k: float) -> float:
        """Derivative of the log-likelihood by the shape, up to its sign: it rises from below 0 to above."""
        weights = np.exp(k * (log_y - log_y[-1]))
        return weights @ log_y / weights.sum() - 1 / k - log_y.mean()

    high = 1.0
    while slope(high) < 0:
        high *= 2
    shape = brentq(slope, 1e-6, high, xtol=1e-13, rtol=1e-13)
    scale = np.exp(log_y[-1]) * np.mean(np.exp(shape * (log_y - log_y[-1]))) ** (1 / shape)
    return float(shape), float(scale), float(largest[0])


def fit_openmax(model: openmax.Model, logits: Tensor, classes: Tensor, labels: Sequence[str]) -> dict:
    """Fit means and Weibull distributions in place, and return the fitted numbers.

    They are fitted to the correctly classified utterances of logits (N, K) with classes (N,). Raise DataError
    naming a class with too few of these.
    """
    logits = logits.double()
    correct = torch.from_numpy(logits.numpy().argmax(axis=1)) == classes
    fitted = {}
    for k, label in enumerate(labels):
        own = logits[correct & (classes == k)]
        if len(own) < SMALLEST_TAIL:
            total = int((classes == k).sum())
            raise DataError(
                f"OpenMax: the classifier recognises {len(own)} of {total} utterances of {label}, "
                "and at least "
                f"{SMALLEST_TAIL} are needed: train it longer, or leave that class out of its labels"
            )
        model.means[k] = own.mean(0)
        far = openmax.distances(own, model.means[k : k + 1], model.config.distance)[:, 0]
        try:
            model.weibull[k] = torch.tensor(fit_tail(far.numpy(), model.config.tail), dtype=torch.float64)
        except DataError as error:
            raise DataError(f"OpenMax: class {label}: {error}") from error
        shape, scale, small = model.weibull[k].tolist()
        fitted[label] = {"shape": shape, "scale": scale, "smallest": small, "utterances": len(own)}
    return {"classes": fitted, "tail": model.config.tail, "threshold": float(model.threshold)}


def train_openmax(recipe: RecipeView, config: SystemConfig, seed: int, splits: Sequence[str]) -> None:
    """Fit one seed of an open-set system to the logits of its classifier on `splits`, and write its folder.

    With `model.tune`, tail and threshold are chosen on dev first.
    """
    files = ExperimentFolder(recipe.seed_dir(config.branches["classifier"], seed))
    labels = files.read_labels()
    parts = {split: _logits_and_classes(recipe, files, split, labels) for split in splits}
    train = parts[str(recipe.splits.train)]
    config = replace(config, labels=[*labels, UNKNOWN])
    model = _build(config)
    fitted: dict[str, Any] = {}
    if config.model["tune"]:
        rows = sweep(model.config, train, parts[str(recipe.splits.dev)], labels)
        best = best_of(rows)
        tail, threshold = best["tail"], best["threshold"]
        message = "%s: tail %d and threshold %g are best on dev, of %d combinations"
        log.info(message, config.name, tail, threshold, len(rows))
        config = replace(config, model={**config.model, "tail": tail, "threshold": threshold})
        model, fitted["sweep"] = _build(config), rows
    used = list(parts.values()) if config.model["fit_on"] == "train_dev" else [train]
    logits, classes = (torch.cat(values) for values in zip(*used, strict=True))
    fitted = {**fit_openmax(model, logits, classes, labels), **fitted}
    save_experiment(recipe.seed_dir(config.name, seed), config, model, fitted)


def _build(config: SystemConfig) -> openmax.Model:
    return cast(openmax.Model, models.build("open_set", config.model, len(config.labels)))


def _logits_and_classes(
    recipe: RecipeView, files: ExperimentFolder, split: str, labels: Sequence[str]
) -> tuple[Tensor, Tensor]:
    """Return the logits (N, K) of a classifier on a split and the true classes (N,), in the same order."""
    outputs = files.read_outputs(split)
    data = DataDir.read(recipe.data_dir(split), require=("utt2attack",))
    indices = cast(Tensor, class_indices(data, labels, required=True))
    classes = dict(zip(data.utts, indices.tolist(), strict=True))
    return outputs.logits, torch.tensor([classes[utt] for utt in outputs.utts])


def sweep(
    config: openmax.Config, fit: tuple[Tensor, Tensor], dev: tuple[Tensor, Tensor], labels: Sequence[str]
) -> list[dict]:
    """Return the figures of every tail and threshold on dev; `fit` and `dev` are logits (N, K) and classes
    (N,).

    Dev has no unknown class. Each known class is therefore held out in turn: its logit is removed and its
    utterances count as unknown. Real unknown classes are harder, since the classifier has learned to separate
    the held-out class. `known_accuracy` is over all known classes, with none held out, where a rejection is
    an error; `held_out_macro_f1` is the mean over the held-out classes.
    """
    if len(labels) < 3:
        raise ConfigError(
            f"OpenMax cannot be tuned on {len(labels)} classes: holding one out leaves no choice; set "
            "model.tune: false"
        )
    rows = []
    for tail in config.tails:
        known = _decisions(replace(config, tail=tail), fit, dev, labels)
        held_out = [
            _decisions(
                replace(config, tail=tail), _without(fit, k, False), _without(dev, k, True), _drop(labels, k)
            )
            for k in range(len(labels))
        ]
        for i, threshold in enumerate(config.thresholds):
            scores = [macro_f1(predicted[i], truth) for predicted, truth in held_out]
            rows.append(
                {
                    "tail": tail,
                    "threshold": threshold,
                    "known_accuracy": accuracy(known[0][i], known[1]),
                    "held_out_macro_f1": float(np.mean(scores)),
                }
            )
    return rows


def best_of(rows: Sequence[dict]) -> dict:
    """Return the row of a sweep with the greatest macro-F1, the first of equal rows."""
    return max(rows, key=lambda row: row["held_out_macro_f1"])


def _decisions(
    config: openmax.Config, fit: tuple[Tensor, Tensor], dev: tuple[Tensor, Tensor], labels: Sequence[str]
) -> tuple[list[np.ndarray], np.ndarray]:
    """Return the predicted classes of dev for every threshold, and the true classes; len(labels) is
    unknown.
    """
    model = openmax.Model(config, len(labels) + 1)
    fit_openmax(model, *fit, labels)
    log_probabilities = model.revise(dev[0].double()).log_softmax(1)
    predicted = []
    for threshold in config.thresholds:
        model.threshold.fill_(threshold)
        predicted.append(model.classes(log_probabilities))
    return predicted, dev[1].numpy()


def _without(part: tuple[Tensor, Tensor], k: int, keep: bool) -> tuple[Tensor, Tensor]:
    """Remove the column of class k; drop its utterances, or keep them as unknown."""
    logits, classes = part
    columns = [j for j in range(logits.shape[1]) if j != k]
    renamed = torch.where(classes == k, len(columns), classes - (classes > k).long())
    rows = torch.ones_like(classes, dtype=torch.bool) if keep else classes != k
    return logits[rows][:, columns], renamed[rows]


def _drop(labels: Sequence[str], k: int) -> list[str]:
    return [label for j, label in enumerate(labels) if j != k]
