"""OpenMax: the Weibull fit of libMR, both variants on a made-up classifier, and what is refused."""

import json

import numpy as np
import pytest
import torch

from dada import models
from dada.errors import ConfigError, DataError
from dada.models.inference import Outputs
from dada.models.open_set import openmax
from dada.score.open_set import score_open_set
from dada.score.openmax import best_of, fit_openmax, fit_tail, sweep

LABELS = [str(k) for k in range(7)]
# At the probe [9, -2, 0, 1, 0, 0, 0] and others the expected values were computed from the papers' formulas
# by hand.
PROBES = torch.tensor(
    [
        [6, 0, 0, 0, 0, 0, 0],
        [4, 0, 0, 0, 0, 0, 0],
        [3, 3, 0, 0, 0, 0, 0],
        [9, -2, 0, 1, 0, 0, 0],
        [1] * 7,
        [0] * 7,
    ],
    dtype=torch.float64,
)


def classified(num_classes=7, num=100, gap=6.0, seed=1):
    """Logits of a classifier that is sure, and the classes."""
    rng = np.random.RandomState(seed)
    classes = np.repeat(np.arange(num_classes), num)
    logits = rng.normal(0, 1, (num_classes * num, num_classes))
    logits[np.arange(len(classes)), classes] += gap
    return torch.tensor(logits), torch.tensor(classes)


def fitted(**settings):
    model = models.build("open_set", {"name": "openmax", **settings}, 8)
    return model, fit_openmax(model, *classified(), LABELS)


def weibull(x, shape, scale, small):
    return -np.expm1(-(((x - small + 1) / scale) ** shape))


def test_tail_fit_is_that_of_libmr(reference):
    distances = np.random.RandomState(0).gamma(2, 1, 200)
    expected = json.loads((reference / "expected.json").read_text())["openmax_weibull"]
    for tail in (5, 20, 50):
        shape, scale, small = fit_tail(distances, tail)
        wanted = expected[f"tail_{tail}"]
        assert small == pytest.approx(wanted["small_score"], abs=5e-8)
        # libMR ends its search for the shape at a tolerance of 1e-6; ours goes on to the maximum of the
        # likelihood
        assert shape == pytest.approx(wanted["shape"], rel=4e-6) and scale == pytest.approx(
            wanted["scale"], rel=4e-7
        )
        for x, value in wanted["w_score"].items() if tail == 20 else ():
            assert weibull(float(x), shape, scale, small) == pytest.approx(value, abs=1e-7)


def test_tail_fit_is_the_maximum_of_the_likelihood():
    distances = np.random.RandomState(0).gamma(2, 1, 200)
    shape, scale, small = fit_tail(distances, 20)
    assert (round(shape, 7), round(scale, 7), round(small, 7)) == (2.6243889, 2.5782617, 3.7701745)
    y = np.sort(distances)[-20:] - small + 1

    def likelihood(k, s):
        return np.sum(np.log(k / s) + (k - 1) * np.log(y / s) - (y / s) ** k)

    best = likelihood(shape, scale)
    assert all(
        likelihood(shape + dk, scale + ds) < best for dk, ds in ((1e-3, 0), (-1e-3, 0), (0, 1e-3), (0, -1e-3))
    )
    assert fit_tail(distances[:10], 20) == fit_tail(distances[:10], 10)  # fewer than the tail: all of them


def test_tails_without_a_distribution_are_refused():
    with pytest.raises(DataError, match="2 distances are too few"):
        fit_tail(np.array([1.0, 2.0]), 20)
    with pytest.raises(DataError, match="5 largest distances are all 3"):
        fit_tail(np.full(9, 3.0), 5)


def test_cau_ku_variant():
    model, numbers = fitted()
    wanted = {
        "0": (3.631836, 1.790503, 3.021772),
        "1": (4.549883, 1.469196, 3.042639),
        "2": (3.555244, 1.666040, 3.188277),
        "6": (4.919258, 1.538559, 3.178333),
    }
    for label, values in wanted.items():
        found = numbers["classes"][label]
        assert (found["shape"], found["scale"], found["smallest"]) == pytest.approx(values, rel=3e-5)
    mean = [6.007520, 0.078732, -0.044681, 0.016296, 0.141833, 0.055919, 0.079640]
    np.testing.assert_allclose(model.means[0], mean, atol=5e-7)
    w = model.outlier_probability(PROBES)
    assert (
        w[0, 0] == 0
        and w[2, 0] == pytest.approx(0.868147, abs=1e-5)
        and w[2, 1] == pytest.approx(0.999774, abs=1e-6)
    )
    assert w[3, 0] == pytest.approx(0.606522, abs=1e-5) and (w[:2, 1:] > 0.9999).all()
    outputs = score_open_set(model, Outputs(list("abcdef"), PROBES, PROBES))
    p = outputs.logits.exp()
    for row, (p_first, p_unknown) in enumerate(
        [(0.98294, 0.00244), (0.88636, 0.01623), (0.00532, 0.97316), (0.27199, 0.68072)]
    ):
        assert p[row, 0] == pytest.approx(p_first, abs=2e-5) and p[row, 7] == pytest.approx(
            p_unknown, abs=2e-5
        )
    assert p[4, 7] == pytest.approx(0.99366, abs=1e-5) and p[5].tolist() == pytest.approx([0.125] * 8)
    assert model.classes(outputs.logits).tolist() == [0, 0, 7, 7, 7, 7]
    assert torch.equal(outputs.embeddings, PROBES)
    np.testing.assert_allclose(
        model.revise(PROBES).sum(1), PROBES.sum(1), atol=1e-12
    )  # mass is moved, not lost


