"""Calibration of scores and probabilities: Cllr, expected calibration error, Brier score."""

import numpy as np
from numpy.typing import ArrayLike

from dada.errors import DataError
from dada.metrics.check import both_classes, scores_of


def cllr(bonafide: ArrayLike, spoof: ArrayLike) -> float:
    """Cost of log-likelihood ratios, bits; 0 is perfect, 1 is uninformative (Brümmer and du Preez, Computer
    Speech and Language 20, 2006).

    Scores are natural-log likelihood ratios, bona fide over spoof.
    """
    bonafide, spoof = both_classes(bonafide, spoof)
    return float((np.mean(cllr_cost(bonafide, True)) + np.mean(cllr_cost(spoof, False))) / 2)


def cllr_cost(scores: np.ndarray, is_bonafide: bool) -> np.ndarray:
    """(N,) bits that each trial of one class adds to its class's mean."""
    return np.logaddexp(0, -scores if is_bonafide else scores) / np.log(2)


def min_cllr(bonafide: ArrayLike, spoof: ArrayLike) -> float:
    """Cllr of the scores after the best order-preserving map to log-likelihood ratios, bits: what a perfect
    calibration would leave (Brümmer and du Preez, 2006).

    The map is fitted on the same trials, by the pool-adjacent-violators algorithm.
    """
    bonafide, spoof = both_classes(bonafide, spoof)
    groups = np.unique(np.concatenate([bonafide, spoof]), return_inverse=True)[1]
    size = int(groups.max()) + 1
    return pooled_cllr(
        np.bincount(groups[: bonafide.size], minlength=size).astype(np.float64),
        np.bincount(groups[bonafide.size :], minlength=size).astype(np.float64),
    )


def pooled_cllr(bonafide: np.ndarray, spoof: np.ndarray) -> float:
    """min Cllr from the trials of each class in groups of rising score, each (G,); NaN without a class."""
    from scipy.optimize import isotonic_regression  # slow to import

    totals = bonafide.sum(), spoof.sum()
    if not min(totals):
        return float("nan")
    shares = np.stack([bonafide / totals[0], spoof / totals[1]])
    shares = shares[:, shares.sum(axis=0) > 0]
    pooled = isotonic_regression(shares[0] / shares.sum(axis=0), weights=shares.sum(axis=0)).x
    parts = zip(shares, (pooled, 1 - pooled), strict=True)  # of a group without trials of a class: 0 log 0
    return float(-sum((share * np.log2(np.where(share > 0, value, 1))).sum() for share, value in parts) / 2)


def brier(probability: ArrayLike, is_bonafide: ArrayLike) -> float:
    """Mean squared distance between P(bona fide) (N,) and the truth (N,)."""
    probability, is_bonafide = _probabilities(probability, is_bonafide)
    return float(np.mean((probability - is_bonafide) ** 2))


def ece(probability: ArrayLike, is_bonafide: ArrayLike, num_bins: int = 15) -> float:
    """Expected calibration error: mean distance of P(bona fide) and the share of bona fide, over equal bins
    weighted by size.
    """
    probability, is_bonafide = _probabilities(probability, is_bonafide)
    bins = np.minimum((probability * num_bins).astype(int), num_bins - 1)
    mean = np.bincount(bins, probability, num_bins)
    true = np.bincount(bins, is_bonafide, num_bins)
    return float(np.abs(mean - true).sum() / probability.size)


def reliability(bonafide: ArrayLike, spoof: ArrayLike, num_bins: int = 10) -> dict[str, list[float]]:
    """Points of a calibration plot of log-likelihood ratios, both classes weighing the same.

    For each equal bin of P(bona fide) that is not empty: `predicted`, the mean of P(bona fide); `true`, the
    share of bona fide speech; `weight`, the share of all trials.
    """
    bonafide, spoof = both_classes(bonafide, spoof)
    scores = np.concatenate([bonafide, spoof])
    weights = np.repeat([0.5 / bonafide.size, 0.5 / spoof.size], [bonafide.size, spoof.size])
    probability = np.exp(-np.logaddexp(0, -scores))
    bins = np.minimum((probability * num_bins).astype(int), num_bins - 1)
    weight = np.bincount(bins, weights, num_bins)
    mean = np.bincount(bins, weights * probability, num_bins)
    true = np.bincount(bins[: bonafide.size], weights[: bonafide.size], num_bins)
    full = weight > 0
    return {
        "predicted": (mean[full] / weight[full]).tolist(),
        "true": (true[full] / weight[full]).tolist(),
        "weight": weight[full].tolist(),
    }


def _probabilities(probability: ArrayLike, is_bonafide: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    probability = scores_of(probability, "probability")
    if probability.min() < 0 or probability.max() > 1:
        raise DataError(
            f"probabilities must lie in [0, 1], these go from {probability.min():.4g} to "
            f"{probability.max():.4g}"
        )
    truth = np.asarray(is_bonafide, dtype=np.float64).ravel()
    if truth.size != probability.size:
        raise DataError(f"there are {probability.size} probabilities for {truth.size} labels")
    return probability, truth
