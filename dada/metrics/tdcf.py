"""The tandem detection cost (t-DCF) of a countermeasure before a given speaker verification system (ASV).

Legacy: Kinnunen et al., Odyssey 2018, and ASVspoof 2019. Revised: Kinnunen et al., IEEE/ACM TASLP 28, 2020,
and ASVspoof 2021.
"""

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import ArrayLike

from dada.errors import DataError
from dada.metrics.check import scores_of, warn_if_inverted
from dada.metrics.det import Det, det
from dada.metrics.eer import eer_of

POOLED = "Pooled"  # of all values of a condition
OVERALL = "overall"


@dataclass(frozen=True)
class TandemCosts:
    """Priors of the kinds of trials, costs of a miss (bona fide target rejected) and of false accepts."""

    p_spoof: float = 0.05
    p_target: float = 0.95 * 0.99
    p_nontarget: float = 0.95 * 0.01
    miss: float = 1.0
    fa: float = 10.0  # of a non-target by the ASV
    fa_spoof: float = 10.0  # of a spoof


@dataclass(frozen=True)
class AsvRates:
    """Error rates of the ASV at its threshold: `p_fa` of non-targets, `p_miss` of targets, `p_fa_spoof` of
    spoofs.
    """

    p_fa: float
    p_miss: float
    p_fa_spoof: float


# Given by the ASVspoof 5 evaluation package where no ASV scores are supplied.
ASVSPOOF5_RATES = AsvRates(
    p_fa=0.01881016557566423, p_miss=0.01880141010575793, p_fa_spoof=0.4607082907604729
)


@dataclass(frozen=True)
class Asv:
    """What the tandem metrics assume of an ASV: its error rates at its own EER, and its scores of targets,
    non-targets and spoofs.

    `conditions` name the values that those trials have, kind by kind. `c012` are constants of the revised
    cost in place of rates: for POOLED, all trials, and for single values. `scope` says which of its trials
    the rates or constants are of.
    """

    name: str
    rates: AsvRates | None
    kinds: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None
    conditions: dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]] = field(default_factory=dict)
    c012: dict[str, tuple[float, float, float]] | None = None
    scope: str = OVERALL

    @classmethod
    def of(
        cls, name: str, kinds: tuple[np.ndarray, np.ndarray, np.ndarray], conditions: dict | None = None
    ) -> "Asv":
        """From scores of targets, non-targets and spoofs."""
        return cls(name, asv_rates(*kinds), kinds, conditions or {})

    def factors(self, version: str) -> tuple[float, float, float]:
        """(C0, C1, C2) of the normalised t-DCF, legacy or revised."""
        if self.c012 is None:
            if self.rates is None:
                raise DataError(f"{self.name}: neither rates nor constants of the ASV are known")
            return factors(self.rates, version)
        c0, c1, c2 = self.c012[POOLED]
        default = c0 + min(c1, c2)
        return c0 / default, c1 / default, c2 / default

    def under(self, condition: str, value: str, within: bool, shared: bool) -> "Asv":
        """As it is for the spoofs with one value of a condition; with `within`, for the targets and
        non-targets with it as well.

        That is how ASVspoof publishes costs: by attack with all bona fide speech, the ASV's threshold
        staying, and by codec, which bona fide trials have too (`shared`), within. The constants given by
        ASVspoof 2021 are made so and serve no other case. Where the ASV does not know the value, it stays as
        it is.
        """
        if self.c012 is not None:
            if within != shared or value not in self.c012:
                return self
            return replace(self, c012={POOLED: self.c012[value]}, scope=f"constants of {condition} {value}")
        if condition not in self.conditions or self.kinds is None:
            return self
        target, nontarget, spoof = self.kinds
        has_it = [values == value for values in self.conditions[condition]]
        if not within:
            has_it[:2] = [np.ones(kind.size, dtype=bool) for kind in (target, nontarget)]
        if not all(chosen.any() for chosen in has_it):
            return self
        kinds = target[has_it[0]], nontarget[has_it[1]], spoof[has_it[2]]
        scope = f"{'trials' if within else 'spoofs'} of {condition} {value}"
        return replace(self, rates=asv_rates(*kinds, warn=False), kinds=kinds, scope=scope)


def asv_rates(target: ArrayLike, nontarget: ArrayLike, spoof: ArrayLike, warn: bool = True) -> AsvRates:
    """Rates of an ASV from its scores, at the threshold of its own EER (official rule) between targets and
    non-targets.

    Warns of an EER above 50 %, as scores of the wrong sign have it, unless they are too few to tell.
    """
    value, threshold = eer_of(det(target, nontarget, "official"), "official")
    if warn:
        warn_if_inverted(value, "the ASV's scores")
    target, nontarget, spoof = (
        scores_of(target, "ASV target"),
        scores_of(nontarget, "ASV non-target"),
        scores_of(spoof, "ASV spoof"),
    )
    return AsvRates(
        p_fa=float(np.mean(nontarget >= threshold)),
        p_miss=float(np.mean(target < threshold)),
        p_fa_spoof=1 - float(np.mean(spoof < threshold)),
    )


def factors(
    rates: AsvRates, version: str = "legacy", costs: TandemCosts = TandemCosts()
) -> tuple[float, float, float]:
    """(C0, C1, C2) of the normalised cost C0 + C1 Pmiss + C2 Pfa. Raise DataError where the ASV makes a
    factor negative.
    """
    if version == "legacy":
        c0 = 0.0
        c1 = (
            costs.p_target * (costs.miss - costs.miss * rates.p_miss)
            - costs.p_nontarget * costs.fa * rates.p_fa
        )
    elif version == "revised":
        c0 = costs.p_target * costs.miss * rates.p_miss + costs.p_nontarget * costs.fa * rates.p_fa
        c1 = costs.p_target * costs.miss - c0
    else:
        raise ValueError(f"unknown version {version!r} of the t-DCF; known: legacy, revised")
    c2 = costs.p_spoof * costs.fa_spoof * rates.p_fa_spoof
    if c1 < 0 or c2 < 0:
        raise DataError(
            f"the t-DCF is not defined for this ASV (C1 {c1:.4g}, C2 {c2:.4g}): its error rates are too "
            "high for these costs"
        )
    default = c0 + min(c1, c2)
    if default == 0:
        raise DataError(
            "the t-DCF is not defined for this ASV: it needs no countermeasure, since its costs are zero"
        )
    return c0 / default, c1 / default, c2 / default


def min_tdcf(
    bonafide: ArrayLike,
    spoof: ArrayLike,
    rates: AsvRates,
    version: str = "legacy",
    costs: TandemCosts = TandemCosts(),
) -> float:
    """Normalised t-DCF of the countermeasure's scores at the best threshold: legacy in [0, 1], revised in
    [ASV floor, 1].
    """
    return min_tdcf_of(det(bonafide, spoof), rates, version, costs)


def min_tdcf_of(
    curve: Det, rates: AsvRates, version: str = "legacy", costs: TandemCosts = TandemCosts()
) -> float:
    """As `min_tdcf`, of a curve that is there already."""
    c0, c1, c2 = factors(rates, version, costs)
    return float(c0 + np.min(curve.cost(c1, c2)))
