"""Late fusion: the properties the formulas promise."""

import math

import numpy as np
import pytest
import torch

from dada.data import Batch
from dada.models.fusion import late
from dada.models.fusion._branches import claimed_authors, lift_of_claim, log_odds_of_claim, margin_of_claim

AUTHORS = ["ann", "bob", "cid"]
POSTERIOR = torch.tensor([[0.7, 0.2, 0.1], [0.1, 0.1, 0.8], [1 / 3, 1 / 3, 1 / 3]], dtype=torch.float64)
PRIOR = [0.5, 0.3, 0.2]


def model_of(rule, **settings):
    return late.Model(late.Config(rule=rule, authors=AUTHORS, prior=PRIOR, **settings)).eval()


def score(model, audio, log_posterior, speakers):
    x = torch.cat([torch.as_tensor(audio, dtype=torch.float64)[:, None], log_posterior], dim=1)
    logits = model(Batch([""] * len(x), x, torch.zeros(len(x)), None, speakers)).logits
    return logits[:, 1] - logits[:, 0]


def test_mean_is_equation_3():
    fused = score(model_of("mean", alpha=0.6), [2.0, -1.0, 0.5], POSTERIOR.log(), ["ann", "ann", "cid"])
    audio, text = torch.tensor([[2.0, -1.0, 0.5], [0.7, 0.1, 1 / 3]], dtype=torch.float64)
    expected = 0.6 * audio.sigmoid() + 0.4 * text
    torch.testing.assert_close(fused.sigmoid(), expected)


def test_confident_branches_do_not_saturate():
    log_posterior = torch.log_softmax(torch.tensor([[90.0, 0.0, 0.0]], dtype=torch.float64), 1).repeat(3, 1)
    fused = score(model_of("mean"), [60.0, 70.0, 80.0], log_posterior, ["ann"] * 3)
    assert (
        torch.isfinite(fused).all() and (fused.diff() > 0).all() and fused[0] > 50
    )  # a sigmoid in float64 is 1 from 37 on


def test_bayes_rows_sum_and_degenerate_cases():
    rates = torch.tensor([0.2, 0.5, 0.9], dtype=torch.float64)
    z = late.bayes_log_odds(POSTERIOR.log(), rates)
    torch.testing.assert_close((-z).sigmoid(), POSTERIOR @ rates)  # P(spoof|t) of section 7
    torch.testing.assert_close(z.sigmoid() + (-z).sigmoid(), torch.ones(3, dtype=torch.float64))
    constant = late.bayes_log_odds(POSTERIOR.log(), torch.full((3,), 0.3, dtype=torch.float64))
    torch.testing.assert_close(
        (-constant).sigmoid(), torch.full((3,), 0.3, dtype=torch.float64)
    )  # the draft's degenerate case
    certain = late.bayes_log_odds(torch.eye(3, dtype=torch.float64).log(), rates)
    torch.testing.assert_close((-certain).sigmoid(), rates)


def test_spoof_rates_are_smoothed():
    rates = late.spoof_rates(["ann", "ann", "bob", "zoe"], [True, True, False, True], AUTHORS)
    assert rates.tolist() == [3 / 4, 1 / 3, 1 / 2]


def test_bayes_claimed_follows_its_derivation():
    model = model_of("bayes_claimed", alpha=0.0)
    model.spoof_rates.copy_(torch.tensor([0.25, 0.5, 0.5]))
    fused = score(model, [0.0, 0.0, 0.0], POSTERIOR.log(), ["ann", "cid", "bob"])
    assert fused.tolist() == pytest.approx(
        [math.log(3) + math.log(0.7 / 0.5), math.log(0.8 / 0.2), math.log(1 / 3 / 0.3)]
    )
    by_prior = score(model, [0.0], torch.tensor([PRIOR], dtype=torch.float64).log(), ["bob"])
    assert by_prior.item() == pytest.approx(0)  # a posterior equal to the prior tells nothing


def test_evidence_of_a_claim():
    claimed = claimed_authors(["ann", "zoe", "bob"], AUTHORS)
    assert claimed.tolist() == [0, -1, 1]
    assert log_odds_of_claim(POSTERIOR.log(), claimed)[0].item() == pytest.approx(math.log(0.7 / 0.3))
    assert margin_of_claim(POSTERIOR.log(), claimed)[[0, 2]].tolist() == pytest.approx(
        [math.log(0.7 / 0.2), 0]
    )
    assert lift_of_claim(POSTERIOR.log(), claimed, torch.tensor(PRIOR))[0].item() == pytest.approx(
        math.log(0.7 / 0.5)
    )


@pytest.mark.parametrize("rule", ["mean", "calibrated", "log_odds", "bayes", "bayes_claimed"])
def test_an_unknown_speaker_leaves_the_audio_alone(rule):
    fused = score(model_of(rule), [2.0, 2.0, 2.0], POSTERIOR.log(), ["ann", "zoe", "-"])
    if rule == "bayes":
        assert not (fused == 2).any()  # it never looks at the speaker
    else:
        assert fused[1:].tolist() == [2, 2] and fused[0] != 2


def test_platt_is_applied_before_the_mean_only_where_the_rule_calibrates():
    model = model_of("log_odds", alpha=0.5)
    model.platt.copy_(torch.tensor([[2.0, 1.0], [0.5, -1.0]]))
    fused = score(model, [3.0], POSTERIOR[:1].log(), ["ann"])
    assert fused.item() == pytest.approx(0.5 * 7 + 0.5 * (0.5 * math.log(3.5) - 1))


def test_alpha_0_and_1_are_the_branches_alone():
    for alpha, expected in ((1.0, 2.0), (0.0, math.log(0.7 / 0.3))):
        assert score(
            model_of("mean", alpha=alpha), [2.0], POSTERIOR[:1].log(), ["ann"]
        ).item() == pytest.approx(expected)


def test_state_survives_saving(tmp_path):
    model = model_of("calibrated")
    model.alpha.fill_(0.25)
    torch.save(model.state_dict(), tmp_path / "weights.pt")
    again = model_of("calibrated")
    again.load_state_dict(torch.load(tmp_path / "weights.pt", weights_only=True))
    assert float(again.alpha) == 0.25


def test_inputs_keep_the_order_of_authors():
    from dada.models.fusion._branches import Branches

    branches = Branches(
        ["a"],
        torch.tensor([1.5]),
        torch.zeros(1, 2),
        POSTERIOR[:1].log(),
        torch.zeros(1, 2),
        ["ann"],
        AUTHORS,
    )
    np.testing.assert_allclose(late.inputs(late.Config(), branches)[0], [1.5, *np.log([0.7, 0.2, 0.1])])
