"""Open-set results against the plain definitions, and their intervals against resampling trial by trial."""

import numpy as np
import pytest

from dada.errors import DataError
from dada.evaluation_settings import EvaluateConfig
from dada.metrics.auc import auc
from dada.metrics.bootstrap import Resampler
from dada.metrics.eer import eer
from dada.metrics.f1 import accuracy, macro_f1
from dada.metrics.figure import figure
from dada.metrics.recognition import measure_classes

CONFIG = EvaluateConfig(num_resamples=40)


def trials(num=300, num_known=3, seed=0, num_seeds=2):
    rng = np.random.default_rng(seed)
    truth = rng.integers(num_known + 1, size=num)
    decided = np.where(
        rng.random((num_seeds, num)) < 0.7, truth, rng.integers(num_known + 1, size=(num_seeds, num))
    )
    closed = np.minimum(decided, num_known - 1)
    unknown = rng.normal(size=(num_seeds, num)) + (truth == num_known)
    speakers = np.array([f"s{i % 9}" for i in range(num)])
    return truth, decided, closed, unknown, speakers


def test_values_are_those_of_the_definitions():
    truth, decided, closed, unknown, speakers = trials()
    result = measure_classes(truth, decided, closed, unknown, 3, speakers, CONFIG)
    known = truth < 3
    assert result["macro_f1"].per_seed == pytest.approx([macro_f1(row, truth) for row in decided])
    assert result["accuracy"].per_seed == pytest.approx([accuracy(row, truth) for row in decided])
    assert result["closed_macro_f1"].per_seed == pytest.approx(
        [macro_f1(row[known], truth[known]) for row in closed]
    )
    assert result["closed_accuracy"].per_seed == pytest.approx(
        [accuracy(row[known], truth[known]) for row in closed]
    )
    assert result["unknown_auc"].per_seed == pytest.approx([auc(row[~known], row[known]) for row in unknown])
    assert result["unknown_eer"].per_seed == pytest.approx(
        [eer(row[~known], row[known])[0] for row in unknown]
    )
    for row, found in zip(unknown, result["unknown_fpr95"].per_seed, strict=True):
        ends = [t for t in row[known] if np.mean(row[known] <= t) >= 0.95]
        assert found == np.mean(row[~known] <= min(ends))
    assert (result["num_known"], result["num_unknown"]) == (known.sum(), (~known).sum())
    assert np.sum(result["confusion"]) == 600 and np.trace(result["confusion"]) == np.sum(decided == truth)
    for name in ("macro_f1", "closed_accuracy", "unknown_auc", "unknown_eer", "unknown_fpr95"):
        assert result[name].low < result[name].mean < result[name].high


def test_intervals_are_those_of_repeated_trials():
    truth, decided, closed, unknown, speakers = trials(num_seeds=1)
    result = measure_classes(truth, decided, closed, unknown, 3, speakers, CONFIG)
    known = truth < 3
    resampler = Resampler(speakers[known], speakers[~known], jackknife=True)
    names = sorted(set(speakers))
    values = []
    for weights in next(resampler.chunks()).astype(int):
        rows = np.concatenate(
            [
                np.repeat(np.flatnonzero(speakers == name), count)
                for name, count in zip(names, weights, strict=True)
            ]
        )
        values.append(macro_f1(decided[0, rows], truth[rows]))
    expected = figure([macro_f1(decided[0], truth)], [np.array(values)], resampler, 0.95, upper=1.0)
    found = result["macro_f1"]
    assert resampler.leaves_out and (found.low, found.high) == pytest.approx((expected.low, expected.high))


def test_order_of_trials_does_not_matter_and_no_speaker_is_a_speaker_each():
    truth, decided, closed, unknown, speakers = trials()
    order = np.random.default_rng(3).permutation(truth.size)
    whole = measure_classes(truth, decided, closed, unknown, 3, speakers, CONFIG)
    again = measure_classes(
        truth[order], decided[:, order], closed[:, order], unknown[:, order], 3, speakers[order], CONFIG
    )
    assert whole["macro_f1"] == again["macro_f1"] and whole["confusion"] == again["confusion"]
    alone = measure_classes(truth, decided, closed, unknown, 3, ["-"] * truth.size, CONFIG)
    assert alone["macro_f1"].mean == whole["macro_f1"].mean and alone["macro_f1"].low != whole["macro_f1"].low


def test_sets_without_known_or_without_unknown_trials():
    truth, decided, closed, unknown, speakers = trials()
    for chosen, absent, there in (
        (truth < 3, "unknown_auc", "closed_accuracy"),
        (truth == 3, "closed_macro_f1", "accuracy"),
    ):
        part = measure_classes(
            truth[chosen],
            decided[:, chosen],
            closed[:, chosen],
            unknown[:, chosen],
            3,
            speakers[chosen],
            CONFIG,
        )
        assert part[absent] is None and 0 < part[there].mean < 1 and part["unknown_auc"] is None


def test_bad_input_is_refused():
    truth, decided, closed, unknown, speakers = trials()
    with pytest.raises(DataError, match="300 trials, but decisions"):
        measure_classes(truth, decided[:, 1:], closed, unknown, 3, speakers, CONFIG)
    with pytest.raises(DataError, match="must be 0 to 3, and those among known classes below 3"):
        measure_classes(truth, decided, closed + 1, unknown, 3, speakers, CONFIG)
