"""The bootstrap equals repeating the drawn trials and measuring again."""

import numpy as np
import pytest

from dada import metrics
from dada.errors import DataError
from dada.metrics import bootstrap
from dada.metrics.bootstrap import Resampler
from dada.metrics.calibration import cllr_cost
from dada.metrics.intervals import bootstrap_mean
from dada.metrics.named import Named, clusters_by_attack

COSTS = metrics.Costs()


def repeated(resampler, bonafide, spoof):
    for weights in np.concatenate(list(resampler.chunks())):
        yield (
            np.repeat(bonafide, weights[resampler.bonafide].astype(int)),
            np.repeat(spoof, weights[resampler.spoof].astype(int)),
        )


@pytest.mark.parametrize("decimals, num_blocks", [(12, 8), (12, 1024), (1, 8), (0, 8), (0, 1024)])
def test_equals_measuring_every_resample(monkeypatch, decimals, num_blocks):
    monkeypatch.setattr(bootstrap, "NUM_BLOCKS", num_blocks)
    rng = np.random.default_rng(decimals)
    bonafide, spoof = rng.normal(1, 1, 300).round(decimals), rng.normal(0, 1, 400).round(decimals)
    resampler = Resampler(
        rng.integers(12, size=300).astype(str), rng.integers(15, size=400).astype(str), num_resamples=40
    )
    trials = resampler.over(bonafide, spoof)
    again = list(repeated(resampler, bonafide, spoof))
    assert list(trials.eer()) == [metrics.eer(*pair)[0] for pair in again]
    assert trials.eer("official") == pytest.approx(
        [metrics.eer(*pair, ties="official")[0] for pair in again], abs=1e-12
    )
    assert trials.min_cost(COSTS.of_misses, COSTS.of_false_accepts) == pytest.approx(
        [metrics.min_dcf(*p)[0] for p in again], abs=1e-12
    )
    assert trials.auc() == pytest.approx([metrics.auc(*pair) for pair in again], abs=1e-12)
    cllr = trials.mean_cost(cllr_cost(bonafide, True) / 2, cllr_cost(spoof, False) / 2)
    assert cllr == pytest.approx([metrics.cllr(*pair) for pair in again], abs=1e-12)


def test_trials_without_a_speaker_stand_alone(monkeypatch):
    rng = np.random.default_rng(5)
    bonafide, spoof = rng.normal(1, 1, 60), rng.normal(0, 1, 70)
    resampler = Resampler(["-"] * 60, ["-"] * 69 + ["BOB"], num_resamples=30)
    assert resampler.num_clusters == 130
    monkeypatch.setattr(bootstrap, "MAX_DENSE_CLUSTERS", 10)
    monkeypatch.setattr(bootstrap, "CHUNK", 1000)  # several chunks
    assert list(resampler.over(bonafide, spoof).eer()) == [
        metrics.eer(*p)[0] for p in repeated(resampler, bonafide, spoof)
    ]


def test_clusters_widen_the_interval():
    rng = np.random.default_rng(0)
    speaker = rng.integers(10, size=1000)
    shift = rng.normal(0, 1, 10)
    bonafide, spoof = rng.normal(1, 1, 1000) + shift[speaker], rng.normal(-1, 1, 1000)
    names = speaker.astype(str)
    clustered = metrics.bootstrap_eer(bonafide, spoof, names, names)
    alone = metrics.bootstrap_eer(bonafide, spoof, ["-"] * 1000, ["-"] * 1000)
    value = metrics.eer(bonafide, spoof)[0]
    assert clustered.low < value < clustered.high and alone.low < value < alone.high
    assert clustered.high - clustered.low > 1.5 * (alone.high - alone.low)
    assert metrics.bootstrap_eer(bonafide, spoof, names, names) == clustered


def test_paired_difference_is_narrower_than_its_parts():
    rng = np.random.default_rng(3)
    bonafide, spoof = rng.normal(1, 1, 500), rng.normal(-1, 1, 500)
    better = bonafide + 0.5 + 0.05 * rng.normal(size=500)
    names = rng.integers(20, size=500).astype(str)
    difference = metrics.bootstrap_difference(Resampler(names, names), (bonafide, spoof), (better, spoof))
    assert 0 < difference.low < difference.high < 0.15
    same = metrics.bootstrap_difference(Resampler(names, names), (bonafide, spoof), (bonafide, spoof))
    assert (same.low, same.high) == (0, 0)


