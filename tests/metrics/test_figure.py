"""Intervals over clusters and seeds: against textbook formulas, and where there is none."""

import numpy as np
import pytest
from scipy import stats

from dada.metrics.bootstrap import FEW_CLUSTERS, Resampler
from dada.metrics.figure import figure
from dada.metrics.significance import differ, holm

NUM = 9
NAMES = [f"s{i}" for i in range(NUM)]
RNG = np.random.default_rng(0)


def clusters(num=NUM):
    return Resampler([f"s{i}" for i in range(num)], [f"s{i}" for i in range(num)], jackknife=True)


def means(resampler, values):
    """Rows of the mean of one value a cluster."""
    return np.concatenate([weights @ values / weights.sum(axis=1) for weights in resampler.chunks()])


def test_interval_of_a_mean_is_that_of_student():
    values, resampler = RNG.normal(0.3, 1, NUM), clusters()
    found = figure([values.mean()], [means(resampler, values)], resampler, 0.95, upper=None)
    expected = stats.t.interval(0.95, NUM - 1, values.mean(), stats.sem(values))
    assert (found.low, found.high) == pytest.approx(expected)
    assert found.p_value == pytest.approx(stats.ttest_1samp(values, 0).pvalue)
    assert found.num_resamples == NUM


def test_clusters_of_two_classes_apart_are_two_samples():
    first, second = RNG.normal(1, 1, 6), RNG.normal(0, 3, 5)
    resampler = Resampler([f"a{i}" for i in range(6)], [f"b{i}" for i in range(5)], jackknife=True)
    rows = np.concatenate(
        [
            weights[:, :6] @ first / weights[:, :6].sum(axis=1)
            - weights[:, 6:] @ second / weights[:, 6:].sum(axis=1)
            for weights in resampler.chunks()
        ]
    )
    found = figure([first.mean() - second.mean()], [rows], resampler, 0.9, upper=None)
    expected = stats.ttest_ind(first, second, equal_var=False)
    interval = expected.confidence_interval(0.9)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))
    assert found.p_value == pytest.approx(expected.pvalue)


def test_seeds_widen_the_interval():
    """Seeds that differ by constants add the variance of their mean; where only they differ, it is all."""
    values, resampler, shifts = RNG.normal(0, 0.1, NUM), clusters(), np.array([-1.0, 0.25, 0.75])
    row = means(resampler, values)
    many = figure(values.mean() + shifts, [row + shift for shift in shifts], resampler, 0.95, upper=None)
    equal = figure([values.mean()] * 3, [row] * 3, resampler, 0.95, upper=None)
    assert (many.high - many.low) > 5 * (equal.high - equal.low)
    flat = [np.full(NUM, shift) for shift in shifts]
    alone = figure(shifts, flat, resampler, 0.95, upper=None)
    assert (alone.low, alone.high) == pytest.approx(stats.t.interval(0.95, 2, 0, stats.sem(shifts)))
    single = figure([values.mean()], [row], resampler, 0.95, upper=None)
    assert (equal.low, equal.high) == pytest.approx((single.low, single.high))


def test_interaction_counts_once():
    """Seeds that differ by chance on each cluster alone have no variance of their own beyond that chance."""
    rng, num, wide, narrow = np.random.default_rng(1), 40, [], []
    resampler = clusters(num)
    for _ in range(30):
        table = rng.normal(0, 1, (3, num))
        found = figure(table.mean(1), [means(resampler, row) for row in table], resampler, 0.95, upper=None)
        wide.append(found.high - found.low)
        whole = table.mean(axis=0)
        narrow.append(2 * stats.t.ppf(0.975, num - 1) * stats.sem(whole))
    assert np.median(wide) < 1.3 * np.median(narrow)


def test_intervals_stay_in_the_range_of_the_metric():
    resampler = clusters(3)
    for value, rows, upper in (
        (0.02, [0.001, 0.03, 0.03], 1.0),
        (0.97, [0.99, 0.95, 0.97], 1.0),
        (0.4, [0.9, 0.1, 0.2], np.inf),
        (1.0, [1.0, 0.9, 1.0], 1.0),
    ):
        found = figure([value], [np.array(rows)], resampler, 0.95, upper)
        assert 0 <= found.low < found.high <= upper and found.low <= value <= found.high
        assert found.p_value is None


def test_optimistic_metrics_have_their_bias_taken_out():
    rows = [np.linspace(0.18, 0.19, NUM)]
    plain, corrected = (
        figure([0.2], rows, clusters(), 0.95, 1.0, optimistic) for optimistic in (False, True)
    )
    assert corrected.mean == plain.mean == 0.2
    assert corrected.low > plain.low and corrected.high > plain.high


@pytest.mark.parametrize(
    ("resampler", "row", "why"),
    [
        (Resampler(["a"], ["a"], num_resamples=9, jackknife=True), np.ones(9), "one cluster"),
        (Resampler(["a", "b"], ["c"], num_resamples=9, jackknife=True), np.ones(9), "one cluster"),
        (clusters(), np.zeros(NUM), "does not vary"),
        (clusters(), np.array([np.nan, *[0.1] * (NUM - 1)]), "a class has no trials"),
    ],
)
def test_where_there_is_no_interval_the_reason_is_given(resampler, row, why):
    found = figure([0.0], [row], resampler, 0.95, upper=None)
    assert found.low is None and found.high is None and found.p_value is None and why in found.no_interval


def test_many_clusters_and_trials_without_a_name_are_resampled():
    many = [f"s{i}" for i in range(FEW_CLUSTERS + 1)]
    for names in (many, ["-"] * 20):
        assert not Resampler(names, names, num_resamples=5, jackknife=True).leaves_out
    values = RNG.normal(0, 1, FEW_CLUSTERS + 1)
    resampler = Resampler(many, num_resamples=2000, jackknife=True)
    found = figure([values.mean()], [means(resampler, values)], resampler, 0.95, upper=None)
    expected = stats.t.interval(0.95, FEW_CLUSTERS, values.mean(), stats.sem(values))
    assert (found.low, found.high) == pytest.approx(expected, abs=0.03)


def test_holm_corrects_over_the_family():
    assert holm([0.01, 0.04, None, 0.03]) == [0.03, 0.06, None, 0.06]
    assert differ([0.01, 0.04, None, 0.03], 0.95) == [True, False, False, False]
    assert differ([0.04], 0.95) == [True] and differ([], 0.95) == [] and holm([0.9, 0.8]) == [1.0, 1.0]
