"""Closed-set and open-set metrics of a system that names the attack.

Letters: S training seeds, N trials, K known classes, R resamples. Class K is unknown: that of a trial, or of
a decision.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from dada.errors import DataError
from dada.evaluation_settings import EvaluateConfig
from dada.metrics.auc import auc
from dada.metrics.bootstrap import Resampler
from dada.metrics.det import det
from dada.metrics.eer import eer_of
from dada.metrics.figure import Figure, figure

DEFINITIONS = {
    "closed_accuracy": "share of the trials of known classes whose known class of the largest logit is right",
    "closed_macro_f1": "unweighted mean F1 over the known classes, of trials of known classes, by the "
    "largest logit",
    "accuracy": "share of all trials whose class is right, unknown being one class",
    "macro_f1": "unweighted mean F1 over the classes that occur among the references, unknown being "
    "one class",
    "unknown_auc": "area under the curve that tells trials of unknown classes from the others by the "
    "probability of being unknown",
    "unknown_eer": "equal error rate of telling these trials from the others by that probability",
    "unknown_fpr95": "share of the trials of unknown classes that pass for known where 95 % of the trials of "
    "known classes do",
}
KNOWN_PASSED = 0.95  # of the trials of known classes, for the last one


def measure_classes(
    truth: np.ndarray,
    decided: np.ndarray,
    closed: np.ndarray,
    unknown_score: np.ndarray,
    num_known: int,
    speakers: Sequence[str],
    config: EvaluateConfig,
) -> dict[str, Any]:
    """Metrics with intervals over resampled speakers (N,), and the confusion matrix.

    `truth` (N,), `decided` (S, N) and `closed` (S, N), the decisions among known classes alone, are class
    indices; `unknown_score` (S, N) is higher for what looks unknown. The confusion matrix (K + 1, K + 1)
    holds counts, summed over the seeds: a row for each true class. Raises DataError for arrays of other
    shapes, or indices out of range.
    """
    truth = np.asarray(truth)
    decided, closed, unknown_score = map(np.atleast_2d, (decided, closed, unknown_score))
    _check(truth, decided, closed, unknown_score, num_known, len(speakers))
    known = truth < num_known
    names = np.asarray(speakers)
    resampler = _resampler(names[known], names[~known], config)
    order = np.concatenate([np.flatnonzero(known), np.flatnonzero(~known)])
    clusters = np.empty(truth.size, dtype=int)
    clusters[order] = np.concatenate([resampler.bonafide, resampler.spoof])
    of_all = [_Confusion(truth, row, clusters, num_known + 1, resampler) for row in decided]
    of_known = (
        [_Confusion(truth[known], row[known], clusters[known], num_known + 1, resampler) for row in closed]
        if known.any()
        else []
    )

    def summary(pairs: list[tuple[float, np.ndarray]]) -> Figure | None:
        """Figure of every seed's value and rows (R,); None without any."""
        if not pairs:
            return None
        values, resamples = zip(*pairs, strict=True)
        return figure(values, resamples, resampler, config.confidence, upper=1.0)

    return {
        "num_known": int(known.sum()),
        "num_unknown": int((~known).sum()),
        "closed_accuracy": summary([c.accuracy() for c in of_known]),
        "closed_macro_f1": summary([c.macro_f1() for c in of_known]),
        "accuracy": summary([c.accuracy() for c in of_all]),
        "macro_f1": summary([c.macro_f1() for c in of_all]),
        **_of_unknown(unknown_score, known, names, config),
        "confusion": np.sum([c.counts for c in of_all], axis=0).astype(int).tolist(),
    }


