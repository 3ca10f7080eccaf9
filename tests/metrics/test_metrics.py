"""The synthetic fixtures of the official packages, bounds and invariances, and what is refused."""

import numpy as np
import pytest

from dada import metrics
from dada.errors import ConfigError, DataError, UserError
from dada.evaluation_settings import EvaluateConfig
from dada.metrics.check import unique_table
from dada.metrics.det import det
from dada.metrics.eer import eer_of
from dada.metrics.measures import MEASURES, Scored, missing
from dada.metrics.tdcf import factors
from dada.settings import resolve

RATES_2019 = metrics.AsvRates(p_fa=0.024605, p_miss=0.024581, p_fa_spoof=1 - 0.239348)


@pytest.fixture(scope="module")
def fixture():
    r = np.random.RandomState(0)
    return r.normal(2, 1, 1000), r.normal(-2, 1.5, 4000)


@pytest.mark.parametrize("ties", ["grouped", "official"])
def test_eer_fixture(fixture, ties):
    value, threshold = metrics.eer(*fixture, ties=ties)
    assert (round(value, 7), round(threshold, 6)) == (0.05325, 0.382796)


def test_ties(caplog):
    assert metrics.eer([1.0] * 5, [1.0] * 3) == (0.5, 1.0)
    assert metrics.eer([1.0] * 5, [1.0] * 3, ties="official")[0] == 1.0
    assert metrics.eer([0, 1, 1, 2], [1, 1, 0, -1])[0] == 0.375  # the line from (1/4, 1/2) to (3/4, 0)
    assert metrics.eer([0, 1, 1, 2], [1, 1, 0, -1], ties="official")[0] == 0.5
    assert metrics.eer([1.0] * 10, [1.0] * 10 + [0.0] * 90)[0] == pytest.approx(1 / 11)
    with pytest.raises(UserError, match="official"):
        metrics.eer([1], [0], ties="first")


def test_costs_fixture(fixture):
    value, threshold = metrics.min_dcf(*fixture)
    assert (round(value, 7), round(threshold, 7)) == (0.13, 0.1569115)
    assert metrics.act_dcf(*fixture) == pytest.approx(0.18915, abs=1e-9)
    assert metrics.cllr(*fixture) == pytest.approx(0.3161729, abs=5e-8)
    assert metrics.Costs().threshold == pytest.approx(-0.641854, abs=5e-7)


def test_tdcf_fixture(fixture):
    assert metrics.min_tdcf(*fixture, RATES_2019) == pytest.approx(0.1423070, abs=5e-7)
    assert metrics.min_tdcf(*fixture, RATES_2019, "revised") == pytest.approx(0.1961127, abs=5e-7)
    assert metrics.min_tdcf(*fixture, metrics.ASVSPOOF5_RATES, "revised") == pytest.approx(
        0.2321354, abs=5e-7
    )
    c0, c1, c2 = factors(RATES_2019, "revised")
    assert c0 == pytest.approx(0.0627330, abs=5e-6) and c0 + min(c1, c2) == pytest.approx(1)
    with pytest.raises(DataError, match="not defined for this ASV"):
        factors(metrics.AsvRates(p_fa=1.0, p_miss=1.0, p_fa_spoof=0.5))


def test_separable_flipped_and_swapped(fixture):
    bonafide, spoof = fixture
    assert (
        metrics.eer([3, 4], [1, 2])[0] == 0
        and metrics.min_dcf([3, 4], [1, 2])[0] == 0
        and metrics.auc([3, 4], [1, 2]) == 1
    )
    assert metrics.eer([1, 2], [3, 4])[0] == 1 and metrics.auc([1, 2], [3, 4]) == 0
    assert metrics.eer(spoof, bonafide)[0] == pytest.approx(1 - metrics.eer(bonafide, spoof)[0], abs=1e-12)


def test_invariances(fixture):
    bonafide, spoof = fixture
    value = metrics.eer(bonafide, spoof)[0]
    for squash in (np.tanh, lambda x: 3 * x - 7, lambda x: np.exp(x / 2)):
        assert metrics.eer(squash(bonafide), squash(spoof))[0] == value
    rng = np.random.default_rng(1)
    assert metrics.eer(rng.permutation(bonafide), rng.permutation(spoof))[0] == value
    assert metrics.eer(bonafide.astype(np.float32), spoof.astype(np.float32))[0] == pytest.approx(
        value, abs=1e-6
    )
    assert metrics.min_dcf(bonafide, spoof)[0] <= metrics.act_dcf(bonafide, spoof)


def test_auc_counts_ties_half():
    assert metrics.auc([1, 2], [1, 0]) == (0.5 + 1 + 1 + 1) / 4


@pytest.mark.parametrize("kind", ["llr", "logit_difference", None])
def test_f1_at_half_of_the_catalogue_is_that_of_probabilities(kind):
    rng = np.random.default_rng(3)
    bonafide, spoof = rng.normal(0.7, 2, 90), rng.normal(-1.2, 2, 40)
    labels = [True] * 90 + [False] * 40
    expected = metrics.f1_at_half(1 / (1 + np.exp(-np.concatenate([bonafide, spoof]))), labels)
    measure, costs = MEASURES["f1_at_half"], metrics.Costs()
    assert measure.value(Scored(bonafide, spoof, costs, kind)) == pytest.approx(expected)
    if kind is None:  # a score file of probabilities
        bonafide, spoof = (1 / (1 + np.exp(-part)) for part in (bonafide, spoof))
        assert measure.value(Scored(bonafide, spoof, costs)) == pytest.approx(expected)
    assert "cosines" in missing("f1_at_half", Scored(bonafide, spoof, costs, "cosine"))
    assert missing("f1_at_half", Scored(bonafide, spoof, costs, kind)) is None


