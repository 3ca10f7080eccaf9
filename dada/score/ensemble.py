"""Ensembles: what the members say side by side, and the factors of their sum, found on dev. N utterances, M
members, C columns.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from dada.data import Batch
from dada.data.datadir import class_table
from dada.errors import ConfigError, DataError
from dada.experiment.folder import ExperimentFolder
from dada.metrics.det import det
from dada.metrics.eer import eer_of
from dada.models.ensemble import weighted
from dada.models.inference import Outputs, scores_from_logits
from dada.score.calibration import fit_fusion, fit_platt

log = logging.getLogger(__name__)


@dataclass
class Rows:
    """What every member says of the same utterances: (N, M, C), C = 1 for scores, else the logits of
    `labels`.
    """

    utts: list[str]
    values: Tensor
    labels: list[str]


def read_members(folders: Mapping[str, Path], split: str, labels: Sequence[str]) -> Rows:
    """The members' outputs on a split, from embed/<split> of their seed folders; `labels` as `join_members`
    takes them.
    """
    outputs = {name: ExperimentFolder(folder).read_outputs(split) for name, folder in folders.items()}
    theirs = {name: ExperimentFolder(folder).read_labels() for name, folder in folders.items()}
    return join_members(outputs, theirs, labels)


def join_members(
    outputs: Mapping[str, Outputs], theirs: Mapping[str, Sequence[str]], labels: Sequence[str]
) -> Rows:
    """Bring members to the same order of utterances and classes; `theirs` are the labels of each.

    `labels` spoof and bonafide takes countermeasure scores, other classes take logits, and no labels those
    that the members have. Raises DataError for utterances that not all have, ConfigError for members of other
    classes.
    """
    first = next(iter(outputs))
    utts = outputs[first].utts
    wanted = list(labels) or list(theirs[first])
    of_scores = class_table(wanted) == "utt2label"
    columns = []
    for name, output in outputs.items():
        only_one = sorted(set(utts) ^ set(output.utts))
        if only_one:
            named = ", ".join(only_one[:5]) + (", …" if only_one[5:] else "")
            raise DataError(f"{len(only_one)} utterances are not in both {first} and {name}: {named}")
        row = {utt: i for i, utt in enumerate(output.utts)}
        logits = output.logits[[row[utt] for utt in utts]].double()
        if of_scores:
            columns.append(scores_from_logits(logits, theirs[name])[:, None])
            continue
        if set(theirs[name]) != set(wanted):
            raise ConfigError(
                f"member {name} has the classes {', '.join(theirs[name])}, but the ensemble "
                f"{', '.join(wanted)}"
            )
        columns.append(logits[:, [list(theirs[name]).index(label) for label in wanted]])
    return Rows(list(utts), torch.stack(columns, dim=1), wanted)


def fit_ensemble(model: weighted.Model, rows: Rows, bonafide: np.ndarray | None) -> dict:
    """Find the factors of an ensemble on dev, in place; returns what was fitted.

    `bonafide` (N,) are booleans for countermeasures, whose sum becomes a natural-log likelihood ratio, and
    None for classifiers, whose sum of logits stays as it is. Raises ConfigError where weights are to be
    learned for classifiers.
    """
    config, x = model.config, rows.values.double().numpy()
    ratios = model.ratios().numpy()
    centre, spread = x.mean(axis=(0, 2)), x.std(axis=(0, 2))
    constant = np.ptp(x, axis=(0, 2)) == 0
    for name in np.array(config.members)[constant]:
        log.warning("ensemble: %s gives every utterance of dev the same, and is left out", name)
    if config.learned:
        if bonafide is None:
            raise ConfigError(
                "model.learned is for countermeasures (labels spoof and bonafide): give classifiers weights"
            )
        fusion = fit_fusion(x[:, :, 0], bonafide, config.prior)
        factors, offset = np.array(fusion.weights), fusion.offset
    else:
        factors, offset = np.where(constant, 0.0, ratios), 0.0
        if config.normalise == "z":
            factors = factors / np.where(constant, 1.0, spread)
            offset = -float(factors @ centre)
        if bonafide is not None:
            platt = fit_platt(x[:, :, 0] @ factors + offset, bonafide, config.prior)
            if platt.slope > 0:  # else the order of the sum is kept, whatever it is worth
                factors, offset = platt.slope * factors, platt.slope * offset + platt.offset
    model.factors.copy_(torch.from_numpy(factors))
    model.offset.fill_(offset)
    dev: dict[str, float] = {"utterances": len(rows.utts)}
    if bonafide is not None:
        scores = x[:, :, 0] @ factors + offset
        dev["eer"] = eer_of(det(scores[bonafide], scores[~bonafide]))[0]
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


@torch.inference_mode()
def score_ensemble(model: nn.Module, rows: Rows) -> Outputs:
    """What a fitted ensemble says."""
    output = model.eval()(Batch(rows.utts, rows.values, torch.full((len(rows.utts),), rows.values.shape[1])))
    return Outputs(rows.utts, output.logits, output.embedding)
