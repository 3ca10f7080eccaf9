"""What holds of every set of scores: many drawn at random, of all sizes, with and without ties, overlapping,
separable and inverted.
"""

import numpy as np
import pytest

from dada import metrics
from dada.metrics.bootstrap import Resampler
from dada.metrics.det import det
from dada.metrics.tdcf import factors
from dada.score.calibration import fit_fusion, fit_platt

CASES = range(60)
RATES = metrics.AsvRates(p_fa=0.024605, p_miss=0.024581, p_fa_spoof=1 - 0.239348)
DEFAULTS = metrics.Costs()


def draw(case):
    """Bona fide scores, spoof scores, and the generator; every third case is full of ties, every fifth is
    inverted.
    """
    rng = np.random.default_rng(case)
    sizes = rng.integers(1, 400, 2)
    distance = rng.normal(2, 2) * (-1 if case % 5 == 4 else 1)
    pair = [
        rng.normal(mean, np.exp(rng.normal()), size) for mean, size in zip((distance, 0), sizes, strict=True)
    ]
    decimals = rng.integers(0, 2) if case % 3 == 2 else 9
    return [part.round(decimals) for part in pair], rng


def costs_of(pair):
    """Every metric that depends on the order of the scores alone, ties and all."""
    return [
        metrics.eer(*pair)[0],
        metrics.eer(*pair, ties="official")[0],
        metrics.auc(*pair),
        metrics.min_dcf(*pair)[0],
        metrics.min_tdcf(*pair, RATES),
        metrics.min_tdcf(*pair, RATES, "revised"),
    ]


@pytest.mark.parametrize("case", CASES)
def test_monotone_maps_change_nothing(case):
    pair, rng = draw(case)
    expected = costs_of(pair)
    scale, shift = np.exp(rng.normal()), rng.normal(scale=10)
    for change in (
        lambda x: 2.0 ** np.round(np.log2(scale)) * x,
        lambda x: np.arctan(x / 20),
        lambda x: x**3,
        lambda x: np.sinh(x / 8),
    ):
        assert costs_of([change(part) for part in pair]) == expected
    ranks = np.unique(np.concatenate(pair))
    assert costs_of([np.searchsorted(ranks, part) + shift for part in pair]) == expected


@pytest.mark.parametrize("case", CASES)
def test_swapped_labels_turn_round(case):
    pair, _ = draw(case)
    swapped, negated = pair[::-1], [-part for part in pair]
    assert metrics.auc(*swapped) == pytest.approx(1 - metrics.auc(*pair), abs=1e-12)
    assert metrics.auc(*negated) == pytest.approx(1 - metrics.auc(*pair), abs=1e-12)
    assert metrics.eer(*[-part for part in swapped])[0] == pytest.approx(
        metrics.eer(*pair)[0], abs=step(pair)
    )
    assert metrics.eer(*swapped)[0] == pytest.approx(1 - metrics.eer(*pair)[0], abs=step(pair))


def step(pair):
    """The EER is read between two trials, so that a curve walked the other way may give the neighbouring
    point.
    """
    return 1 / min(part.size for part in pair)


@pytest.mark.parametrize("case", CASES)
def test_bounds(case):
    pair, rng = draw(case)
    found = costs_of(pair)
    assert all(0 <= value <= 1 for value in found)
    floor = factors(RATES, "revised")[0]
    assert floor <= found[5] <= 1
    assert found[3] <= metrics.act_dcf(*pair) <= DEFAULTS.of_misses + DEFAULTS.of_false_accepts
    assert metrics.cllr(*pair) >= 0
    kinds = [*pair, rng.normal(size=30)]
    assert 0 <= metrics.a_dcf(*kinds)[0] <= 1
    probability = 1 / (1 + np.exp(-np.concatenate(pair)))
    truth = np.arange(probability.size) < pair[0].size
    assert 0 <= metrics.ece(probability, truth) <= 1 and 0 <= metrics.brier(probability, truth) <= 1
    assert 0 <= metrics.f1_at_eer(found[0], *[part.size for part in pair]) <= 1
    curve = det(*pair)
    assert (np.diff(curve.misses) >= 0).all() and (np.diff(curve.false_accepts) <= 0).all()


@pytest.mark.parametrize("case", CASES)
def test_permuted_trials_change_nothing(case):
    pair, rng = draw(case)
    order = [rng.permutation(part.size) for part in pair]
    mixed = [part[o] for part, o in zip(pair, order, strict=True)]
    assert costs_of(mixed) == costs_of(pair)
    assert metrics.act_dcf(*mixed) == metrics.act_dcf(*pair)
    assert metrics.cllr(*mixed) == pytest.approx(metrics.cllr(*pair), rel=1e-12)
    speakers = [rng.integers(6, size=part.size).astype(str) for part in pair]
    again = [part[o] for part, o in zip(speakers, order, strict=True)]
    resamples = [
        Resampler(*names, num_resamples=20).over(*scores).eer()
        for names, scores in ((speakers, pair), (again, mixed))
    ]
    assert np.array_equal(*resamples, equal_nan=True)


@pytest.mark.parametrize("case", CASES[:20])
def test_calibration_keeps_the_order(case):
    pair, rng = draw(case)
    scores, bonafide = np.concatenate(pair), np.arange(sum(part.size for part in pair)) < pair[0].size
    platt = fit_platt(scores, bonafide, prior=float(rng.uniform(0.1, 0.9)))
    assert platt.slope >= 0
    assert (platt.slope > 0) == (pair[0].mean() > pair[1].mean())
    if platt.slope > 0:
        calibrated = [platt(part) for part in pair]
        assert np.array_equal(
            np.argsort(np.concatenate(calibrated), kind="stable"), np.argsort(scores, kind="stable")
        )
        assert metrics.eer(*calibrated)[0] == pytest.approx(metrics.eer(*pair)[0], abs=1e-12)
        assert metrics.cllr(*calibrated) < 1 + 0.1  # what says nothing has a Cllr of 1


@pytest.mark.parametrize("case", CASES[:20])
def test_a_constant_system_changes_no_fusion(case):
    pair, rng = draw(case)
    bonafide = np.arange(sum(part.size for part in pair)) < pair[0].size
    scores = np.stack([np.concatenate(pair), rng.normal(size=bonafide.size)], axis=1)
    constant = np.full((bonafide.size, 1), rng.normal())
    alone, joined = fit_fusion(scores, bonafide), fit_fusion(np.hstack([scores, constant]), bonafide)
    assert joined.weights[2] == 0
    assert joined(np.hstack([scores, constant])) == pytest.approx(alone(scores), abs=1e-6)
