"""Everything that is said of one system on one split: metrics over training seeds with intervals, breakdowns, curves for plots.

Letters: K training seeds, N trials, R resamples. Every value is a plain number, list or dict, and None where a metric does not exist.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from scipy.special import ndtr, ndtri

from dada.errors import DataError
from dada.metrics.auc import auc
from dada.metrics.bootstrap import Resampler, Trials, clusters_by_attack
from dada.metrics.calibration import cllr, cllr_cost, reliability
from dada.metrics.check import warn_if_inverted
from dada.metrics.config import EvaluateConfig
from dada.metrics.dcf import Costs, act_dcf, min_dcf_of
from dada.metrics.det import det
from dada.metrics.eer import eer_of
from dada.metrics.f1 import DEFINITIONS, f1_at_eer
from dada.metrics.tdcf import AsvRates, factors, min_tdcf_of

LOWEST_RATE = 1e-3  # ends of the axes of a DET plot
NUM_BINS = 40  # of a histogram
NO_VALUE = "-"  # of a trial that a condition says nothing of

METRICS = {
    "eer": "equal error rate, ties grouped",
    "eer_over_attacks": "the same EER, its interval over resampled attacks, bona fide speech by resampled speakers",
    "auc": "area under the receiver operating characteristic",
    "f1_at_eer": "F1: " + DEFINITIONS["f1_at_eer"],
    "min_dcf": "normalised detection cost at the best threshold",
    "act_dcf": "normalised detection cost at the threshold of the costs, scores read as natural-log likelihood ratios",
    "cllr": "cost of log-likelihood ratios in bits, scores read as natural-log likelihood ratios",
}
TANDEM = {  # metric -> version of the cost, and what it is
    "min_tdcf_2019": ("legacy", "tandem detection cost at the best threshold, legacy definition of ASVspoof 2019"),
    "min_tdcf_2021": ("revised", "tandem detection cost at the best threshold, revised definition of ASVspoof 2021 and 5"),
}


def measure(
    scores: np.ndarray, is_bonafide: np.ndarray, speakers: Sequence[str], config: EvaluateConfig, name: str, llr: bool = True,
    asv: AsvRates | None = None, attacks: Sequence[str] | None = None,
) -> dict:
    """Metrics, DET curve with its band, histogram and calibration of scores (K, N); intervals come from resampled speakers (N,).

    `name` is what a warning of inverted polarity calls the system. Without `llr`, actDCF, Cllr and the calibration are None. `asv` adds
    the tandem costs. With two `attacks` (N,) or more, the EER also has an interval over them.
    """
    trials = _Trials(scores, is_bonafide, speakers, config)
    metrics = _all_metrics(trials, config, llr) | (_tandem_costs(trials, asv) if asv else {})
    warn_if_inverted(metrics["eer"]["mean"], name)
    metrics["eer_over_attacks"] = None
    if attacks is not None and len(set(np.asarray(attacks)[~is_bonafide]) - {NO_VALUE}) > 1:
        over = _Trials(scores, is_bonafide, clusters_by_attack(is_bonafide, speakers, attacks), config)
        metrics["eer_over_attacks"] = over.entry(*_eers(over))
    calibration = reliability(*(np.concatenate(part) for part in zip(*trials.seeds, strict=True))) if llr else None
    return {"metrics": metrics, "det": _det_band(trials, config), "histogram": _histogram(trials.seeds), "calibration": calibration}


def break_down(
    scores: np.ndarray, is_bonafide: np.ndarray, speakers: Sequence[str], conditions: Mapping[str, Sequence[str]], config: EvaluateConfig
) -> dict:
    """EER for every value of every condition (N,): of the spoofs with that value against all bona fide trials.

    `within` is the EER between the two classes' trials with that value, None unless both have some. A condition that no spoof
    has a value of is left out.
    """
    speakers = np.asarray(speakers)
    found: dict[str, dict] = {}
    for condition, values in conditions.items():
        values = np.asarray(values)
        for value in sorted(set(values[~is_bonafide]) - {NO_VALUE}):
            here = values == value
            num_inside = int(np.sum(here & is_bonafide))
            found.setdefault(condition, {})[str(value)] = {
                "num_bonafide": int(is_bonafide.sum()),
                "num_spoof": int(np.sum(here & ~is_bonafide)),
                "eer": _eer_of_some(scores, is_bonafide, speakers, is_bonafide | here, config),
                "num_bonafide_within": num_inside,
                "within": _eer_of_some(scores, is_bonafide, speakers, here, config) if num_inside else None,
            }
    return found


def compare(
    first: np.ndarray, second: np.ndarray, is_bonafide: np.ndarray, speakers: Sequence[str], conditions: Mapping[str, Sequence[str]],
    config: EvaluateConfig,
) -> dict:
    """Metrics of the first minus those of the second system, scores (K, N) of the same trials and seeds, with paired intervals.

    Both systems are measured on the same resampled speakers, so that what both find hard cancels. `conditions` hold the differences of the
    EER for every value that spoofs have, against all bona fide trials.
    """
    speakers, found = np.asarray(speakers), {}
    for condition, values in conditions.items():
        values = np.asarray(values)
        for value in sorted(set(values[~is_bonafide]) - {NO_VALUE}):
            chosen = is_bonafide | (values == value)
            pair = [_Trials(np.atleast_2d(scores)[:, chosen], is_bonafide[chosen], speakers[chosen], config) for scores in (first, second)]
            found.setdefault(condition, {})[str(value)] = _difference(pair, _eers)
    pair = [_Trials(scores, is_bonafide, speakers, config) for scores in (first, second)]
    costs = Costs(config.cost_miss, config.cost_fa, config.p_spoof)
    metrics = {
        "eer": _eers,
        "auc": lambda t: ([auc(*seed) for seed in t.seeds], [resampled.auc() for resampled in t.resampled]),
        "min_dcf": lambda t: (
            [min_dcf_of(curve, costs)[0] for curve in t.curves],
            [resampled.min_cost(costs.of_misses, costs.of_false_accepts) for resampled in t.resampled],
        ),
    }
    return {"metrics": {name: _difference(pair, metric) for name, metric in metrics.items()}, "conditions": found}


def over_seeds(values: Sequence[float]) -> dict:
    """Mean and spread (standard deviation, n - 1) of a metric over training seeds; one seed has no spread."""
    values = [float(value) for value in values]
    spread = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return {"mean": float(np.mean(values)), "spread": spread, "per_seed": values}


class _Trials:
    """Scores of all seeds by class, under one resampler, so that the seeds' resamples are the same and their mean has an interval."""

    def __init__(self, scores: np.ndarray, is_bonafide: np.ndarray, speakers: Sequence[str], config: EvaluateConfig):
        speakers = np.asarray(speakers)
        self.resampler = Resampler(speakers[is_bonafide], speakers[~is_bonafide], num_resamples=config.num_resamples, seed=config.seed)
        self.seeds = [(row[is_bonafide], row[~is_bonafide]) for row in np.atleast_2d(scores)]
        self.resampled: list[Trials] = [self.resampler.over(*pair) for pair in self.seeds]
        self.curves = [det(*pair) for pair in self.seeds]
        self.eers = [eer_of(curve)[0] for curve in self.curves]
        self.confidence = config.confidence

    def entry(self, values: Sequence[float], resamples: Sequence[np.ndarray]) -> dict:
        """A metric's value per seed and its resamples (K of (R,)): mean, spread, and the interval of the mean."""
        try:
            interval = self.resampler.interval(np.mean(resamples, axis=0), self.confidence)
        except DataError:  # every resample lacks a class: the metric exists, its interval does not
            return {**over_seeds(values), "low": None, "high": None, "num_resamples": 0}
        return {**over_seeds(values), "low": interval.low, "high": interval.high, "num_resamples": interval.num_resamples}


