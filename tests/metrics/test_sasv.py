"""a-DCF, t-EER, the ADD 2023 weighted EER and the open-set helpers: fixtures of the official packages,
bounds, refusals.
"""

import numpy as np
import pytest

from dada import metrics
from dada.errors import DataError
from dada.metrics import bootstrap
from dada.metrics.sasv import a_dcf_factors, resampled_t_eer


@pytest.fixture(scope="module")
def kinds():
    """Scores of targets, non-targets and spoofs, then of a countermeasure: one generator from the start of
    the other fixtures.
    """
    r = np.random.RandomState(0)
    r.normal(2, 1, 1000), r.normal(-2, 1.5, 4000)
    asv = r.normal(3, 1, 500), r.normal(0, 1, 700), r.normal(1, 1.2, 900)
    return asv, (r.normal(2, 1, 1200), r.normal(-1, 1, 900))


def test_a_dcf_fixture(kinds):
    value, threshold = metrics.a_dcf(*kinds[0])
    assert (value, threshold) == (pytest.approx(0.4123659, abs=5e-8), pytest.approx(1.5965157, abs=2e-7))
    class_defaults = metrics.SasvCosts(
        p_target=0.9, p_nontarget=0.05, p_spoof=0.05, miss=1, fa=10, fa_spoof=20
    )
    value, threshold = metrics.a_dcf(*kinds[0], class_defaults)
    assert (value, threshold) == (pytest.approx(0.3785150, abs=5e-8), pytest.approx(2.1916341, abs=2e-7))


def test_a_dcf_bounds(kinds):
    assert metrics.a_dcf([3, 4], [1], [2, 0])[0] == 0
    assert metrics.a_dcf([0, 1], [2], [3])[0] == pytest.approx(1)
    assert metrics.a_dcf([1, 1], [1], [1])[0] == pytest.approx(1)
    with pytest.raises(DataError, match="no non-target scores"):
        metrics.a_dcf([1], [], [0])


def test_t_eer_fixture(kinds):
    asv, cm = kinds
    assert 100 * metrics.t_eer(*cm, *asv) == pytest.approx(7.3203704, abs=5e-8)


def test_t_eer_bounds(kinds):
    asv, cm = kinds
    assert metrics.t_eer([5, 6], [0, 1], [5, 6], [0, 1], [5.5, 6.5]) == 0
    rng = np.random.default_rng(0)
    assert metrics.t_eer(
        rng.permutation(cm[0]), np.array(cm[1]), *map(rng.permutation, asv)
    ) == metrics.t_eer(*cm, *asv)
    with pytest.raises(DataError, match="not defined for this ASV"):
        metrics.t_eer(*cm, [1, 1], [1, 1], [1, 1])


@pytest.mark.parametrize("num_blocks", [1024, 7])
@pytest.mark.parametrize("decimals", [12, 1])
def test_resamples_equal_measuring_anew(decimals, num_blocks, monkeypatch):
    """a-DCF over three kinds of trials, and the t-EER of resampled countermeasure trials with the ASV as it
    is.
    """
    monkeypatch.setattr(bootstrap, "NUM_BLOCKS", num_blocks)
    rng = np.random.default_rng(decimals)
    kinds = [rng.normal(mean, 1, size).round(decimals) for mean, size in ((3, 60), (0, 70), (1, 50))]
    three = metrics.Resampler(
        rng.integers(9, size=60).astype(str),
        ["-"] * 70,
        rng.integers(9, size=50).astype(str),
        num_resamples=30,
    )
    drawn = [
        [np.repeat(part, row[index].astype(int)) for part, index in zip(kinds, three.classes, strict=True)]
        for row in np.concatenate(list(three.chunks()))
    ]
    assert three.over(*kinds).min_cost(*a_dcf_factors()) == pytest.approx(
        [metrics.a_dcf(*parts)[0] for parts in drawn], abs=1e-12
    )
    cm = [rng.normal(mean, 1, size).round(decimals) for mean, size in ((1.5, 80), (0, 90))]
    two = metrics.Resampler(["-"] * 80, ["-"] * 90, num_resamples=20)
    drawn = [
        [np.repeat(part, row[index].astype(int)) for part, index in zip(cm, two.classes, strict=True)]
        for row in np.concatenate(list(two.chunks()))
    ]
    assert resampled_t_eer(two.over(*cm), *kinds) == pytest.approx(
        [metrics.t_eer(*parts, *kinds) for parts in drawn], abs=1e-12
    )


