"""Fusions: the outputs of the audio and the text branch side by side, and the fused scores. N utterances."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from dada import plugins
from dada.data import NO_SPEAKER, Batch
from dada.errors import DataError
from dada.experiment.config import SystemConfig
from dada.experiment.folder import ExperimentFolder
from dada.models.fusion._branches import Branches, claimed_authors, log_odds_of_claim
from dada.models.fusion._controls import controlled
from dada.models.inference import Outputs, scores_from_logits

ROWS = 4096  # rows that go through a fusion at once: bounds the memory

log = logging.getLogger(__name__)


@dataclass
class Fused:
    """Fused log-odds of bona fide (N,), the outputs of the fusion, and the log-odds of each branch.

    Those of the text branch are the log-odds that the purported speaker said the words, NaN for an unknown
    speaker.
    """

    scores: np.ndarray
    outputs: Outputs
    contributions: dict[str, np.ndarray]
    num_unknown: int


def join_branches(
    audio: Outputs,
    audio_labels: Sequence[str],
    text: Outputs,
    authors: Sequence[str],
    speakers: Mapping[str, str],
) -> Branches:
    """Bring the outputs of both branches to the same order of utterances, with their purported speakers.

    Raise DataError naming utterances that not both branches and `speakers` have.
    """
    unmatched = sorted(set(audio.utts) ^ set(text.utts)) or sorted(set(audio.utts) - set(speakers))
    if unmatched:
        named = ", ".join(unmatched[:5]) + (", …" if unmatched[5:] else "")
        raise DataError(f"{len(unmatched)} utterances are not in both branches and in utt2spk: {named}")
    row = {utt: i for i, utt in enumerate(text.utts)}
    order = [row[utt] for utt in audio.utts]
    return Branches(
        list(audio.utts),
        scores_from_logits(audio.logits, audio_labels),
        audio.embeddings,
        text.logits[order].double().log_softmax(1),
        text.embeddings[order],
        [speakers[utt] for utt in audio.utts],
        list(authors),
    )


def read_branches(audio: Path, text: Path, split: str, speakers: Mapping[str, str]) -> Branches:
    """Return the branches of a fusion on a split, from embed/<split> of their seed folders.

    `speakers` is utterance -> purported speaker.
    """
    branches = [ExperimentFolder(folder) for folder in (audio, text)]
    of_audio, of_text = ((branch.read_outputs(split), branch.read_labels()) for branch in branches)
    return join_branches(*of_audio, *of_text, speakers)


def claim_scores(text: Outputs, authors: Sequence[str], speakers: Mapping[str, str]) -> np.ndarray:
    """Return the scores (N,) of a text system without audio: log p(s|t) - log(1 - p(s|t)) of the purported
    speaker s, NaN for an unknown s.
    """
    claimed = claimed_authors([speakers[utt] for utt in text.utts], list(authors))
    return torch.where(
        claimed >= 0, log_odds_of_claim(text.logits.double().log_softmax(1), claimed), torch.nan
    ).numpy()


def fusion_module(config: SystemConfig) -> tuple[Any, Any]:
    """Return the module of the fusion model of a system, and its filled-in `Config`."""
    rest = dict(config.model)
    module = plugins.load("dada.models.fusion", rest.pop("name"), "fusion model")
    return module, module.Config(**rest)


def under_control(config: SystemConfig, branches: Branches) -> Branches:
    """Return the branches as a fusion reads them: without what its `control` takes out."""
    return controlled(branches, getattr(fusion_module(config)[1], "control", "none"))


def fusion_inputs(config: SystemConfig, branches: Branches) -> torch.Tensor:
    """Return the inputs (N, D) of the fusion model, of branches after `under_control`.

    Raise DataError for purported speakers that it cannot use.
    """
    module, settings = fusion_module(config)
    if settings.authors and list(settings.authors) != branches.authors:
        raise DataError(
            f"{config.name} was trained with other authors than its text branch has now: train it again "
            "(stage train_fusion)"
        )
    if module.needs_speaker(settings):
        check_speakers(config, branches)
    return module.inputs(settings, branches)


def check_speakers(config: SystemConfig, branches: Branches) -> int:
    """Return the number of utterances whose purported speaker the text model does not know, and warn of them.

    Raise DataError if no utterance has a purported speaker, or for an unknown speaker if
    `model.unknown_speaker` is `error`.
    """
    if all(speaker == NO_SPEAKER for speaker in branches.speakers):
        raise DataError(
            f"{config.name} needs the purported speaker, but none of {len(branches.utts)} "
            "utterances names one: "
            "give utt2spk (or --speaker for a single file), or use a fusion without one, such as "
            "dada_late_bayes"
        )
    unknown = [
        i for i, k in enumerate(claimed_authors(branches.speakers, branches.authors).tolist()) if k < 0
    ]
    if not unknown:
        return 0
    names = sorted({branches.speakers[i] for i in unknown})
    message = (
        f"{config.name}: {len(unknown)} of {len(branches.utts)} utterances have a purported speaker the "
        "text model was not trained on "
        f"({', '.join(names[:5])}{', …' if names[5:] else ''})"
    )
    if config.model.get("unknown_speaker", "audio") == "error":
        raise DataError(f"{message}: add texts of these speakers, or set model.unknown_speaker=audio")
    log.warning("%s: they get no text evidence, the audio decides", message)
    return len(unknown)


@torch.inference_mode()
def score_fusion(model: nn.Module, config: SystemConfig, branches: Branches) -> Fused:
    """Return the fused scores of a trained fusion. Contributions are of the branches without its control."""
    model.eval()
    read = under_control(config, branches)
    rows = fusion_inputs(config, read)
    logits, embeddings = [], []
    for start in range(0, len(rows), ROWS):
        part = slice(start, start + ROWS)
        x = rows[part]
        output = model(
            Batch(read.utts[part], x, torch.full((len(x),), x.shape[1]), None, read.speakers[part])
        )
        logits.append(output.logits)
        embeddings.append(output.embedding)
    outputs = Outputs(branches.utts, torch.cat(logits), torch.cat(embeddings))
    claimed = claimed_authors(branches.speakers, branches.authors)
    text = torch.where(claimed >= 0, log_odds_of_claim(branches.text_log_posterior, claimed), torch.nan)
    contributions = {"audio": branches.audio_score.double().numpy(), "text": text.numpy()}
    return Fused(
        scores_from_logits(outputs.logits, config.labels).double().numpy(),
        outputs,
        contributions,
        int((claimed < 0).sum()),
    )
