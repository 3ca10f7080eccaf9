"""Fit the parameters of a late fusion on dev: calibration of the branches, and the weight of the audio."""

from collections.abc import Sequence

import numpy as np
import torch
from scipy.optimize import minimize_scalar
from torch import Tensor

from dada.errors import DataError
from dada.metrics.det import det
from dada.metrics.eer import eer_of
from dada.models.fusion import late
from dada.score.calibration import fit_platt, sigmoid

GRID = np.linspace(0, 1, 101)  # candidates for α
EQUAL_EER = 1e-9  # closer EERs are a tie, which the cross-entropy decides


def fit_late(
    model: late.Model, rows: Tensor, speakers: Sequence[str], bonafide: np.ndarray, spoof_rates: Tensor
) -> dict:
    """Fit a late fusion in place on dev, and return the fitted numbers.

    `rows` (N, 1 + A) are from `late.inputs`, `bonafide` (N,) are booleans, `spoof_rates` (A,) those of the
    training set. Raise DataError if dev lacks a class, or has no purported speaker whom the text model knows.
    """
    config = model.config
    bonafide = np.asarray(bonafide, dtype=bool)
    if bonafide.all() or not bonafide.any():
        raise DataError("a late fusion is fitted on dev, which must hold bona fide and spoofed utterances")
    model.spoof_rates.copy_(spoof_rates)
    audio, text = model.raw_log_odds(rows.double(), list(speakers))
    known = ~text.isnan().numpy()
    if not known.any():
        raise DataError(
            "no purported speaker of dev is an author of the text corpus, so this fusion would be the "
            "audio alone: check the names"
        )
    if config.rule in late.CALIBRATED:
        fitted = [fit_platt(audio.numpy(), bonafide), fit_platt(text.numpy()[known], bonafide[known])]
        model.platt.copy_(torch.tensor([[p.slope, p.offset] for p in fitted]))
    audio, text = model.branch_log_odds(rows.double(), list(speakers))
    model.alpha.fill_(choose_alpha(model, audio, text, bonafide))
    scores = model.fuse(audio, text).numpy()
    error_rate, cross_entropy = judge(scores, bonafide)
    return {
        "rule": config.rule,
        "alpha": float(model.alpha),
        "calibration": {
            branch: {"slope": p[0], "offset": p[1]}
            for branch, p in zip(("audio", "text"), model.platt.tolist(), strict=True)
        },
        "spoof_rates": dict(zip(config.authors, spoof_rates.tolist(), strict=True)),
        "dev": {
            "eer": error_rate,
            "cross_entropy": cross_entropy,
            "utterances": len(scores),
            "with_text_evidence": int(known.sum()),
        },
    }


def choose_alpha(model: late.Model, audio: Tensor, text: Tensor, bonafide: np.ndarray) -> float:
    """Return α by the rule of `model.weight`.

    The rules: least EER on a grid, ties by cross-entropy; least cross-entropy over α = σ(w); a fixed value.
    """
    config = model.config

    def scores_at(alpha: float) -> np.ndarray:
        model.alpha.fill_(alpha)
        return model.fuse(audio, text).numpy()

    if config.weight == "fixed":
        return config.alpha
    if config.weight == "learned":
        best = minimize_scalar(
            lambda w: judge(scores_at(float(sigmoid(w))), bonafide)[1], bounds=(-8, 8), method="bounded"
        )
        return float(sigmoid(best.x))
    results = [judge(scores_at(alpha), bonafide) for alpha in GRID]
    least = min(error_rate for error_rate, _ in results)
    tied = [i for i, (error_rate, _) in enumerate(results) if error_rate <= least + EQUAL_EER]
    return float(GRID[min(tied, key=lambda i: results[i][1])])


def judge(scores: np.ndarray, bonafide: np.ndarray) -> tuple[float, float]:
    """Return the EER, and the cross-entropy in nats with equal weights of the classes."""
    error_rate = eer_of(det(scores[bonafide], scores[~bonafide]))[0]
    return error_rate, float(
        (np.logaddexp(0, -scores[bonafide]).mean() + np.logaddexp(0, scores[~bonafide]).mean()) / 2
    )
