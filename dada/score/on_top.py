"""What follows from what systems say: for the utterances of a split, read from arks, and for a single file
alike. N utterances.
"""

from collections.abc import Mapping, Sequence
from typing import cast

import numpy as np

from dada.data.datadir import BONAFIDE
from dada.experiment.trained import Experiment
from dada.models.inference import Outputs, scores_from_logits
from dada.models.open_set import openmax
from dada.score.ensemble import join_members, score_ensemble
from dada.score.fuse import claim_scores, join_branches, score_fusion
from dada.score.openmax import score_openmax


def combine(
    experiment: Experiment,
    said: Mapping[str, Outputs],
    labels: Mapping[str, Sequence[str]],
    speakers: Mapping[str, str],
) -> Outputs:
    """What a system on top of others says, given what each of its branches said and the labels of these.

    `speakers` is utterance -> purported speaker. Raises DataError for utterances that not all branches have.
    """
    if experiment.config.task == "fusion":
        branches = join_branches(said["audio"], labels["audio"], said["text"], labels["text"], speakers)
        return score_fusion(experiment.model, experiment.config, branches).outputs
    if experiment.config.task == "ensemble":
        return score_ensemble(experiment.model, join_members(said, labels, experiment.config.labels))
    model = cast(openmax.Model, experiment.model)
    return score_openmax(model, said["classifier"])


def scores_of(experiment: Experiment, outputs: Outputs, speakers: Mapping[str, str]) -> np.ndarray | None:
    """Countermeasure scores (N,); None of a system that has no class of bona fide speech.

    Of an author model they are the log-odds that the purported speaker said the words, NaN for one whom it
    does not know.
    """
    if experiment.config.task == "text":
        return claim_scores(outputs, experiment.labels, speakers)
    if outputs.logits.shape[1] > 1 and BONAFIDE not in experiment.labels:
        return None
    return scores_from_logits(outputs.logits, experiment.labels).numpy()


def decisions(experiment: Experiment, outputs: Outputs) -> list[str]:
    """The name of the class that a system decides for, of each utterance; an open-set system may say
    `unknown`.
    """
    if experiment.config.task == "open_set":
        chosen = cast(openmax.Model, experiment.model).classes(outputs.logits)
    else:
        chosen = outputs.logits.numpy().argmax(axis=1)
    return [experiment.labels[k] for k in chosen]
