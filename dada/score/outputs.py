"""Outputs of systems on a split or on a single clip, and the scores and classes that follow. N utterances."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from dada.data import DataDir
from dada.data.datadir import BONAFIDE
from dada.experiment.folder import ExperimentFolder
from dada.experiment.trained import Experiment, load_experiment
from dada.models.inference import Outputs, scores_from_logits
from dada.score.ensemble import join_members, score_ensemble
from dada.score.fuse import claim_scores, join_branches, score_fusion
from dada.score.open_set import score_open_set

log = logging.getLogger(__name__)


def outputs_from_branches(folder: Path, branches: Mapping[str, Path], data: Path) -> Outputs:
    """Return the outputs of the system in exp/<system>/seed_<k> on the split of a data directory.

    `branches` is branch -> folder of its training run.
    """
    experiment, split = load_experiment(folder), DataDir.read(data)
    torch.set_num_threads(experiment.config.threads)
    files = {name: ExperimentFolder(path) for name, path in branches.items()}
    outputs = {name: part.read_outputs(data.name) for name, part in files.items()}
    labels = {name: part.read_labels() for name, part in files.items()}
    return combine(experiment, outputs, labels, split.speakers)


def combine(
    experiment: Experiment,
    outputs: Mapping[str, Outputs],
    labels: Mapping[str, Sequence[str]],
    speakers: Mapping[str, str],
) -> Outputs:
    """Return the outputs of a system with branches, given the outputs and labels of each branch.

    `speakers` is utterance -> purported speaker. Raise DataError for utterances that not all branches have.
    """
    if experiment.config.task == "fusion":
        branches = join_branches(outputs["audio"], labels["audio"], outputs["text"], labels["text"], speakers)
        return score_fusion(experiment.model, experiment.config, branches).outputs
    if experiment.config.task == "ensemble":
        return score_ensemble(experiment.model, join_members(outputs, labels, experiment.config.labels))
    return score_open_set(experiment.model, outputs["classifier"])


def scores_of(experiment: Experiment, outputs: Outputs, speakers: Mapping[str, str]) -> np.ndarray | None:
    """Return countermeasure scores (N,); None for a system that has no class of bona fide speech.

    The scores of an author model are the log-odds that the purported speaker said the words, NaN for an
    unknown speaker.
    """
    if experiment.config.task == "text":
        return claim_scores(outputs, experiment.labels, speakers)
    if outputs.logits.shape[1] > 1 and BONAFIDE not in experiment.labels:
        return None
    if experiment.config.score == "bonafide_logit" and outputs.logits.shape[1] > 1:
        return outputs.logits[:, experiment.labels.index(BONAFIDE)].numpy()
    return scores_from_logits(outputs.logits, experiment.labels).numpy()


def finite_scores(experiment: Experiment, outputs: Outputs, speakers: Mapping[str, str]) -> np.ndarray:
    """Return the scores (N,) of a system that has scores.

    For a purported speaker who is no author of the model, the score is the log-odds of chance, since there is
    no evidence either way.
    """
    scores = scores_of(experiment, outputs, speakers)
    if scores is None:
        raise ValueError(f"{experiment.config.name} has no class of bona fide speech")
    if experiment.config.task != "text":
        return scores
    unknown = np.isnan(scores)
    if unknown.any():
        message = "%s: %d of %d purported speakers are not among its authors"
        log.warning(message, experiment.config.name, unknown.sum(), len(scores))
    return np.where(unknown, -np.log(max(len(experiment.labels) - 1, 1)), scores)


def decisions(experiment: Experiment, outputs: Outputs) -> list[str]:
    """Return the decided class of each utterance; of an open-set system it may be `unknown`."""
    if experiment.config.task == "open_set":
        open_set: Any = experiment.model
        chosen = open_set.classes(outputs.logits)
    else:
        chosen = outputs.logits.numpy().argmax(axis=1)
    return [experiment.labels[k] for k in chosen]
