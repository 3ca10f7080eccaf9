"""Sharpness-aware updates: the step by the formula, what they leave alone, and a killed run that ends the
same.
"""

import copy
import math

import pytest
import torch
from toy import stopped_after, toy_config, toy_dataset

from dada.errors import ConfigError
from dada.experiment.config import OptimConfig, SamConfig
from dada.losses import build
from dada.train.fit import fit
from dada.train.phases import phases_of
from dada.train.sam import Draws, at_worst_point, worst_steps

SGD = {"optim": OptimConfig("sgd", lr=0.05, momentum=0.0), "loss": {"name": "bce"}, "phases": [], "epochs": 2}


def trained(folder, **train):
    config = toy_config(**{**SGD, "keep": "last", **train})
    return fit(config, toy_dataset(crop_seed=3), toy_dataset(20, seed=1), folder, seed=5)


def same(model, other) -> bool:
    pairs = zip(model.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


@pytest.mark.parametrize("adaptive", [False, True])
def test_the_worst_point_is_that_of_the_formula(adaptive):
    generator = torch.Generator().manual_seed(1)
    parameters = [torch.nn.Parameter(torch.randn(size, generator=generator)) for size in (3, 4)]
    for parameter in parameters:
        parameter.grad = torch.randn(parameter.shape, generator=generator)
    values = [list(zip(p.tolist(), p.grad.tolist(), strict=True)) for p in parameters]
    scale = (lambda w: abs(w) + 0.01) if adaptive else (lambda w: 1.0)
    length = math.sqrt(sum((scale(w) * g) ** 2 for rows in values for w, g in rows))
    steps = worst_steps(parameters, SamConfig(0.3, adaptive))
    for step, rows in zip(steps, values, strict=True):
        assert step.tolist() == pytest.approx([0.3 * scale(w) ** 2 * g / length for w, g in rows], rel=1e-5)


def test_an_update_has_the_gradients_at_the_worst_point():
    """Of the squared length of w: 2 (w + ρ w / ‖w‖)."""
    model = torch.nn.Linear(4, 1, bias=False)
    w = model.weight.detach().clone()

    def backward():
        model.zero_grad()
        model.weight.square().sum().backward()

    before = Draws(torch.device("cpu"))
    backward()
    with at_worst_point(model, torch.nn.Identity(), SamConfig(0.5), before):
        backward()
    torch.testing.assert_close(model.weight.grad, 2 * w * (1 + 0.5 / w.norm()))
    assert torch.equal(model.weight, w)


def test_the_second_pass_draws_alike_and_observes_nothing():
    model = torch.nn.Sequential(torch.nn.BatchNorm1d(4), torch.nn.Dropout(0.5), torch.nn.Linear(4, 1)).train()
    loss = build({"name": "adaptive_triplet"})
    x, masks = torch.randn(6, 4), []
    model[1].register_forward_hook(lambda _, inputs, output: masks.append(output == 0))
    before = Draws(torch.device("cpu"))
    model(x).sum().backward()
    loss.mean_delta += 1
    seen, state = copy.deepcopy(model[0].state_dict()), torch.get_rng_state()
    with at_worst_point(model, loss, SamConfig(0.05), before):
        model(x + 1).sum().backward()
        loss.mean_delta += 1
        assert model[0].num_batches_tracked == 2
    assert torch.equal(masks[0], masks[1]) and torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(model[0].state_dict()[name], value) for name, value in seen.items())
    assert loss.mean_delta == 1


def test_a_training_takes_other_steps_of_which_a_small_radius_makes_plain_ones(tmp_path):
    plain = trained(tmp_path / "plain")
    small = trained(tmp_path / "small", sam=SamConfig(1e-7))
    wide = trained(tmp_path / "wide", sam=SamConfig(0.5))
    for name, value in plain.state_dict().items():
        torch.testing.assert_close(small.state_dict()[name], value, rtol=0, atol=1e-5)
    pairs = zip(plain.parameters(), wide.parameters(), strict=True)
    assert max(float((p - q).detach().abs().max()) for p, q in pairs) > 1e-3


def test_parts_of_a_batch_have_the_worst_point_of_the_whole(tmp_path):
    """Without batch statistics and dropout, which are those of a part."""
    weights = {}
    for accumulate in (1, 2):
        layers = ["compression", "pooling", "head.1", "head.3"]  # head.0 is batch normalisation
        settings = {"sam": SamConfig(0.3), "accumulate": accumulate, "trainable": layers}
        config = toy_config(**{**SGD, **settings})
        config.model |= {"norm": "none", "dropout": 0.0}
        model = fit(config, toy_dataset(), toy_dataset(20, seed=1), tmp_path / str(accumulate), seed=5)
        weights[accumulate] = model.state_dict()
    for name, value in weights[1].items():
        torch.testing.assert_close(weights[2][name], value, rtol=0, atol=1e-5)


@pytest.mark.parametrize("stop_after", [2, 4])
def test_a_killed_run_ends_with_the_same_weights(tmp_path, stop_after):
    settings = {"sam": SamConfig(0.1, adaptive=True), "checkpoint_steps": 2}
    whole = trained(tmp_path / "whole", **settings)
    with stopped_after(stop_after):
        trained(tmp_path / "killed", **settings)
    torch.rand(stop_after)
    assert same(whole, trained(tmp_path / "killed", **settings))


def test_float16_is_refused():
    config = toy_config(phases=[], sam=SamConfig(0.1), mixed_precision="fp16")
    with pytest.raises(ConfigError, match="set train.mixed_precision to bf16 or no"):
        phases_of(config.train)