def _all_metrics(trials: _Trials, config: EvaluateConfig, llr: bool) -> dict:
    costs = Costs(config.cost_miss, config.cost_fa, config.p_spoof)
    sizes = [len(part) for part in trials.seeds[0]]
    resampled_eers = [resampled.eer() for resampled in trials.resampled]
    with np.errstate(invalid="ignore", divide="ignore"):
        resampled_f1 = [f1_at_eer(values, *trials.resampler.counts) for values in resampled_eers]
    metrics = {
        "eer": trials.entry(trials.eers, resampled_eers),
        "auc": trials.entry([auc(*pair) for pair in trials.seeds], [resampled.auc() for resampled in trials.resampled]),
        "f1_at_eer": trials.entry([f1_at_eer(value, *sizes) for value in trials.eers], resampled_f1),
        "min_dcf": trials.entry(
            [min_dcf_of(curve, costs)[0] for curve in trials.curves],
            [resampled.min_cost(costs.of_misses, costs.of_false_accepts) for resampled in trials.resampled],
        ),
        "act_dcf": None,
        "cllr": None,
    }
    if llr:
        wrong = [(costs.of_misses * (b < costs.threshold), costs.of_false_accepts * (s >= costs.threshold)) for b, s in trials.seeds]
        bits = [(cllr_cost(b, True) / 2, cllr_cost(s, False) / 2) for b, s in trials.seeds]
        for name, metric, parts in (("act_dcf", lambda b, s: act_dcf(b, s, costs), wrong), ("cllr", cllr, bits)):
            means = [resampled.mean_cost(*part) for resampled, part in zip(trials.resampled, parts, strict=True)]
            metrics[name] = trials.entry([metric(*pair) for pair in trials.seeds], means)
    return metrics


