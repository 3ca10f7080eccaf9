"""The catalogue of metrics: title, definition, value, values over R resamples, and what each needs."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from dada.errors import DataError
from dada.evaluation_settings import LLR, SCORE_KINDS
from dada.metrics.auc import auc
from dada.metrics.bootstrap import ResampledScores
from dada.metrics.calibration import cllr, cllr_cost, min_cllr
from dada.metrics.check import is_probability
from dada.metrics.dcf import Costs, act_dcf, min_dcf_of
from dada.metrics.det import Det, det
from dada.metrics.eer import eer_of
from dada.metrics.f1 import DEFINITIONS, f1_at_eer, f1_of_rates
from dada.metrics.sasv import a_dcf, a_dcf_factors, resampled_t_eer, t_eer
from dada.metrics.tdcf import Asv

# What is resampled: trials of both classes by cluster, the same with spoofs by attack, and the three kinds of
# trials of speaker verification.
TRIALS, BY_ATTACK, BY_KIND = "trials", "attacks", "kinds"
BONAFIDE, SPOOF = "bona fide", "spoofed"
WITHOUT_ODDS = ("cosine", "bonafide_logit")  # kinds of scores of which 0 is no even chance


@dataclass
class Scored:
    """Scores of one system and one training seed by class, and what else metrics need."""

    bonafide: np.ndarray
    spoof: np.ndarray
    costs: Costs
    kind: str | None = None  # what the scores are, of SCORE_KINDS; None where unknown
    calibration: tuple[float, float] | None = None  # slope and offset to log-likelihood ratios, from dev
    asv: Asv | None = None  # the given speaker verification of a tandem metric
    # one score of targets, non-targets and spoofs: of verification itself
    kinds: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None
    num_attacks: int = 0
    threshold: float | None = None  # that a user gives: scores from there on count as bona fide

    @cached_property
    def curve(self) -> Det:
        """The DET curve."""
        return det(self.bonafide, self.spoof)

    @cached_property
    def calibrated(self) -> tuple[np.ndarray, np.ndarray]:
        """Scores by class as the calibration maps them. Raises DataError without one; `missing` tells
        before.
        """
        if self.calibration is None:
            raise DataError("there is no calibration")
        slope, offset = self.calibration
        return slope * self.bonafide + offset, slope * self.spoof + offset

    @property
    def given_asv(self) -> Asv:
        """The ASV. Raises DataError without one; `missing` tells before."""
        if self.asv is None:
            raise DataError("a tandem metric needs an ASV")
        return self.asv

    @property
    def asv_kinds(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Scores of the ASV by kind. Raises DataError without any; `missing` tells before."""
        if self.given_asv.kinds is None:
            raise DataError("the t-EER needs an ASV's scores")
        return self.given_asv.kinds

    @cached_property
    def merged(self) -> np.ndarray:
        """Scores of both classes (N,)."""
        return np.concatenate([self.bonafide, self.spoof])


@dataclass(frozen=True)
class Measure:
    """A metric of the catalogue. Adding an entry to MEASURES adds a column to every table of results."""

    title: str  # the head of a column
    definition: str
    value: Callable[[Scored], float]
    resampled: Callable[[ResampledScores, Scored], np.ndarray]  # of every resample (R,)
    lacks: Callable[[Scored], str | None] = lambda scored: None  # what is missing for the metric
    classes: tuple[str, ...] = (BONAFIDE, SPOOF)  # of which there must be trials
    upper: float = 1.0  # its largest value, infinity of a cost without a bound; its least is 0
    optimistic: bool = False  # the least cost over all thresholds, which few trials put too low
    percent: bool = False
    lower_is_better: bool = True
    units: str = TRIALS  # the classes of trials, and the clusters that are resampled
    tandem: bool = False  # whether it assumes an ASV
    in_tables: bool = True  # whether stage 9 measures it and the reports show it
    paired: bool = False  # whether stage 9 compares systems by it


def _no_llr(scored: Scored) -> str | None:
    if scored.kind is not None and scored.kind != LLR:
        words = SCORE_KINDS.get(scored.kind, scored.kind)
        return f"the scores are no log-likelihood ratios but {words}"
    if scored.kind is None and is_probability(scored.merged):
        return "the scores lie in [0, 1], so they are no log-likelihood ratios"
    return None


def _no_calibration(scored: Scored) -> str | None:
    return "no calibration was fitted on dev" if scored.calibration is None else None


def _no_asv(scored: Scored) -> str | None:
    return None if scored.asv else "it needs --asv_scores"


def _no_asv_trials(scored: Scored) -> str | None:
    return (
        None if scored.asv and scored.asv.kinds else "it needs an ASV's scores, by --asv_scores or a column"
    )