@pytest.mark.parametrize("case", range(40))
def test_resampled_t_eer_is_that_of_the_repeated_trials(case, monkeypatch):
    """Few and many trials, with and without ties, separable and inverted, few speakers, some of which have a
    single class.
    """
    rng = np.random.default_rng(case)
    monkeypatch.setattr(bootstrap, "NUM_BLOCKS", int(rng.integers(1, 30)))
    decimals = (12, 1, 0)[case % 3]
    sizes = rng.integers(1, 300, 2)
    cm = [
        rng.normal(mean, np.exp(rng.normal() / 2), size).round(decimals)
        for mean, size in zip((rng.normal(1, 2), 0), sizes, strict=True)
    ]
    kinds = [
        rng.normal(mean, 1, rng.integers(2, 150)).round(decimals)
        for mean in (rng.uniform(2, 5), 0, rng.normal(1))
    ]
    names = [
        np.where(rng.random(size) < case / 40, "-", rng.integers(8, size=size).astype(str)) for size in sizes
    ]
    resampler = metrics.Resampler(*names, num_resamples=12, seed=case)
    found, expected = resampled_t_eer(resampler.over(*cm), *kinds), []
    for row in np.concatenate(list(resampler.chunks())):
        drawn = [
            np.repeat(part, row[index].astype(int)) for part, index in zip(cm, resampler.classes, strict=True)
        ]
        try:
            expected.append(metrics.t_eer(*drawn, *kinds))
        except DataError:  # a class is missing, or the countermeasure would have to reject everything
            expected.append(np.nan)
    assert np.isfinite(expected).any()
    assert found == pytest.approx(expected, abs=1e-12, nan_ok=True)


def test_weighted_eer():
    assert metrics.weighted_eer([0.1, 0.3], [1, 1]) == pytest.approx(0.2)
    for eers, weights in (([0.1], [0.4, 0.6]), ([0.1, 0.2], [0, 0]), ([0.1, 0.2], [-1, 2])):
        with pytest.raises(DataError, match="as many weights"):
            metrics.weighted_eer(eers, weights)


def test_open_set():
    predicted, confidence = ["a", "b", "a", "b"], [0.9, 0.2, 0.4, 0.8]
    assert metrics.reject(predicted, confidence, 0.5, "unknown").tolist() == ["a", "unknown", "unknown", "b"]
    reference = ["a", "unknown", "a", "b"]
    assert metrics.macro_f1(
        metrics.reject(predicted, confidence, 0.5, "unknown"), reference
    ) == pytest.approx((2 / 3 + 2 / 3 + 1) / 3)
    assert metrics.unknown_auroc(confidence, [False, True, True, False]) == 1
    assert metrics.unknown_auroc([0.5, 0.5], [False, True]) == 0.5
    with pytest.raises(DataError, match="known and of unknown"):
        metrics.unknown_auroc(confidence, [False] * 4)
    with pytest.raises(DataError, match="3 confidences for 4"):
        metrics.reject(predicted, confidence[:3], 0.5, "unknown")


def test_resampled_auc_of_many_clusters(monkeypatch):
    """A corpus without speakers has a cluster for every trial; counting by trial gives what counting by
    cluster gives.
    """
    rng = np.random.default_rng(0)
    bonafide, spoof = rng.normal(1, 1, 60).round(1), rng.normal(0, 1, 80).round(1)
    resampler = metrics.Resampler(["-"] * 60, rng.choice(["x", "y", "-"], 80), num_resamples=50)
    trials = resampler.over(bonafide, spoof)
    by_cluster = trials.auc()
    monkeypatch.setattr(bootstrap, "MAX_DENSE_CLUSTERS", 10)
    assert np.allclose(trials.auc(), by_cluster, rtol=1e-12)