def _of_unknown(
    scores: np.ndarray, known: np.ndarray, names: np.ndarray, config: EvaluateConfig
) -> dict[str, Figure | None]:
    """How well scores (S, N) tell trials of unknown classes from `known` ones (N,); None without both."""
    if known.all() or not known.any():
        return dict.fromkeys(("unknown_auc", "unknown_eer", "unknown_fpr95"))
    resampler = _resampler(names[~known], names[known], config)
    pairs = [(row[~known], row[known]) for row in scores]
    drawn = [resampler.over(*pair) for pair in pairs]
    passed = np.array([1 - KNOWN_PASSED])
    found = {
        "unknown_auc": ([auc(*pair) for pair in pairs], [part.auc() for part in drawn]),
        "unknown_eer": ([eer_of(det(*pair))[0] for pair in pairs], [part.eer() for part in drawn]),
        "unknown_fpr95": (
            [passed_for_known(*pair) for pair in pairs],
            [part.p_miss_at(passed, every=True)[:, 0] for part in drawn],
        ),
    }
    return {
        name: figure(values, rows, resampler, config.confidence, upper=1.0)
        for name, (values, rows) in found.items()
    }


def passed_for_known(unknown: np.ndarray, known: np.ndarray) -> float:
    """FPR95: share of the scores (N,) of unknown trials that are no higher than 95 % of those of known trials
    (M,), a higher score meaning unknown.

    >>> passed_for_known(np.array([0.5, 2.0, 3.0, 4.0]), np.arange(20) / 10)
    0.25
    """
    threshold = np.sort(known)[int(np.ceil(KNOWN_PASSED * known.size)) - 1]
    return float(np.mean(unknown <= threshold))


def _resampler(first: np.ndarray, second: np.ndarray, config: EvaluateConfig) -> Resampler:
    return Resampler(first, second, num_resamples=config.num_resamples, seed=config.seed, jackknife=True)


def _check(
    truth: np.ndarray,
    decided: np.ndarray,
    closed: np.ndarray,
    unknown_score: np.ndarray,
    num_known: int,
    num_speakers: int,
) -> None:
    """Raise DataError for arrays of other shapes, or class indices out of range."""
    shapes = {decided.shape, closed.shape, unknown_score.shape}
    if shapes != {(len(decided), truth.size)} or truth.size != num_speakers:
        raise DataError(
            f"{truth.size} trials, but decisions {decided.shape}, {closed.shape} and scores "
            f"{unknown_score.shape}"
        )
    if (
        min(truth.min(), decided.min(), closed.min()) < 0
        or max(truth.max(), decided.max()) > num_known
        or closed.max() >= num_known
    ):
        raise DataError(
            f"class indices must be 0 to {num_known}, and those among known classes below {num_known}"
        )


class _Confusion:
    """Counts (C, C) of true against decided classes, and those of every resample (R, C, C), from the counts
    of each speaker.
    """

    def __init__(
        self,
        truth: np.ndarray,
        decided: np.ndarray,
        clusters: np.ndarray,
        num_classes: int,
        resampler: Resampler,
    ):
        cells = num_classes * num_classes
        index = clusters * cells + truth * num_classes + decided
        by_cluster = np.bincount(index, minlength=resampler.num_clusters * cells).reshape(-1, cells)
        self.counts = by_cluster.sum(axis=0).reshape(num_classes, num_classes)
        resampled = np.concatenate([weights @ by_cluster for weights in resampler.chunks()])
        self.resampled = resampled.reshape(-1, num_classes, num_classes)

    def accuracy(self) -> tuple[float, np.ndarray]:
        """Of all trials, and of each resample (R,)."""
        return float(_accuracy(self.counts)), _accuracy(self.resampled)

    def macro_f1(self) -> tuple[float, np.ndarray]:
        """Of all trials, and of each resample (R,)."""
        return float(_macro_f1(self.counts)), _macro_f1(self.resampled)


def _accuracy(counts: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore"):
        return np.trace(counts, axis1=-2, axis2=-1) / counts.sum(axis=(-2, -1))


def _macro_f1(counts: np.ndarray) -> np.ndarray:
    """Mean over the classes with references, which the others' zeros do not count in; NaN without any."""
    references, decisions = counts.sum(axis=-1), counts.sum(axis=-2)
    hits = np.diagonal(counts, axis1=-2, axis2=-1)
    f1 = 2 * hits / np.maximum(references + decisions, 1)
    occurs = references > 0
    with np.errstate(invalid="ignore"):
        return (f1 * occurs).sum(axis=-1) / occurs.sum(axis=-1)