def _act_dcf(trials: ResampledScores, costs: Costs, bonafide: np.ndarray, spoof: np.ndarray) -> np.ndarray:
    return trials.mean_cost(
        costs.of_misses * (bonafide < costs.threshold), costs.of_false_accepts * (spoof >= costs.threshold)
    )


def _cllr(trials: ResampledScores, bonafide: np.ndarray, spoof: np.ndarray) -> np.ndarray:
    return trials.mean_cost(cllr_cost(bonafide, True) / 2, cllr_cost(spoof, False) / 2)


def _f1(trials: ResampledScores, scored: Scored) -> np.ndarray:
    with np.errstate(invalid="ignore", divide="ignore"):
        return f1_at_eer(trials.eer(), *trials.resampler.counts)


def _half(scored: Scored) -> float:
    """The score at which P(bona fide) is .5."""
    return 0.5 if scored.kind is None and is_probability(scored.merged) else 0.0


def _f1_at_half(scored: Scored) -> float:
    half = _half(scored)
    miss, false_accept = float(np.mean(scored.bonafide < half)), float(np.mean(scored.spoof >= half))
    return f1_of_rates(miss, false_accept, scored.bonafide.size, scored.spoof.size)


def _resampled_f1_at_half(trials: ResampledScores, scored: Scored) -> np.ndarray:
    half = _half(scored)
    miss = trials.mean_of(0, trials.scores[0] < half)
    false_accept = trials.mean_of(1, trials.scores[1] >= half)
    with np.errstate(invalid="ignore", divide="ignore"):
        return f1_of_rates(miss, false_accept, *trials.resampler.counts)


def _no_odds(scored: Scored) -> str | None:
    words = SCORE_KINDS.get(str(scored.kind), scored.kind)
    return f"the scores are no log odds but {words}" if scored.kind in WITHOUT_ODDS else None


def _no_threshold(scored: Scored) -> str | None:
    return "it needs --threshold" if scored.threshold is None else None


def _at(scored: Scored) -> float:
    """The given threshold. Raise DataError without one; `missing` tells before."""
    if scored.threshold is None:
        raise DataError("a rate at a threshold needs the threshold")
    return scored.threshold


def _tdcf(version: str, title: str, definition: str) -> Measure:
    def resampled(trials: ResampledScores, scored: Scored) -> np.ndarray:
        c0, c1, c2 = scored.given_asv.factors(version)
        return trials.min_cost(c1, c2, constant=c0)

    def value(scored: Scored) -> float:
        c0, c1, c2 = scored.given_asv.factors(version)
        return float(c0 + np.min(scored.curve.cost(c1, c2)))

    def lacks(scored: Scored) -> str | None:
        if scored.asv and scored.asv.rates is None and version == "legacy":
            return "the constants of ASVspoof 2021 are those of the revised definition"
        return _no_asv(scored)

    return Measure(title, definition, value, resampled, lacks, optimistic=True, tandem=True)


