"""Every metric by its name: what it is, its value for a system, its values over resamples, and what it cannot
do without. R resamples.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from dada.metrics.auc import auc
from dada.metrics.bootstrap import Trials
from dada.metrics.calibration import cllr, cllr_cost
from dada.metrics.check import is_probability
from dada.metrics.dcf import Costs, act_dcf, min_dcf_of
from dada.metrics.det import Det, det
from dada.metrics.eer import eer_of
from dada.metrics.f1 import DEFINITIONS, f1_at_eer
from dada.metrics.sasv import a_dcf, a_dcf_factors, resampled_t_eer, t_eer
from dada.metrics.tdcf import Asv


@dataclass
class Scored:
    """One system's scores of both classes, and what else metrics need, where it is there."""

    bonafide: np.ndarray
    spoof: np.ndarray
    costs: Costs
    llr: bool | None = None  # whether the scores are said to be log-likelihood ratios; None: nobody says
    asv: Asv | None = None  # the given speaker verification of a tandem metric
    kinds: tuple[np.ndarray, np.ndarray, np.ndarray] | None = (
        None  # one score of targets, non-targets and spoofs: of verification itself
    )

    @cached_property
    def curve(self) -> Det:
        """The DET curve."""
        return det(self.bonafide, self.spoof)

    @cached_property
    def merged(self) -> np.ndarray:
        """Scores of both classes (N,)."""
        return np.concatenate([self.bonafide, self.spoof])


@dataclass(frozen=True)
class Measure:
    """A metric: `value` of a system, its `resampled` values (R,), and `lacks`, what it cannot do without.

    Those that are `of_kinds` measure targets, non-targets and spoofs by one score, and take Trials of these
    three classes.
    """

    says: str
    value: Callable[[Scored], float]
    resampled: Callable[[Trials, Scored], np.ndarray]
    lacks: Callable[[Scored], str | None] = lambda scored: None
    percent: bool = False
    of_kinds: bool = False
    tandem: bool = False  # whether it assumes an ASV


def _no_llr(scored: Scored) -> str | None:
    if scored.llr is False:
        return "the file beside the scores says that they are no log-likelihood ratios"
    if scored.llr is None and is_probability(scored.merged):
        return "the scores lie in [0, 1], so they are no log-likelihood ratios"
    return None


def _no_asv(scored: Scored) -> str | None:
    return None if scored.asv else "it needs --asv_scores"


def _no_asv_trials(scored: Scored) -> str | None:
    return (
        None if scored.asv and scored.asv.kinds else "it needs an ASV's scores, by --asv_scores or a column"
    )


def _act_dcf(trials: Trials, scored: Scored) -> np.ndarray:
    costs, (bonafide, spoof) = scored.costs, trials.scores
    return trials.mean_cost(
        costs.of_misses * (bonafide < costs.threshold), costs.of_false_accepts * (spoof >= costs.threshold)
    )


def _cllr(trials: Trials, scored: Scored) -> np.ndarray:
    bonafide, spoof = trials.scores
    return trials.mean_cost(cllr_cost(bonafide, True) / 2, cllr_cost(spoof, False) / 2)


def _f1(trials: Trials, scored: Scored) -> np.ndarray:
    with np.errstate(invalid="ignore", divide="ignore"):
        return f1_at_eer(trials.eer(), *trials.resampler.counts)


def _tdcf(version: str, says: str) -> Measure:
    def resampled(trials: Trials, scored: Scored) -> np.ndarray:
        c0, c1, c2 = scored.asv.factors(version)
        return trials.min_cost(c1, c2, constant=c0)

    def value(scored: Scored) -> float:
        c0, c1, c2 = scored.asv.factors(version)
        return float(c0 + np.min(scored.curve.cost(c1, c2)))

    def lacks(scored: Scored) -> str | None:
        if scored.asv and scored.asv.rates is None and version == "legacy":
            return "the constants of ASVspoof 2021 are those of the revised definition"
        return _no_asv(scored)

    return Measure(says, value, resampled, lacks, tandem=True)


MEASURES = {
    "eer": Measure(
        "equal error rate, ties grouped", lambda s: eer_of(s.curve)[0], lambda t, s: t.eer(), percent=True
    ),
    "eer_official": Measure(
        "equal error rate by the routine of the ASVspoof packages, which walks through ties",
        lambda s: eer_of(det(s.bonafide, s.spoof, "official"), "official")[0],
        lambda t, s: t.eer("official"),
        percent=True,
    ),
    "min_tdcf_2019": _tdcf(
        "legacy", "tandem detection cost at the best threshold, legacy definition of ASVspoof 2019"
    ),
    "min_tdcf_2021": _tdcf(
        "revised", "tandem detection cost at the best threshold, revised definition of ASVspoof 2021 and 5"
    ),
    "t_eer": Measure(
        "concurrent tandem EER of countermeasure and ASV",
        lambda s: t_eer(s.bonafide, s.spoof, *s.asv.kinds),
        lambda t, s: resampled_t_eer(t, *s.asv.kinds),
        _no_asv_trials,
        percent=True,
        tandem=True,
    ),
    "a_dcf": Measure(
        "detection cost of targets, non-targets and spoofs by one score, costs of ASVspoof 5",
        lambda s: a_dcf(*s.kinds)[0],
        lambda t, s: t.min_cost(*a_dcf_factors()),
        lambda s: None if s.kinds else "it needs a column sasv_score, and target or nontarget in the key",
        of_kinds=True,
    ),
    "min_dcf": Measure(
        "normalised detection cost at the best threshold",
        lambda s: min_dcf_of(s.curve, s.costs)[0],
        lambda t, s: t.min_cost(s.costs.of_misses, s.costs.of_false_accepts),
    ),
    "act_dcf": Measure(
        "normalised detection cost at the threshold of the costs, scores read as natural-log "
        "likelihood ratios",
        lambda s: act_dcf(s.bonafide, s.spoof, s.costs),
        _act_dcf,
        _no_llr,
    ),
    "cllr": Measure(
        "cost of log-likelihood ratios in bits, scores read as natural-log likelihood ratios",
        lambda s: cllr(s.bonafide, s.spoof),
        _cllr,
        _no_llr,
    ),
    "auc": Measure(
        "area under the receiver operating characteristic",
        lambda s: auc(s.bonafide, s.spoof),
        lambda t, s: t.auc(),
    ),
    "f1_at_eer": Measure(
        "F1: " + DEFINITIONS["f1_at_eer"],
        lambda s: f1_at_eer(eer_of(s.curve)[0], s.bonafide.size, s.spoof.size),
        _f1,
    ),
}


def missing(name: str, scored: Scored) -> str | None:
    """What a metric cannot do without and the system does not have; None where it can be computed."""
    if not MEASURES[name].of_kinds and not scored.merged.size:
        return "there are no scores of the countermeasure"
    return MEASURES[name].lacks(scored)
