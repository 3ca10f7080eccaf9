"""Fitting OpenMax to the logits of a trained classifier, and trying its tail and threshold on dev. N
utterances, K known classes.
"""

import logging
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from scipy.optimize import brentq
from torch import Tensor

from dada.data import Batch
from dada.errors import ConfigError, DataError
from dada.metrics.f1 import accuracy, macro_f1
from dada.models.inference import Outputs
from dada.models.open_set import openmax

SMALLEST_TAIL = 3  # distances that a Weibull distribution is fitted to, at the least

log = logging.getLogger(__name__)


def fit_tail(distances: np.ndarray, tail: int) -> tuple[float, float, float]:
    """Shape, scale and smallest value of the Weibull distribution of the `tail` largest distances, all where
    there are fewer.

    By maximum likelihood on tail - smallest + 1 with the location at 0, which is libMR's FitHigh (Scheirer et
    al., 2011). Raises DataError for fewer than 3 distances, or equal ones.
    """
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
    """Fit means and Weibull distributions in place to the rightly classified of logits (N, K) with classes
    (N,); returns what was fitted.

    Raises DataError naming a class of which too few were classified rightly.
    """
    logits = logits.double()
    right = torch.from_numpy(logits.numpy().argmax(axis=1)) == classes
    fitted = {}
    for k, label in enumerate(labels):
        mine = logits[right & (classes == k)]
        if len(mine) < SMALLEST_TAIL:
            total = int((classes == k).sum())
            raise DataError(
                f"OpenMax: the classifier names {len(mine)} of {total} utterances of {label} rightly, and "
                "needs at least "
                f"{SMALLEST_TAIL}: train it longer, or leave that class out of its labels"
            )
        model.means[k] = mine.mean(0)
        far = openmax.distances(mine, model.means[k : k + 1], model.config.distance)[:, 0]
        try:
            model.weibull[k] = torch.tensor(fit_tail(far.numpy(), model.config.tail), dtype=torch.float64)
        except DataError as error:
            raise DataError(f"OpenMax: class {label}: {error}") from error
        shape, scale, small = model.weibull[k].tolist()
        fitted[label] = {"shape": shape, "scale": scale, "smallest": small, "utterances": len(mine)}
    return {"classes": fitted, "tail": model.config.tail, "threshold": float(model.threshold)}


@torch.inference_mode()
def score_openmax(model: openmax.Model, outputs: Outputs) -> Outputs:
    """What a fitted OpenMax says of a classifier's outputs: log-probabilities (N, K + 1), and the logits (N,
    K) that they came from.
    """
    lengths = torch.full((len(outputs.utts),), outputs.logits.shape[1])
    output = model.eval()(Batch(outputs.utts, outputs.logits, lengths))
    return Outputs(outputs.utts, output.logits, output.embedding)


def sweep(
    config: openmax.Config, fit: tuple[Tensor, Tensor], dev: tuple[Tensor, Tensor], labels: Sequence[str]
) -> list[dict]:
    """How every tail and threshold does on dev; `fit` and `dev` are logits (N, K) and classes (N,).

    Dev knows no unknown class, so each known one is held out in turn: its logit is struck out and its
    utterances are unknown. Real unknown ones are harder, for the classifier has learned to keep the held-out
    class apart. `known_accuracy` is of all known classes, with none held out, where a rejection is an error;
    `held_out_macro_f1` is the mean over the classes held out.
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
    """The row of a sweep with the greatest macro-F1; of equal ones the first."""
    return max(rows, key=lambda row: row["held_out_macro_f1"])


def _decisions(
    config: openmax.Config, fit: tuple[Tensor, Tensor], dev: tuple[Tensor, Tensor], labels: Sequence[str]
) -> tuple[list[np.ndarray], np.ndarray]:
    """Predicted classes of dev for every threshold, and the true ones, len(labels) for unknown."""
    model = openmax.Model(config, len(labels) + 1)
    fit_openmax(model, *fit, labels)
    log_probabilities = model.revise(dev[0].double()).log_softmax(1)
    predicted = []
    for threshold in config.thresholds:
        model.threshold.fill_(threshold)
        predicted.append(model.classes(log_probabilities))
    return predicted, dev[1].numpy()


def _without(part: tuple[Tensor, Tensor], k: int, keep: bool) -> tuple[Tensor, Tensor]:
    """Logits and classes without the column of class k; its utterances are dropped, or kept as unknown."""
    logits, classes = part
    columns = [j for j in range(logits.shape[1]) if j != k]
    renamed = torch.where(classes == k, len(columns), classes - (classes > k).long())
    rows = torch.ones_like(classes, dtype=torch.bool) if keep else classes != k
    return logits[rows][:, columns], renamed[rows]


def _drop(labels: Sequence[str], k: int) -> list[str]:
    return [label for j, label in enumerate(labels) if j != k]