def test_f1_by_every_definition():
    assert metrics.f1_at_eer(0.083, 22_617, 589_212) == pytest.approx(0.450, abs=5e-4)
    assert metrics.f1_at_eer(0.129, 19963, 11816) == pytest.approx(0.895, abs=5e-4)
    assert metrics.f1_at_eer(1.0, 10, 10) == 0
    assert metrics.f1_at_half([0.9, 0.6, 0.2], [True, False, True]) == pytest.approx(0.5)
    assert metrics.macro_f1(["a", "a", "c"], ["a", "b", "b"]) == pytest.approx((2 / 3 + 0) / 2)
    assert metrics.weighted_f1(["a", "a", "c"], ["a", "b", "b"]) == pytest.approx((2 / 3 + 2 * 0) / 3)
    assert metrics.accuracy(["a", "a", "c"], ["a", "b", "b"]) == pytest.approx(1 / 3)


def test_calibration():
    assert metrics.cllr([0.0], [0.0]) == 1
    assert metrics.brier([1, 0.5], [True, False]) == 0.125
    assert metrics.ece([0.8] * 10, [True] * 8 + [False] * 2) == pytest.approx(0)
    assert metrics.ece([1.0, 1.0], [True, False]) == pytest.approx(0.5)
    with pytest.raises(DataError, match=r"\[0, 1\]"):
        metrics.brier([1.5], [True])


def test_abx_ranks_by_class():
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(6), 20)
    centres = rng.normal(size=(6, 8))
    embeddings = centres[labels] + 0.3 * rng.normal(size=(120, 8))
    for distance in ("cosine", "l2"):
        assert metrics.abx(embeddings, labels, 4000, distance) > 0.95
        assert metrics.abx(embeddings, rng.permutation(labels), 20_000, distance) == pytest.approx(
            0.5, abs=0.02
        )
    assert metrics.abx(np.ones((4, 2)), [0, 0, 1, 1], 100) == 0.5
    assert metrics.abx(embeddings, labels, 500, seed=1) == metrics.abx(embeddings, labels, 500, seed=1)
    with pytest.raises(DataError, match="two classes"):
        metrics.abx(embeddings, np.zeros(120))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_unusable_scores_are_refused(bad):
    for metric in (metrics.eer, metrics.min_dcf, metrics.act_dcf, metrics.cllr, metrics.auc):
        with pytest.raises(DataError, match="1 of 2 spoof scores are NaN or infinite: trial 1"):
            metric([1.0, 2.0], [0.0, bad])
        with pytest.raises(DataError, match="no bona fide scores"):
            metric([], [1.0])


def test_inverted_polarity_is_warned_of(caplog, fixture):
    metrics.eer(fixture[0], fixture[1])
    assert not caplog.records
    metrics.eer(-fixture[0], -fixture[1])
    assert "negate the scores" in caplog.text


def test_join_names_the_trials():
    assert list(metrics.join_scores({"b": "1.5", "a": -2}, ["a", "b"], "s.txt", "key")) == [-2, 1.5]
    with pytest.raises(
        DataError, match=r"s.txt: 1 trials of key have no score \(c\); 1 scored trials are not in key \(b\)"
    ):
        metrics.join_scores({"a": 1, "b": 2}, ["a", "c"], "s.txt", "key")
    with pytest.raises(DataError, match="the score of b is 'high', not a number"):
        metrics.join_scores({"a": 1, "b": "high"}, ["a", "b"], "s.txt", "key")
    with pytest.raises(DataError, match=r"b \(nan\)"):
        metrics.join_scores({"a": 1, "b": "nan"}, ["a", "b"], "s.txt", "key")
    with pytest.raises(DataError, match="1 trials are there more than once: a"):
        unique_table([("a", "1"), ("b", "2"), ("a", "1")], "s.txt")


def test_the_eer_alone_is_that_of_the_curve():
    for seed in range(300):
        rng = np.random.default_rng(seed)
        bonafide, spoof = rng.normal(1, 1, rng.integers(1, 40)), rng.normal(0, 1, rng.integers(1, 40))
        if seed % 3:  # with ties, few or many
            bonafide, spoof = bonafide.round(seed % 3 - 1), spoof.round(seed % 3 - 1)
        assert metrics.eer(bonafide, spoof) == eer_of(det(bonafide, spoof))


@pytest.mark.parametrize(
    "key, value",
    [("num_resamples", 0), ("confidence", 1.0), ("p_spoof", 0.0), ("cost_fa", -1.0), ("abx_triples", 0)],
)
def test_settings_out_of_range(key, value):
    with pytest.raises(ConfigError, match=f"evaluate.{key} is {value}, and must be"):
        resolve(EvaluateConfig, [("recipe.yaml", {key: value})], "evaluate.")