def test_resamples_without_a_class_are_left_out():
    interval = metrics.bootstrap_eer([1.0, 2.0], [0.0, 1.5], ["A", "B"], ["B", "B"], num_resamples=200)
    assert 130 < interval.num_resamples < 170  # both classes are there where B was drawn: three times in four
    with pytest.raises(DataError, match="2 \\+ 1 scores for 2 \\+ 2 clusters"):
        Resampler(["A", "B"], ["B", "B"]).over([1.0, 2.0], [0.0])


def test_band_contains_the_curve():
    rng = np.random.default_rng(0)
    bonafide, spoof = rng.normal(1, 1, 2000), rng.normal(-1, 1, 2000)
    p_fa = np.array([0.05, 0.1159, 0.3])
    rates = Resampler(["-"] * 2000, ["-"] * 2000, num_resamples=200).over(bonafide, spoof).p_miss_at(p_fa)
    low, high = np.quantile(rates, [0.025, 0.975], axis=0)
    curve = metrics.det(bonafide, spoof)
    exact = np.interp(p_fa, curve.p_fa[::-1], curve.p_miss[::-1])
    assert ((low < exact) & (exact < high)).all()


def test_many_trials_alone_are_dealt_into_clusters(monkeypatch):
    """The interval is as wide as that of resampling trial by trial; each class keeps its size, but for one
    trial a cluster.
    """
    rng = np.random.default_rng(0)
    bonafide, spoof = rng.normal(1, 1, 6000), rng.normal(-1, 1, 9000)
    alone = ["-"] * 6000, ["-"] * 9000
    dealt = Resampler(*alone)
    assert (
        dealt.num_clusters == 2 * bootstrap.MOST_ALONE
        and np.ptp(np.bincount(dealt.bonafide)[: bootstrap.MOST_ALONE]) == 0
    )
    values = dealt.over(bonafide, spoof).eer()
    monkeypatch.setattr(bootstrap, "MOST_ALONE", 10_000)
    one_by_one = Resampler(*alone)
    assert one_by_one.num_clusters == 15_000 and set(one_by_one.counts[0]) == {6000}
    assert np.std(values) == pytest.approx(np.std(one_by_one.over(bonafide, spoof).eer()), rel=0.1)
    assert abs(np.mean(values) - metrics.eer(bonafide, spoof)[0]) < 0.2 * np.std(values)


def test_attacks_are_resampled_apart_from_speakers():
    speakers, attacks = Named.of(["A", "-", "A", "B"]), Named.of(["-", "-", "A", "-"])
    names = clusters_by_attack(np.array([True, True, False, False]), speakers, attacks)
    assert names.tolist() == ["speaker A", "-", "attack A", "-"]
    resampler = Resampler(["A", "B", "B"], ["X", "X", "Y"], num_resamples=50)
    assert [part.tolist() for part in resampler.strata] == [[0, 1], [2, 3]]
    assert all(
        (weights[:, :2].sum(axis=1) == 2).all() and (weights[:, 2:].sum(axis=1) == 2).all()
        for weights in resampler.chunks()
    )
    assert len(Resampler(["A", "B"], ["B", "C"]).strata) == 1


def test_mean_over_clusters():
    """With trials that are clusters of their own, the interval of a mean is that of theory; a cluster counts
    as a whole.
    """
    values = np.random.default_rng(0).standard_normal(2000)
    found = bootstrap_mean(values, ["-"] * 2000)
    half = 1.96 * values.std() / np.sqrt(2000)
    assert abs(found.low - (values.mean() - half)) < 0.01 and abs(found.high - (values.mean() + half)) < 0.01
    few = bootstrap_mean([1.0, 2.0, 3.0, np.nan], ["a", "a", "b", "b"])
    assert (few.low, few.high) == (1.5, 3.0)
    assert bootstrap_mean([1.0, 2.0], ["a", "a"]) is None and bootstrap_mean([np.nan], ["-"]) is None
