"""The paired difference of two systems on the same trials and the same resamples.

What both systems find hard cancels. Letters: K training seeds, paired in their order, R resamples.
"""

from collections.abc import Sequence

import numpy as np

from dada.evaluate.measure import Sampled
from dada.evaluate.results import Comparison, Difference


def compare(first: Sampled, second: Sampled, names: Sequence[str], by: Sequence[str] = ()) -> Comparison:
    """Metrics of the first minus those of the second system, and of the EER for every value of `by`.

    A metric that one of the systems lacks is left out. The spoofs with a value are measured against all bona
    fide trials.
    """
    conditions: dict[str, dict[str, Difference]] = {}
    for condition in by:
        for value in first.trials.values(condition):
            chosen = first.trials.is_bonafide | first.trials.conditions[condition].are(value)
            pair = [
                Sampled(system.trials.subset(chosen), system.config, system.intervals)
                for system in (first, second)
            ]
            conditions.setdefault(condition, {})[value] = _difference(pair[0], pair[1], "eer")
    shared = [name for name in names if not first.lacks(name) and not second.lacks(name)]
    return Comparison(
        metrics={name: _difference(first, second, name) for name in shared}, conditions=conditions
    )


def _difference(first: Sampled, second: Sampled, name: str) -> Difference:
    values = [np.array(system.values(name)) for system in (first, second)]
    drawn, others = first.resamples(name), second.resamples(name)
    resamples = None if drawn is None or others is None else list(np.subtract(drawn, others))
    result = first.difference(name, list(values[0] - values[1]), resamples)
    return Difference(**vars(result), first=float(values[0].mean()), second=float(values[1].mean()))
