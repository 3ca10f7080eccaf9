"""Logistic calibration: scores to log-odds or log-likelihood ratios, fitted on dev. N utterances."""

import logging
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from dada.errors import DataError

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Platt:
    """A calibrated score is `slope * score + offset`, a natural-log likelihood ratio of bona fide against spoof."""

    slope: float = 1.0
    offset: float = 0.0

    def __call__(self, scores: np.ndarray) -> np.ndarray:
        return self.slope * np.asarray(scores, dtype=np.float64) + self.offset


def fit_platt(scores: np.ndarray, bonafide: np.ndarray, prior: float | None = 0.5) -> Platt:
    """Fit on scores (N,) and a boolean `bonafide` (N,), so that `prior` is the probability of bona fide the two classes are weighted to.

    None keeps the classes' own share. The prior's log-odds are taken off again, so the result is a log-likelihood ratio whatever
    the prior is. Targets are softened by one count each, so that separable scores give a finite slope; a branch is never turned round
    (slope >= 0). Raises DataError for NaN or a missing class. Source: Platt, Probabilistic outputs for support vector machines, 1999.
    """
    scores, bonafide = np.asarray(scores, dtype=np.float64), np.asarray(bonafide, dtype=bool)
    num_bona, num_spoof = int(bonafide.sum()), int((~bonafide).sum())
    if not num_bona or not num_spoof:
        raise DataError(f"calibration needs bona fide and spoofed utterances, but there are {num_bona} and {num_spoof}")
    if not np.isfinite(scores).all():
        raise DataError(f"calibration: {int((~np.isfinite(scores)).sum())} of {len(scores)} scores are NaN or infinite")
    share = num_bona / len(scores) if prior is None else prior
    weight = np.where(bonafide, share / num_bona, (1 - share) / num_spoof)
    target = np.where(bonafide, (num_bona + 1) / (num_bona + 2), 1 / (num_spoof + 2))
    centre, spread = scores.mean(), scores.std() or 1.0
    z = (scores - centre) / spread

    def loss(parameters: np.ndarray) -> tuple[float, np.ndarray]:
        """Weighted cross-entropy of the softened targets, and its gradient."""
        logit = parameters[0] * z + parameters[1]
        value = weight @ (np.logaddexp(0, logit) - target * logit)
        residual = weight * (sigmoid(logit) - target)
        return value, np.array([residual @ z, residual.sum()])

    options = {"ftol": 1e-14, "gtol": 1e-10}
    best = minimize(loss, np.zeros(2), jac=True, method="L-BFGS-B", bounds=[(0, None), (None, None)], options=options)
    slope = best.x[0] / spread
    if slope == 0:
        log.warning("calibration: these scores do not rank bona fide above spoof on dev, so they are given no weight")
    return Platt(float(slope), float(best.x[1] - slope * centre - logit_of(share)))


def sigmoid(x: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-x)) without overflow."""
    return np.exp(-np.logaddexp(0, -np.asarray(x, dtype=np.float64)))


def logit_of(p: float) -> float:
    """Log-odds of a probability strictly between 0 and 1."""
    return float(np.log(p) - np.log1p(-p))
