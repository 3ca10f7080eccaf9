"""Ensembles: sums on one scale, fitted on dev, of countermeasures and of classifiers."""

import numpy as np
import pytest
import torch

from dada import models
from dada.errors import ConfigError, DataError
from dada.metrics.eer import eer
from dada.models.inference import Outputs
from dada.score.ensemble import fit_ensemble, join_members, score_ensemble

CM = ["spoof", "bonafide"]
NUM = 400
BONAFIDE = np.arange(NUM) % 2 == 0


def countermeasure(gap: float, scale: float, seed: int, shift: float = 0.0) -> Outputs:
    rng = np.random.default_rng(seed)
    score = torch.tensor(scale * rng.normal(gap * BONAFIDE, 1.0) + shift)
    return Outputs(
        [f"u{i:03d}" for i in range(NUM)],
        torch.stack([-score / 2, score / 2], 1).float(),
        torch.zeros(NUM, 1),
    )


def fitted(members, labels=CM, theirs=None, bonafide=BONAFIDE, **settings):
    rows = join_members(members, theirs or dict.fromkeys(members, CM), labels)
    model = models.build(
        "ensemble", {"name": "weighted", "members": list(members), **settings}, len(rows.labels)
    )
    numbers = fit_ensemble(model, rows, bonafide)
    return rows, numbers, score_ensemble(model, rows).logits.numpy()


def test_members_weigh_as_their_ratio_whatever_their_scale():
    members = {"a": countermeasure(2, 100, 0, 50), "b": countermeasure(2, 0.01, 1)}
    rows, numbers, equal = fitted(members, weights={"b": 1, "a": 1})
    x = rows.values[:, :, 0].numpy()
    expected = ((x - x.mean(0)) / x.std(0)).sum(1)
    assert np.corrcoef(equal[:, 0], expected)[0, 1] == pytest.approx(1, abs=1e-6)
    assert [m["share"] for m in numbers["members"].values()] == pytest.approx([0.5, 0.5])
    shares = fitted(members, weights={"a": 1.5, "b": 1.2})[1]["members"]
    assert shares["a"]["share"] / shares["b"]["share"] == pytest.approx(1.25)
    np.testing.assert_allclose(fitted(members, weights={"a": 3, "b": 3})[2], equal, atol=1e-4)
    raw = fitted(members, normalise="none")[2][:, 0]
    assert np.corrcoef(raw, x[:, 0])[0, 1] > 0.999  # the louder member alone
    alone = [eer(x[BONAFIDE, i], x[~BONAFIDE, i])[0] for i in (0, 1)]
    assert numbers["dev"]["eer"] < min(alone) and numbers["dev"]["eer"] == pytest.approx(
        eer(equal[BONAFIDE, 0], equal[~BONAFIDE, 0])[0]
    )


def test_sums_are_log_likelihood_ratios_and_keep_their_order():
    members = {"a": countermeasure(2, 30, 0), "b": countermeasure(2, 5, 1)}
    scores = fitted(members)[2][:, 0]  # two independent N(2, 1) against N(0, 1): the ratio is 2 (a + b) - 4
    x = join_members(members, dict.fromkeys(members, CM), CM).values[:, :, 0].numpy()
    np.testing.assert_allclose(scores, 2 * (x[:, 0] / 30 + x[:, 1] / 5) - 4, atol=1.5)
    useless = {"a": countermeasure(-2, 1, 0), "b": countermeasure(-2, 1, 1)}
    assert np.ptp(fitted(useless)[2]) > 1  # scored as it is, for the evaluation to warn of


def test_learned_weights_leave_a_useless_member_out():
    members = {"good": countermeasure(3, 1, 0), "noise": countermeasure(0, 1, 1)}
    _, numbers, learned = fitted(members, learned=True)
    assert numbers["members"]["good"]["share"] > 0.9
    assert numbers["dev"]["eer"] < fitted(members)[1]["dev"]["eer"]
    constant = {**members, "constant": countermeasure(0, 0, 2, 7.1)}
    np.testing.assert_allclose(fitted(constant, learned=True)[2], learned, atol=1e-3)
    assert fitted(constant)[1]["members"]["constant"]["factor"] == 0


def test_members_weigh_by_their_accuracy():
    members = {"good": countermeasure(3, 1, 0), "bad": countermeasure(0.3, 9, 1)}
    rows, numbers, _ = fitted(members, by_accuracy=True)
    x = rows.values[:, :, 0].numpy()
    right = [1 - eer(x[BONAFIDE, i], x[~BONAFIDE, i])[0] for i in (0, 1)]
    shares = [member["share"] for member in numbers["members"].values()]
    assert shares == pytest.approx([value / sum(right) for value in right]) and shares[0] > 0.58
    given = fitted(members, weights={"good": right[0], "bad": right[1]})
    assert given[1]["members"] == numbers["members"] and given[1]["offset"] == numbers["offset"]
    assert fitted(members, by_accuracy=True, learned=True)[1] == fitted(members, learned=True)[1]
    names = {"good": ["x", "y"], "bad": ["x", "y"]}
    with pytest.raises(ConfigError, match="model.by_accuracy is for countermeasures"):
        fitted(members, [], names, None, by_accuracy=True)


def test_classifiers_are_summed_by_class_name():
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(2, 5, 3))
    utts = [f"u{i}" for i in range(5)]
    members = {
        "a": Outputs(utts, torch.tensor(logits[0]), torch.zeros(5, 1)),
        "b": Outputs(utts[::-1], torch.tensor(logits[1][::-1].copy()), torch.zeros(5, 1)),
    }
    theirs = {"a": ["x", "y", "z"], "b": ["z", "x", "y"]}
    for labels in (["x", "y", "z"], []):
        rows, numbers, summed = fitted(
            members, labels, theirs, None, normalise="none", weights={"a": 1.5, "b": 1}
        )
        np.testing.assert_allclose(summed, 1.5 * logits[0] + logits[1][:, [1, 2, 0]], rtol=1e-6)
        assert rows.labels == ["x", "y", "z"] and numbers["offset"] == 0
    with pytest.raises(ConfigError, match="member b has the classes z, x, y, but the ensemble x, y"):
        fitted(members, ["x", "y"], {**theirs, "a": ["x", "y"]}, None)
    with pytest.raises(ConfigError, match="model.learned is for countermeasures"):
        fitted(members, [], theirs, None, learned=True)


def test_bad_members_and_weights_are_named():
    members = {"a": countermeasure(1, 1, 0), "b": countermeasure(1, 1, 1)}
    with pytest.raises(ConfigError, match="model.weights are of a, c, but the members .* are a, b"):
        fitted(members, weights={"a": 1, "c": 1})
    for weight in (0, -1, float("nan")):
        with pytest.raises(ConfigError, match="must be above 0"):
            fitted(members, weights={"a": 1, "b": weight})
    with pytest.raises(ConfigError, match="normalise is 'minmax'; known: z, none"):
        fitted(members, normalise="minmax")
    shorter = {
        **members,
        "b": Outputs(members["b"].utts[1:], members["b"].logits[1:], members["b"].embeddings[1:]),
    }
    with pytest.raises(DataError, match="1 utterances are not in both a and b: u000"):
        fitted(shorter)
    with pytest.raises(DataError, match="needs bona fide and spoofed"):
        fitted(members, bonafide=np.ones(NUM, dtype=bool))
