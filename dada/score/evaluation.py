"""The metrics of one system on one key by name, their intervals, and the paired difference of two systems. R
resamples.
"""

from dataclasses import dataclass, field

import numpy as np

from dada.errors import DataError
from dada.metrics.bootstrap import Resampler, Trials
from dada.metrics.measures import MEASURES, Measure, Scored, missing


@dataclass(frozen=True)
class Resamplers:
    """One for bona fide and spoofed trials, and one for targets, non-targets and spoofs, where there are
    such.
    """

    classes: Resampler | None
    kinds: Resampler | None = None
    confidence: float = 0.95
    trials: dict[tuple[int, bool], Trials] = field(default_factory=dict)

    def interval(self, values: np.ndarray | None, of_kinds: bool) -> dict:
        """Its ends, None where there is none."""
        if values is None:
            return {"low": None, "high": None}
        try:
            interval = (self.kinds if of_kinds else self.classes).interval(values, self.confidence)
        except DataError:  # every resample lacks a class: the metric exists, its interval does not
            return {"low": None, "high": None}
        return {"low": interval.low, "high": interval.high}

    def resampled(self, measure: Measure, scored: Scored) -> np.ndarray | None:
        """A metric of every resample (R,); None without a resampler."""
        chosen, parts = (
            (self.kinds, scored.kinds)
            if measure.of_kinds
            else (self.classes, (scored.bonafide, scored.spoof))
        )
        if chosen is None:
            return None
        key = id(scored), measure.of_kinds
        if key not in self.trials:  # sorted once for all metrics
            self.trials[key] = chosen.over(*parts)
        return measure.resampled(self.trials[key], scored)


def measure(scored: Scored, names: list[str], resamplers: Resamplers) -> dict[str, dict]:
    """Name -> value, and low and high end of its interval where there is a resampler; a metric without value
    has `why`.
    """
    found = {}
    for name in names:
        one = MEASURES[name]
        why = missing(name, scored)
        if why:
            found[name] = {"value": None, "why": why}
        else:
            found[name] = {
                "value": one.value(scored),
                **resamplers.interval(resamplers.resampled(one, scored), one.of_kinds),
            }
    return found


def difference(first: Scored, second: Scored, names: list[str], resamplers: Resamplers) -> dict[str, dict]:
    """Name -> first minus second on the same trials, and the interval of that difference on the same
    resamples.
    """
    found = {}
    for name in names:
        one = MEASURES[name]
        if missing(name, first) or missing(name, second):
            continue
        values = [one.value(scored) for scored in (first, second)]
        resampled = [resamplers.resampled(one, scored) for scored in (first, second)]
        apart = None if resampled[0] is None else resampled[0] - resampled[1]
        found[name] = {
            "first": values[0],
            "second": values[1],
            "value": values[0] - values[1],
            **resamplers.interval(apart, one.of_kinds),
        }
    return found
