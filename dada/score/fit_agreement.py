"""Fit an agreement fusion: voices and their scale on train, the weights of the evidence on dev."""

from collections.abc import Sequence

import numpy as np
import torch
from scipy.optimize import minimize_scalar
from torch import Tensor, nn

from dada.errors import DataError
from dada.models.fusion import agreement
from dada.models.fusion._branches import Branches, claimed_authors
from dada.score.calibration import fit_fusion
from dada.score.fit_late import judge

LOG_SCALES = (0.0, 5.0)  # of the cosine: e^0 to e^5


def fit_agreement(
    model: agreement.Model,
    on_train: Branches,
    train_bonafide: Sequence[bool],
    on_dev: Branches,
    dev_bonafide: np.ndarray,
) -> dict:
    """Fit an agreement fusion in place, and return the fitted numbers.

    The booleans (N,) say which utterances are bona fide. Raise DataError where fewer than two authors of the
    text corpus have bona fide training speech, or dev lacks a class.
    """
    bonafide = np.asarray(dev_bonafide, dtype=bool)
    if bonafide.all() or not bonafide.any():
        raise DataError(
            "an agreement fusion is fitted on dev, which must hold bona fide and spoofed utterances"
        )
    genuine = on_train.rows(np.flatnonzero(train_bonafide).tolist())
    speakers = claimed_authors(genuine.speakers, on_train.authors)
    known = speakers >= 0
    embeddings = nn.functional.normalize(genuine.audio_embedding[known].double(), dim=1)
    speakers = speakers[known]
    sums = torch.zeros_like(model.voices).index_add(0, speakers, embeddings)
    num_voices = int(sums.any(dim=1).sum())
    if num_voices < 2:
        raise DataError(
            f"an agreement fusion compares voices, but {num_voices} of {len(on_train.authors)} authors of "
            "the text corpus have bona fide training speech: check the names, or use another fusion"
        )
    model.voices.copy_(nn.functional.normalize(sums, dim=1))
    model.scale.fill_(choose_scale(sums, embeddings, speakers))
    evidence = model.evidence(agreement.inputs(model.config, on_dev), on_dev.speakers).numpy()
    fitted = fit_fusion(evidence, bonafide)
    model.weights.copy_(torch.tensor(fitted.weights))
    model.offset.fill_(fitted.offset)
    error_rate, cross_entropy = judge(fitted(evidence), bonafide)
    return {
        "weights": dict(zip(agreement.EVIDENCE, fitted.weights, strict=True)),
        "offset": fitted.offset,
        "scale": float(model.scale),
        "voices": num_voices,
        "dev": {"eer": error_rate, "cross_entropy": cross_entropy, "utterances": len(bonafide)},
    }


def choose_scale(sums: Tensor, embeddings: Tensor, speakers: Tensor) -> float:
    """Return the scale of the cosine with the largest mean log q(own speaker) of genuine training speech.

    `sums` (A, D) add up the embeddings (N, D) of each author. Every utterance is compared with the voice of
    its speaker without itself; speakers of one utterance have no such voice and do not count.
    """
    others = sums[speakers] - embeddings
    own = (nn.functional.normalize(others, dim=1) * embeddings).sum(1)
    cosines = embeddings @ nn.functional.normalize(sums, dim=1).T
    cosines = cosines.scatter(1, speakers[:, None], own[:, None])
    cosines = torch.where(sums.any(dim=1), cosines, -torch.inf)
    counted = others.norm(dim=1) > 1e-9
    if not counted.any():
        return 1.0

    def loss(log_scale: float) -> float:
        log_posterior = (float(np.exp(log_scale)) * cosines[counted]).log_softmax(1)
        return float(-log_posterior.gather(1, speakers[counted][:, None]).mean())

    return float(np.exp(minimize_scalar(loss, bounds=LOG_SCALES, method="bounded").x))