MEASURES = {
    "eer": Measure(
        "EER",
        "equal error rate, ties grouped",
        lambda s: eer_of(s.curve)[0],
        lambda t, s: t.eer(),
        percent=True,
        paired=True,
    ),
    "eer_official": Measure(
        "EER, official",
        "equal error rate by the routine of the ASVspoof packages, which walks through ties",
        lambda s: eer_of(det(s.bonafide, s.spoof, "official"), "official")[0],
        lambda t, s: t.eer("official"),
        percent=True,
        in_tables=False,
    ),
    "eer_over_attacks": Measure(
        "EER over attacks",
        "the same EER, its interval over resampled attacks, bona fide speech by resampled speakers",
        lambda s: eer_of(s.curve)[0],
        lambda t, s: t.eer(),
        lambda s: None if s.num_attacks > 1 else "the key does not name two attacks",
        percent=True,
        units=BY_ATTACK,
    ),
    "auc": Measure(
        "AUC",
        "area under the receiver operating characteristic",
        lambda s: auc(s.bonafide, s.spoof),
        lambda t, s: t.auc(),
        lower_is_better=False,
        paired=True,
    ),
    "f1_at_eer": Measure(
        "F1",
        DEFINITIONS["f1_at_eer"],
        lambda s: f1_at_eer(eer_of(s.curve)[0], s.bonafide.size, s.spoof.size),
        _f1,
        lower_is_better=False,
    ),
    "f1_at_half": Measure(
        "F1 at .5",
        DEFINITIONS["f1_at_half"],
        _f1_at_half,
        _resampled_f1_at_half,
        _no_odds,
        lower_is_better=False,
    ),
    "min_dcf": Measure(
        "minDCF",
        "normalised detection cost at the best threshold",
        lambda s: min_dcf_of(s.curve, s.costs)[0],
        lambda t, s: t.min_cost(s.costs.of_misses, s.costs.of_false_accepts),
        optimistic=True,
        paired=True,
    ),
    "act_dcf": Measure(
        "actDCF",
        "normalised detection cost at the threshold of the costs, scores read as natural-log "
        "likelihood ratios",
        lambda s: act_dcf(s.bonafide, s.spoof, s.costs),
        lambda t, s: _act_dcf(t, s.costs, s.bonafide, s.spoof),
        _no_llr,
        upper=math.inf,
    ),
    "cllr": Measure(
        "Cllr",
        "cost of log-likelihood ratios in bits, scores read as natural-log likelihood ratios",
        lambda s: cllr(s.bonafide, s.spoof),
        lambda t, s: _cllr(t, s.bonafide, s.spoof),
        _no_llr,
        upper=math.inf,
    ),
    "min_cllr": Measure(
        "min Cllr",
        "Cllr after the best order-preserving calibration on the same trials, in bits",
        lambda s: min_cllr(s.bonafide, s.spoof),
        lambda t, s: t.min_cllr(),
        optimistic=True,
    ),
    "act_dcf_calibrated": Measure(
        "actDCF, calibrated",
        "actDCF of the scores after the logistic calibration that was fitted on dev",
        lambda s: act_dcf(*s.calibrated, s.costs),
        lambda t, s: _act_dcf(t, s.costs, *s.calibrated),
        _no_calibration,
        upper=math.inf,
    ),
    "cllr_calibrated": Measure(
        "Cllr, calibrated",
        "Cllr of the scores after the logistic calibration that was fitted on dev",
        lambda s: cllr(*s.calibrated),
        lambda t, s: _cllr(t, *s.calibrated),
        _no_calibration,
        upper=math.inf,
    ),
    "frr_at_threshold": Measure(
        "FRR at t",
        "share of bona fide trials with a score below the given threshold",
        lambda s: float(np.mean(s.bonafide < _at(s))),
        lambda t, s: t.mean_of(0, t.scores[0] < _at(s)),
        _no_threshold,
        (BONAFIDE,),
        percent=True,
        in_tables=False,
    ),
    "far_at_threshold": Measure(
        "FAR at t",
        "share of spoofs with a score at or above the given threshold (1 - SRR of the Arena)",
        lambda s: float(np.mean(s.spoof >= _at(s))),
        lambda t, s: t.mean_of(1, t.scores[1] >= _at(s)),
        _no_threshold,
        (SPOOF,),
        percent=True,
        in_tables=False,
    ),
    "min_tdcf_2019": _tdcf(
        "legacy",
        "min t-DCF 2019",
        "tandem detection cost at the best threshold, legacy definition of ASVspoof 2019",
    ),
    "min_tdcf_2021": _tdcf(
        "revised",
        "min t-DCF 2021",
        "tandem detection cost at the best threshold, revised definition of ASVspoof 2021 and 5",
    ),
    "t_eer": Measure(
        "t-EER",
        "concurrent tandem EER of countermeasure and ASV",
        lambda s: t_eer(s.bonafide, s.spoof, *s.asv_kinds),
        lambda t, s: resampled_t_eer(t, *s.asv_kinds),
        _no_asv_trials,
        percent=True,
        tandem=True,
        in_tables=False,
    ),
    "a_dcf": Measure(
        "a-DCF",
        "detection cost of targets, non-targets and spoofs by one score, costs of ASVspoof 5",
        lambda s: a_dcf(*(s.kinds or ()))[0],
        lambda t, s: t.min_cost(*a_dcf_factors()),
        lambda s: None if s.kinds else "it needs a column sasv_score, and target or nontarget in the key",
        optimistic=True,
        units=BY_KIND,
        in_tables=False,
    ),
}
TANDEM = ("min_tdcf_2019", "min_tdcf_2021")


def missing(name: str, scored: Scored) -> str | None:
    """What a metric needs and the system does not have; None where it can be computed."""
    measure, sizes = MEASURES[name], {BONAFIDE: scored.bonafide.size, SPOOF: scored.spoof.size}
    if measure.units != BY_KIND and not any(sizes.values()):
        return "there are no scores of the countermeasure"
    absent = [kind for kind in measure.classes if measure.units != BY_KIND and not sizes[kind]]
    return f"there are no {absent[0]} trials" if absent else measure.lacks(scored)


def table_metrics() -> list[str]:
    """Names of the metrics that stage 9 measures and the reports show, in their order."""
    return [name for name, measure in MEASURES.items() if measure.in_tables]
