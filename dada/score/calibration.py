"""Logistic calibration and fusion: scores to log-likelihood ratios, fitted on dev.

N utterances, M systems.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dada.data.datadir import BONAFIDE, DataDir
from dada.errors import DataError
from dada.experiment.folder import ExperimentFolder
from dada.storage.json_file import write_json

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Platt:
    """Scores (N,) to `slope * score + offset`, natural-log likelihood ratios of bona fide against spoof."""

    slope: float = 1.0
    offset: float = 0.0

    def __call__(self, scores: np.ndarray) -> np.ndarray:
        return self.slope * np.asarray(scores, dtype=np.float64) + self.offset


@dataclass(frozen=True)
class LinearFusion:
    """Scores (N, M) to `scores @ weights + offset`, natural-log likelihood ratios of bona fide against
    spoof.
    """

    weights: tuple[float, ...]
    offset: float

    def __call__(self, scores: np.ndarray) -> np.ndarray:
        return np.asarray(scores, dtype=np.float64) @ np.array(self.weights) + self.offset


def fit_platt(scores: np.ndarray, bonafide: np.ndarray, prior: float | None = 0.5) -> Platt:
    """Calibrate the scores (N,) of a single system; see `fit_fusion`."""
    fusion = fit_fusion(np.asarray(scores, dtype=np.float64)[:, None], bonafide, prior)
    if fusion.weights[0] == 0:
        log.warning(
            "calibration: these scores do not rank bona fide above spoof on dev, so they are given no weight"
        )
    return Platt(fusion.weights[0], fusion.offset)


def fit_fusion(
    scores: np.ndarray, bonafide: np.ndarray, prior: float | None = 0.5, nonnegative: bool = True
) -> LinearFusion:
    """Fit a logistic regression to scores (N, M) of M systems and a boolean `bonafide` (N,).

    The classes are weighted to the prior of bona fide; a prior of None keeps their shares. The log-odds of
    the prior are subtracted, so that the result is a log-likelihood ratio for any prior. Targets are softened
    by one count each, so that separable scores give finite weights. With `nonnegative` no score is inverted.
    A constant system has weight 0. Raise DataError for NaN, a missing class, or a prior that is no
    probability. Source: Platt, Probabilistic outputs for support vector machines, 1999; Brümmer et al.,
    Fusion of heterogeneous speaker recognition systems, 2007.
    """
    from scipy.optimize import minimize  # slow to import, and whoever scores fits nothing

    scores, bonafide = np.asarray(scores, dtype=np.float64), np.asarray(bonafide, dtype=bool)
    num_bona, num_spoof = int(bonafide.sum()), int((~bonafide).sum())
    if not num_bona or not num_spoof:
        raise DataError(
            f"calibration needs bona fide and spoofed utterances, but there are {num_bona} and {num_spoof}"
        )
    if not np.isfinite(scores).all():
        bad = int((~np.isfinite(scores)).any(axis=1).sum())
        raise DataError(f"calibration: {bad} of {len(scores)} scores are NaN or infinite")
    if prior is not None and not 0 < prior < 1:
        raise DataError(f"calibration: the prior of bona fide is {prior}, and must be between 0 and 1")
    share = num_bona / len(scores) if prior is None else prior
    weight = np.where(bonafide, share / num_bona, (1 - share) / num_spoof)
    target = np.where(bonafide, (num_bona + 1) / (num_bona + 2), 1 / (num_spoof + 2))
    constant = np.ptp(scores, axis=0) == 0
    centre, spread = scores.mean(axis=0), np.where(constant, 1.0, scores.std(axis=0))
    z = np.where(
        constant, 0.0, (scores - centre) / spread
    )  # exactly 0, where rounding would leave something to fit

    def loss(parameters: np.ndarray) -> tuple[float, np.ndarray]:
        """Weighted cross-entropy of the softened targets, and its gradient."""
        logit = z @ parameters[:-1] + parameters[-1]
        value = weight @ (np.logaddexp(0, logit) - target * logit)
        residual = weight * (sigmoid(logit) - target)
        return value, np.append(residual @ z, residual.sum())

    num_systems = scores.shape[1]
    bounds = [(0 if nonnegative else None, None)] * num_systems + [(None, None)]
    options = {"ftol": 1e-14, "gtol": 1e-10, "maxiter": 1000}
    best = minimize(
        loss, np.zeros(num_systems + 1), jac=True, method="L-BFGS-B", bounds=bounds, options=options
    )
    weights = best.x[:-1] / spread
    return LinearFusion(tuple(weights.tolist()), float(best.x[-1] - weights @ centre - logit_of(share)))


def sigmoid(x: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-x)) without overflow."""
    return np.exp(-np.logaddexp(0, -np.asarray(x, dtype=np.float64)))


def logit_of(p: float) -> float:
    """Log-odds of a probability strictly between 0 and 1."""
    return float(np.log(p) - np.log1p(-p))


def calibrate(files: ExperimentFolder, utts: Sequence[str], scores: np.ndarray, data: DataDir) -> None:
    """Fit the calibration of a system on dev, and write calibration.json. Score files are not calibrated.

    Nothing is written where dev has no labels, or utterances of one class only.
    """
    if data.labels is None or len(set(data.labels.values())) < 2:
        return
    platt = fit_platt(scores, np.array([data.labels[utt] == BONAFIDE for utt in utts]))
    fitted = {"slope": platt.slope, "offset": platt.offset, "fitted_on": data.path.name}
    write_json(files.calibration, fitted)