def _tandem_costs(trials: _Trials, asv: AsvRates) -> dict:
    costs = {}
    for name, (version, _) in TANDEM.items():
        c0, c1, c2 = factors(asv, version)
        values = [min_tdcf_of(curve, asv, version) for curve in trials.curves]
        costs[name] = trials.entry(values, [resampled.min_cost(c1, c2, c0) for resampled in trials.resampled])
    return costs


def _eers(trials: _Trials) -> tuple[list, list]:
    return trials.eers, [resampled.eer() for resampled in trials.resampled]


def _difference(pair: Sequence[_Trials], metric: Callable[[_Trials], tuple[list, list]]) -> dict:
    """`metric` gives values per seed and their resamples; seeds are paired in their order."""
    (values, resamples), (other_values, other_resamples) = (metric(trials) for trials in pair)
    return pair[0].entry(np.subtract(values, other_values), np.subtract(resamples, other_resamples))


def _eer_of_some(scores, is_bonafide, speakers, chosen, config: EvaluateConfig) -> dict:
    trials = _Trials(np.atleast_2d(scores)[:, chosen], is_bonafide[chosen], speakers[chosen], config)
    return trials.entry(trials.eers, [resampled.eer() for resampled in trials.resampled])


def _det_band(trials: _Trials, config: EvaluateConfig) -> dict:
    """Pmiss at even steps of probit(Pfa): mean of the seeds, and the band of that mean."""
    edge = ndtri(LOWEST_RATE)
    p_fa = ndtr(np.linspace(edge, -edge, config.num_det_points))
    p_miss = np.mean([np.interp(p_fa, curve.p_fa[::-1], curve.p_miss[::-1]) for curve in trials.curves], axis=0)
    resampled = np.mean([trial.p_miss_at(p_fa) for trial in trials.resampled], axis=0)
    resampled = resampled[np.isfinite(resampled).all(axis=1)]
    low, high = (None, None) if not len(resampled) else np.quantile(
        resampled, [(1 - config.confidence) / 2, (1 + config.confidence) / 2], axis=0
    ).tolist()
    return {"p_fa": p_fa.tolist(), "p_miss": p_miss.tolist(), "low": low, "high": high}


def _histogram(seeds: Sequence[tuple[np.ndarray, np.ndarray]]) -> dict:
    """Counts of both classes in equal bins, over all seeds; the outermost also hold the one trial in two hundred that lies beyond them."""
    bonafide, spoof = (np.concatenate(part) for part in zip(*seeds, strict=True))
    merged = np.concatenate([bonafide, spoof])
    low, high = np.quantile(merged, [0.0025, 0.9975])
    if low == high:
        low, high = low - 0.5, high + 0.5
    edges = np.linspace(low, high, NUM_BINS + 1)
    counts = [np.histogram(np.clip(part, low, high), edges)[0].tolist() for part in (bonafide, spoof)]
    return {"edges": edges.tolist(), "bonafide": counts[0], "spoof": counts[1]}
