"""Ensembles: the outputs of the members side by side, and the factors of their sum, fitted on dev.

N utterances, M members, C columns.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from dada import models
from dada.data import BONAFIDE, Batch, DataDir
from dada.data.datadir import class_table
from dada.errors import ConfigError, DataError
from dada.experiment.config import SystemConfig
from dada.experiment.folder import ExperimentFolder
from dada.experiment.trained import save_experiment
from dada.metrics.det import det
from dada.metrics.eer import eer_of
from dada.models.ensemble import weighted
from dada.models.inference import Outputs, scores_from_logits
from dada.recipe_view import RecipeView
from dada.score.calibration import fit_fusion, fit_platt

log = logging.getLogger(__name__)


@dataclass
class Rows:
    """Outputs of all members on the same utterances, (N, M, C): scores (C = 1), or the logits of `labels`."""

    utts: list[str]
    values: Tensor
    labels: list[str]


def read_members(folders: Mapping[str, Path], split: str, labels: Sequence[str]) -> Rows:
    """Return the outputs of the members on a split, from embed/<split> of their seed folders.

    `labels` are as in `join_members`.
    """
    outputs = {name: ExperimentFolder(folder).read_outputs(split) for name, folder in folders.items()}
    member_labels = {name: ExperimentFolder(folder).read_labels() for name, folder in folders.items()}
    return join_members(outputs, member_labels, labels)


def join_members(
    outputs: Mapping[str, Outputs], member_labels: Mapping[str, Sequence[str]], labels: Sequence[str]
) -> Rows:
    """Bring the outputs of all members to the same order of utterances and classes.

    With the labels spoof and bonafide the values are countermeasure scores, with other labels logits; without
    labels those of the first member count. Raise DataError for utterances that not all members have,
    ConfigError for members of other classes.
    """
    first = next(iter(outputs))
    utts = outputs[first].utts
    wanted = list(labels) or list(member_labels[first])
    of_scores = class_table(wanted) == "utt2label"
    columns = []
    for name, output in outputs.items():
        unmatched = sorted(set(utts) ^ set(output.utts))
        if unmatched:
            named = ", ".join(unmatched[:5]) + (", …" if unmatched[5:] else "")
            raise DataError(f"{len(unmatched)} utterances are not in both {first} and {name}: {named}")
        row = {utt: i for i, utt in enumerate(output.utts)}
        logits = output.logits[[row[utt] for utt in utts]].double()
        if of_scores:
            columns.append(scores_from_logits(logits, member_labels[name])[:, None])
            continue
        if set(member_labels[name]) != set(wanted):
            raise ConfigError(
                f"member {name} has the classes {', '.join(member_labels[name])}, but the ensemble "
                f"{', '.join(wanted)}"
            )
        columns.append(logits[:, [list(member_labels[name]).index(label) for label in wanted]])
    return Rows(list(utts), torch.stack(columns, dim=1), wanted)


def fit_ensemble(model: weighted.Model, rows: Rows, bonafide: np.ndarray | None) -> dict:
    """Fit the factors of an ensemble on dev, in place, and return the fitted numbers.

    `bonafide` (N,) are booleans for countermeasures, whose sum becomes a natural-log likelihood ratio, and
    None for classifiers, whose sum of logits is not calibrated. Raise ConfigError if the weights of
    classifiers are to follow from dev.
    """
    config, x = model.config, rows.values.double().numpy()
    centre, spread = x.mean(axis=(0, 2)), x.std(axis=(0, 2))
    constant = np.ptp(x, axis=(0, 2)) == 0
    for name in np.array(config.members)[constant]:
        log.warning("ensemble: %s has the same output for every utterance of dev, and is left out", name)
    if bonafide is None and (config.learned or config.by_accuracy):
        raise ConfigError(
            f"model.{'learned' if config.learned else 'by_accuracy'} is for countermeasures (labels spoof "
            "and bonafide): give classifiers weights"
        )
    if config.learned and bonafide is not None:
        fusion = fit_fusion(x[:, :, 0], bonafide, config.prior)
        factors, offset = np.array(fusion.weights), fusion.offset
    else:
        ratios = model.ratios().numpy()
        if config.by_accuracy and bonafide is not None:
            ratios = np.array([accuracy(scores, bonafide) for scores in x[:, :, 0].T])
        factors, offset = np.where(constant, 0.0, ratios), 0.0
        if config.normalise == "z":
            factors = factors / np.where(constant, 1.0, spread)
            offset = -float(factors @ centre)
        if bonafide is not None:
            platt = fit_platt(x[:, :, 0] @ factors + offset, bonafide, config.prior)
            if platt.slope > 0:  # else the sum is not calibrated, and keeps its order
                factors, offset = platt.slope * factors, platt.slope * offset + platt.offset
    model.factors.copy_(torch.from_numpy(factors))
    model.offset.fill_(offset)
    dev: dict[str, float] = {"utterances": len(rows.utts)}
    if bonafide is not None:
        scores = x[:, :, 0] @ factors + offset
        dev["eer"] = 1 - accuracy(scores, bonafide)
    share = factors * spread / max(float((factors * spread).sum()), 1e-300)
    members = {
        name: {
            "factor": float(factors[i]),
            "share": float(share[i]),
            "mean": float(centre[i]),
            "deviation": float(spread[i]),
        }
        for i, name in enumerate(config.members)
    }
    return {"members": members, "offset": float(offset), "labels": rows.labels, "dev": dev}


def accuracy(scores: np.ndarray, bonafide: np.ndarray) -> float:
    """Return the share of both classes (N,) that scores (N,) tell rightly at the threshold of the EER."""
    return 1 - eer_of(det(scores[bonafide], scores[~bonafide]))[0]


@torch.inference_mode()
def score_ensemble(model: nn.Module, rows: Rows) -> Outputs:
    """Return the outputs of a fitted ensemble."""
    output = model.eval()(Batch(rows.utts, rows.values, torch.full((len(rows.utts),), rows.values.shape[1])))
    return Outputs(rows.utts, output.logits, output.embedding)


def train_ensemble(recipe: RecipeView, config: SystemConfig, seed: int, splits: Sequence[str]) -> None:
    """Fit one seed of an ensemble on dev, and write its folder with its outputs on `splits`."""
    home, dev_split = recipe.seed_dir(config.name, seed), str(recipe.splits.dev)
    folders = {name: recipe.seed_dir(system, seed) for name, system in config.branches.items()}
    rows = {split: read_members(folders, split, config.labels) for split in splits}
    dev, bonafide = rows[dev_split], None
    config = replace(config, labels=dev.labels, model={**config.model, "members": list(config.branches)})
    if class_table(config.labels) == "utt2label":
        labels = DataDir.read(recipe.data_dir(dev_split), require=("utt2label",))["utt2label"]
        bonafide = np.array([labels[utt] == BONAFIDE for utt in dev.utts])
    model = cast(weighted.Model, models.build("ensemble", config.model, len(config.labels)))
    fitted = fit_ensemble(model, dev, bonafide)
    shares = [f"{name} {100 * member['share']:.0f} %" for name, member in fitted["members"].items()]
    log.info("%s: %s", config.name, ", ".join(shares))
    for split in splits:
        ExperimentFolder(home).write_outputs(split, score_ensemble(model, rows[split]))
    save_experiment(home, config, model, fitted)