def test_original_variant():
    model, numbers = fitted(variant="original", distance="eucos")
    assert tuple(numbers["classes"]["0"].values())[:3] == pytest.approx(
        (15.436774, 1.068115, 0.126450), rel=5e-6
    )
    revised = model.revise(PROBES[[0, 3]])
    p = revised.softmax(1)
    assert revised[0, [0, 7]].tolist() == pytest.approx([5.72985, 0.27015], abs=1e-5)
    assert p[0, [0, 7]].tolist() == pytest.approx([0.97681, 0.00416], abs=1e-5)
    assert model.outlier_probability(PROBES)[3, 0] == pytest.approx(0.10284, abs=1e-5)
    assert revised[1].tolist() == pytest.approx([8.07448, -1.2, 0, 0.1, 0, 0, 0, 1.02552], abs=1e-5)
    assert p[1, [0, 7]].tolist() == pytest.approx([0.99745, 0.00087], abs=1e-5)
    weights = openmax.rank_weights(torch.tensor([[0.0, 5.0, 3.0, 3.0]]), 3)[0]
    assert weights.tolist() == pytest.approx([0, 1, 2 / 3, 1 / 3])


def test_threshold_constants_and_negative_logits():
    model, _ = fitted()
    flat = torch.full((1, 8), np.log(0.125))
    assert model.classes(flat).tolist() == [7]
    model.threshold.fill_(0.1)
    assert model.classes(flat).tolist() == [0]  # the first of equal classes
    negative = PROBES[3:4] - 20  # far from all means, but the unknown class gets the sum of negative logits
    assert model.classes(model.revise(negative).log_softmax(1)).tolist() != [7]
    shifted = models.build("open_set", {"name": "openmax", "subtract_minimum": True}, 8)
    fit_openmax(shifted, *classified(), LABELS)
    assert shifted.classes(shifted.revise(negative).log_softmax(1)).tolist() == [7]


def test_fit_names_what_is_wrong():
    logits, classes = classified()
    wrong = torch.where((classes == 3)[:, None], -logits, logits)
    with pytest.raises(DataError, match=r"recognises \d of 100 utterances of gl"):
        fit_openmax(models.build("open_set", {"name": "openmax"}, 8), wrong, classes, [*"012", "gl", *"456"])
    same = torch.nn.functional.one_hot(classes, 7).double()
    with pytest.raises(DataError, match="class 0: the 20 largest distances are all 0"):
        fit_openmax(models.build("open_set", {"name": "openmax"}, 8), same, classes, LABELS)
    for settings, message in (
        ({"variant": "both"}, "variant is 'both'; known: cau_ku, original"),
        ({"distance": "l2"}, "distance is 'l2'"),
        ({"tail": 2}, "tail is 2, and must be at least 3"),
        ({"fit_on": "test"}, "known: train, train_dev"),
    ):
        with pytest.raises(ConfigError, match=message):
            models.build("open_set", {"name": "openmax", **settings}, 8)


def test_sweep_holds_every_class_out_in_turn():
    config = openmax.Config(tails=[5, 20], thresholds=[0.0, 0.5, 1.0])
    parts = [classified(4, 30, 4.0, seed) for seed in (1, 2)]
    rows = sweep(config, *parts, ["a", "b", "c", "d"])
    assert [(row["tail"], row["threshold"]) for row in rows] == [
        (t, h) for t in (5, 20) for h in (0.0, 0.5, 1.0)
    ]
    rejected = [row for row in rows if row["threshold"] == 1.0]
    assert all(row["known_accuracy"] == 0 for row in rejected)  # all is unknown
    assert all(
        row["held_out_macro_f1"] == pytest.approx(0.1) for row in rejected
    )  # F1 of .4 for one class of four
    best = best_of(rows)
    assert best["threshold"] < 1 and best["held_out_macro_f1"] > 0.6
    with pytest.raises(ConfigError, match="cannot be tuned on 2 classes"):
        sweep(config, *parts, ["a", "b"])
