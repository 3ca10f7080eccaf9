"""Everything that is said of one system on one split: metrics over training seeds with intervals, breakdowns,
curves for plots.

Letters: K training seeds, N trials, R resamples. Every value is a plain number, list or dict, and None where
a metric does not exist.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.special import ndtr, ndtri

from dada.errors import DataError
from dada.metrics.bootstrap import Resampler, Trials, clusters_by_attack
from dada.metrics.calibration import reliability
from dada.metrics.check import warn_if_inverted
from dada.metrics.config import EvaluateConfig
from dada.metrics.dcf import Costs
from dada.metrics.measures import MEASURES, Scored, missing
from dada.metrics.tdcf import Asv

LOWEST_RATE = 1e-3  # ends of the axes of a DET plot
NUM_BINS = 40  # of a histogram
NO_VALUE = "-"  # of a trial that a condition says nothing of

METRICS = ("eer", "auc", "f1_at_eer", "min_dcf", "act_dcf", "cllr")
TANDEM = ("min_tdcf_2019", "min_tdcf_2021")
OVER_ATTACKS = "the same EER, its interval over resampled attacks, bona fide speech by resampled speakers"


def definitions(tandem: bool) -> dict[str, str]:
    """What the metrics of results are, by name."""
    return {name: MEASURES[name].says for name in (*METRICS, *(TANDEM if tandem else ()))} | {
        "eer_over_attacks": OVER_ATTACKS
    }


def measure(
    scores: np.ndarray,
    is_bonafide: np.ndarray,
    speakers: Sequence[str],
    config: EvaluateConfig,
    name: str,
    llr: bool = True,
    asv: Asv | None = None,
    attacks: Sequence[str] | None = None,
) -> dict:
    """Metrics, DET curve with its band, histogram and calibration of scores (K, N); intervals come from
    resampled speakers (N,).

    `name` is what a warning of inverted polarity calls the system. Without `llr`, actDCF, Cllr and the
    calibration are None. `asv` adds the tandem costs. With two `attacks` (N,) or more, the EER also has an
    interval over them.
    """
    trials = _Trials(scores, is_bonafide, speakers, config, llr, asv)
    metrics = {metric: trials.measured(metric) for metric in (*METRICS, *(TANDEM if asv else ()))}
    warn_if_inverted(metrics["eer"]["mean"], name)
    metrics["eer_over_attacks"] = None
    if attacks is not None and len(set(np.asarray(attacks)[~is_bonafide]) - {NO_VALUE}) > 1:
        over = _Trials(scores, is_bonafide, clusters_by_attack(is_bonafide, speakers, attacks), config)
        metrics["eer_over_attacks"] = over.measured("eer")
    pairs = [(seed.bonafide, seed.spoof) for seed in trials.seeds]
    calibration = reliability(*(np.concatenate(part) for part in zip(*pairs, strict=True))) if llr else None
    return {
        "metrics": metrics,
        "det": _det_band(trials, config),
        "histogram": _histogram(pairs),
        "calibration": calibration,
    }


def break_down(
    scores: np.ndarray,
    is_bonafide: np.ndarray,
    speakers: Sequence[str],
    conditions: Mapping[str, Sequence[str]],
    config: EvaluateConfig,
    names: Sequence[str] = (),
    llr: bool | None = None,
    asv: Asv | None = None,
) -> dict:
    """EER for every value of every condition (N,): of the spoofs with that value against all bona fide
    trials.

    `within` is the EER between the two classes' trials with that value, None unless both have some. A
    condition that no spoof has a value of is left out. `metrics` and `metrics_within` hold further metrics by
    `names`, None where one is not defined; then `asv` and `asv_within` say which trials of the ASV their
    tandem metrics assume: see `Asv.under`.
    """
    speakers = np.asarray(speakers)
    found: dict[str, dict] = {}
    for condition, values in conditions.items():
        values = np.asarray(values)
        for value in sorted(set(values[~is_bonafide]) - {NO_VALUE}):
            here = values == value
            num_inside = int(np.sum(here & is_bonafide))
            entry = found.setdefault(condition, {})[str(value)] = {
                "num_bonafide": int(is_bonafide.sum()),
                "num_spoof": int(np.sum(here & ~is_bonafide)),
                "eer": None,
                "num_bonafide_within": num_inside,
                "within": None,
            }
            for is_within, chosen in ((False, is_bonafide | here), *([(True, here)] if num_inside else [])):
                its_asv = asv and asv.under(condition, str(value), is_within, num_inside > 0)
                trials = _Trials(
                    np.atleast_2d(scores)[:, chosen],
                    is_bonafide[chosen],
                    speakers[chosen],
                    config,
                    llr,
                    its_asv,
                )
                entry["within" if is_within else "eer"] = trials.measured("eer")
                if names:
                    ending = "_within" if is_within else ""
                    entry["metrics" + ending] = {name: _if_defined(trials, name) for name in names}
                    entry["asv" + ending] = its_asv and its_asv.scope
    return found


def compare(
    first: np.ndarray,
    second: np.ndarray,
    is_bonafide: np.ndarray,
    speakers: Sequence[str],
    conditions: Mapping[str, Sequence[str]],
    config: EvaluateConfig,
) -> dict:
    """Metrics of the first minus those of the second system, scores (K, N) of the same trials and seeds, with
    paired intervals.

    Both systems are measured on the same resampled speakers, so that what both find hard cancels.
    `conditions` hold the differences of the EER for every value that spoofs have, against all bona fide
    trials.
    """
    speakers, found = np.asarray(speakers), {}
    for condition, values in conditions.items():
        values = np.asarray(values)
        for value in sorted(set(values[~is_bonafide]) - {NO_VALUE}):
            chosen = is_bonafide | (values == value)
            pair = [
                _Trials(np.atleast_2d(scores)[:, chosen], is_bonafide[chosen], speakers[chosen], config)
                for scores in (first, second)
            ]
            found.setdefault(condition, {})[str(value)] = _difference(pair, "eer")
    pair = [_Trials(scores, is_bonafide, speakers, config) for scores in (first, second)]
    return {
        "metrics": {name: _difference(pair, name) for name in ("eer", "auc", "min_dcf")},
        "conditions": found,
    }


def over_seeds(values: Sequence[float]) -> dict:
    """Mean and spread (standard deviation, n - 1) of a metric over training seeds; one seed has no spread."""
    values = [float(value) for value in values]
    spread = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return {"mean": float(np.mean(values)), "spread": spread, "per_seed": values}


class _Trials:
    """Scores of all seeds by class, under one resampler, so that the seeds' resamples are the same and their
    mean has an interval.
    """

    def __init__(
        self,
        scores: np.ndarray,
        is_bonafide: np.ndarray,
        speakers: Sequence[str],
        config: EvaluateConfig,
        llr: bool | None = None,
        asv: Asv | None = None,
    ):
        speakers = np.asarray(speakers)
        costs = Costs(config.cost_miss, config.cost_fa, config.p_spoof)
        self.resampler = Resampler(
            speakers[is_bonafide],
            speakers[~is_bonafide],
            num_resamples=config.num_resamples,
            seed=config.seed,
        )
        self.seeds = [
            Scored(row[is_bonafide], row[~is_bonafide], costs, llr, asv) for row in np.atleast_2d(scores)
        ]
        self.resampled: list[Trials] = [self.resampler.over(seed.bonafide, seed.spoof) for seed in self.seeds]
        self.confidence = config.confidence

    def values(self, name: str) -> tuple[list[float], list[np.ndarray]]:
        """A metric of every seed, and its resamples (K of (R,))."""
        one = MEASURES[name]
        resamples = [
            one.resampled(trials, seed) for trials, seed in zip(self.resampled, self.seeds, strict=True)
        ]
        return [one.value(seed) for seed in self.seeds], resamples

    def measured(self, name: str) -> dict | None:
        """The entry of a metric, None where the system lacks what it needs."""
        return None if any(missing(name, seed) for seed in self.seeds) else self.entry(*self.values(name))

    def entry(self, values: Sequence[float], resamples: Sequence[np.ndarray]) -> dict:
        """A metric's value per seed and its resamples (K of (R,)): mean, spread, and the interval of the
        mean.
        """
        try:
            interval = self.resampler.interval(np.mean(resamples, axis=0), self.confidence)
        except DataError:  # every resample lacks a class: the metric exists, its interval does not
            return {**over_seeds(values), "low": None, "high": None, "num_resamples": 0}
        return {
            **over_seeds(values),
            "low": interval.low,
            "high": interval.high,
            "num_resamples": interval.num_resamples,
        }


def _if_defined(trials: _Trials, name: str) -> dict | None:
    """The entry of a metric; None also where a tandem metric is not defined, as with an ASV that accepts no
    spoof of an attack.
    """
    try:
        return trials.measured(name)
    except DataError:
        return None


def _difference(pair: Sequence[_Trials], name: str) -> dict:
    """A metric of the first minus that of the second; seeds are paired in their order."""
    (values, resamples), (other_values, other_resamples) = (trials.values(name) for trials in pair)
    return pair[0].entry(np.subtract(values, other_values), np.subtract(resamples, other_resamples))


def _det_band(trials: _Trials, config: EvaluateConfig) -> dict:
    """Pmiss at even steps of probit(Pfa): mean of the seeds, and the band of that mean."""
    edge = ndtri(LOWEST_RATE)
    p_fa = ndtr(np.linspace(edge, -edge, config.num_det_points))
    p_miss = np.mean(
        [
            np.interp(p_fa, curve.p_fa[::-1], curve.p_miss[::-1])
            for curve in (seed.curve for seed in trials.seeds)
        ],
        axis=0,
    )
    resampled = np.mean([trial.p_miss_at(p_fa) for trial in trials.resampled], axis=0)
    resampled = resampled[np.isfinite(resampled).all(axis=1)]
    low, high = (
        (None, None)
        if not len(resampled)
        else np.quantile(
            resampled, [(1 - config.confidence) / 2, (1 + config.confidence) / 2], axis=0
        ).tolist()
    )
    return {"p_fa": p_fa.tolist(), "p_miss": p_miss.tolist(), "low": low, "high": high}


def _histogram(seeds: Sequence[tuple[np.ndarray, np.ndarray]]) -> dict:
    """Counts of both classes in equal bins, over all seeds; the outermost also hold the one trial in two
    hundred that lies beyond them.
    """
    bonafide, spoof = (np.concatenate(part) for part in zip(*seeds, strict=True))
    merged = np.concatenate([bonafide, spoof])
    low, high = np.quantile(merged, [0.0025, 0.9975])
    if low == high:
        low, high = low - 0.5, high + 0.5
    edges = np.linspace(low, high, NUM_BINS + 1)
    counts = [np.histogram(np.clip(part, low, high), edges)[0].tolist() for part in (bonafide, spoof)]
    return {"edges": edges.tolist(), "bonafide": counts[0], "spoof": counts[1]}
