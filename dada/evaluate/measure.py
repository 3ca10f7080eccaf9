"""The metrics of a system on its trials, over all of them and by condition, with intervals.

Letters: K training seeds, N trials, R resamples.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from dada.errors import DataError
from dada.evaluate.results import ConditionResults, Measurements
from dada.evaluate.trials import Trials
from dada.evaluation_settings import EvaluateConfig
from dada.formats.words import ASV_KINDS
from dada.metrics.bootstrap import ResampledScores, Resampler
from dada.metrics.figure import Figure, figure
from dada.metrics.measures import BY_ATTACK, BY_KIND, MEASURES, missing


class Sampled:
    """Trials under resampling. The seeds share a resampler, so that the mean over seeds has an interval."""

    def __init__(self, trials: Trials, config: EvaluateConfig, intervals: bool = True):
        self.trials, self.config, self.intervals = trials, config, intervals
        self.seeds = trials.seeds(config)
        self._resamplers: dict[str, Resampler] = {}
        self._resampled: dict[str, list[ResampledScores]] = {}

    def lacks(self, name: str) -> str | None:
        """What is missing for a metric; None where it can be computed."""
        return next((why for seed in self.seeds if (why := missing(name, seed))), None)

    def values(self, name: str) -> list[float]:
        """A metric of every seed (K,)."""
        return [MEASURES[name].value(seed) for seed in self.seeds]

    def resamples(self, name: str) -> list[np.ndarray] | None:
        """A metric of every seed and resample, K of (R,); None without intervals."""
        measure = MEASURES[name]
        if not self.intervals:
            return None
        pairs = zip(self.resampled(measure.units), self.seeds, strict=True)
        return [measure.resampled(resampled, seed) for resampled, seed in pairs]

    def figure(self, name: str) -> Figure:
        """A metric with its interval. Raise DataError where it is not defined."""
        measure, config = MEASURES[name], self.config
        rows, resampler = self.resamples(name), self.resampler(measure.units)
        return figure(
            self.values(name), rows, resampler, config.confidence, measure.upper, measure.optimistic
        )

    def difference(
        self, name: str, values: Sequence[float], resamples: Sequence[np.ndarray] | None
    ) -> Figure:
        """Figure of differences of a metric: values (K,) and resamples, K of (R,)."""
        resampler = self.resampler(MEASURES[name].units)
        return figure(values, resamples, resampler, self.config.confidence, upper=None)

    def resampler(self, units: str) -> Resampler:
        """The resampler of trials, of trials with spoofs by attack, or of the kinds of trials."""
        if units not in self._resamplers:
            trials = self.trials
            clusters = trials.clusters_by_attack() if units == BY_ATTACK else trials.clusters
            masks = [trials.is_bonafide, ~trials.is_bonafide]
            if units == BY_KIND and trials.kinds is not None:
                masks = [np.asarray(trials.kinds == kind) for kind in ASV_KINDS]
            self._resamplers[units] = Resampler(
                *(clusters[mask] for mask in masks),
                num_resamples=self.config.num_resamples,
                seed=self.config.seed,
                jackknife=True,
            )
        return self._resamplers[units]

    def resampled(self, units: str) -> list[ResampledScores]:
        """Scores of every seed under that resampler, sorted once for all metrics."""
        if units not in self._resampled:
            self._resampled[units] = [
                self.resampler(units).over(
                    *((seed.kinds or ()) if units == BY_KIND else (seed.bonafide, seed.spoof))
                )
                for seed in self.seeds
            ]
        return self._resampled[units]


def measure(
    sampled: Sampled, names: Sequence[str], by: Sequence[str] = (), names_by: Sequence[str] = ("eer",)
) -> Measurements:
    """The metrics `names` over all trials, and `names_by` for every value of the conditions `by`.

    A metric that cannot be computed is None, and `missing` gives the reason.
    """
    trials = sampled.trials
    lacking = {name: why for name in names if (why := sampled.lacks(name))}
    names_by = [name for name in names_by if not sampled.lacks(name)]
    return Measurements(
        num_trials=trials.is_bonafide.size,
        num_bonafide=int(trials.is_bonafide.sum()),
        num_spoof=int((~trials.is_bonafide).sum()),
        metrics={name: None if name in lacking else sampled.figure(name) for name in names},
        missing=lacking,
        conditions={
            condition: {
                value: _under(sampled, condition, value, names_by) for value in trials.values(condition)
            }
            for condition in by
            if trials.values(condition)
        },
    )


def _under(sampled: Sampled, condition: str, value: str, names: Sequence[str]) -> ConditionResults:
    """The spoofs with one value against all bona fide trials, and `within` against those with that value.

    The tandem metrics assume the trials of the ASV that `Asv.under` gives.
    """
    trials = sampled.trials
    has_value = trials.conditions[condition].are(value)
    num_within = int(np.sum(has_value & trials.is_bonafide))
    result = ConditionResults(
        num_bonafide=int(trials.is_bonafide.sum()),
        num_spoof=int(np.sum(has_value & ~trials.is_bonafide)),
        num_bonafide_within=num_within,
    )
    for is_within in (False, True) if num_within else (False,):
        asv = trials.asv.under(condition, value, is_within, num_within > 0) if trials.asv else None
        scope = asv.scope if asv else None
        chosen = has_value if is_within else trials.is_bonafide | has_value
        part = Sampled(trials.subset(chosen, asv), sampled.config, sampled.intervals)
        figures = {name: _if_defined(part, name) for name in names}
        if is_within:
            result = replace(result, within=figures, asv_within=scope)
        else:
            result = replace(result, metrics=figures, asv=scope)
    return result


def _if_defined(sampled: Sampled, name: str) -> Figure | None:
    """A metric; None where it is not defined, as with an ASV that accepts no spoof of an attack."""
    try:
        return None if sampled.lacks(name) else sampled.figure(name)
    except DataError:
        return None
