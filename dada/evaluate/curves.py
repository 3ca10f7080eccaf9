"""What the plots of one system show: its DET curve with a band, its histogram of scores, its calibration."""

import numpy as np

from dada.evaluate.measure import Sampled
from dada.evaluate.results import Calibration, DetCurve, Histogram
from dada.evaluation_settings import LLR
from dada.metrics.calibration import reliability
from dada.metrics.measures import TRIALS

LOWEST_RATE = 1e-3  # ends of the axes of a DET plot
NUM_BINS = 40  # of a histogram


def det_curve(sampled: Sampled) -> DetCurve:
    """Pmiss at even steps of probit(Pfa): mean of the seeds, and the band of that mean."""
    from scipy.special import ndtr, ndtri  # slow to import

    config, edge = sampled.config, ndtri(LOWEST_RATE)
    p_fa = ndtr(np.linspace(edge, -edge, config.num_det_points))
    curves = [seed.curve for seed in sampled.seeds]
    p_miss = np.mean([np.interp(p_fa, curve.p_fa[::-1], curve.p_miss[::-1]) for curve in curves], axis=0)
    resampled = np.mean([trials.p_miss_at(p_fa) for trials in sampled.resampled(TRIALS)], axis=0)
    resampled = resampled[np.isfinite(resampled).all(axis=1)]
    low = high = None
    if len(resampled):
        ends = [(1 - config.confidence) / 2, (1 + config.confidence) / 2]
        low, high = np.quantile(resampled, ends, axis=0).tolist()
    return DetCurve(p_fa.tolist(), p_miss.tolist(), low, high)


def histogram(sampled: Sampled) -> Histogram:
    """Counts of both classes in equal bins, over all seeds.

    The outermost bins also hold the half percent of the trials that lies beyond them.
    """
    merged = np.concatenate([seed.merged for seed in sampled.seeds])
    low, high = np.quantile(merged, [0.0025, 0.9975])
    if low == high:
        low, high = low - 0.5, high + 0.5
    edges = np.linspace(low, high, NUM_BINS + 1)
    parts = [
        np.concatenate([getattr(seed, name) for seed in sampled.seeds]) for name in ("bonafide", "spoof")
    ]
    counts = [np.histogram(np.clip(part, low, high), edges)[0].tolist() for part in parts]
    return Histogram(edges.tolist(), counts[0], counts[1])


def calibration(sampled: Sampled) -> Calibration | None:
    """Points of a calibration plot over all seeds: of log-likelihood ratios as they are, of other scores
    after the calibration on dev; None where they have none.
    """
    seeds, is_calibrated = sampled.seeds, sampled.trials.kind != LLR
    if is_calibrated and not sampled.trials.calibrations:
        return None
    pairs = [seed.calibrated if is_calibrated else (seed.bonafide, seed.spoof) for seed in seeds]
    bonafide, spoof = (np.concatenate(part) for part in zip(*pairs, strict=True))
    return Calibration(**reliability(bonafide, spoof), calibrated=is_calibrated)
