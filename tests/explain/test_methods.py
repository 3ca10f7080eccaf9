"""What all methods share, and those by plain gradients and by occlusion."""

import logging

import pytest
import torch
from explain_toys import Net, as_batch, noise
from torch import nn

from dada.errors import ConfigError, DataError
from dada.explain.attribution import attribute
from dada.explain.background import same_class
from dada.explain.config import ExplainConfig
from dada.explain.explainer import options_of
from dada.models.audio import gmm

METHODS = ["deep_shap", "gradient_shap", "integrated_gradients", "occlusion"]
OPTIONS = {
    "gradient_shap": {"num_samples": 400},
    "integrated_gradients": {"max_steps": 16},
    "occlusion": {"num_patches": [4, 6]},
}


def smooth() -> nn.Module:
    torch.manual_seed(0)
    return Net(nn.Sequential(nn.Conv2d(1, 3, 3), nn.Tanh(), nn.Flatten(), nn.Linear(24, 2))).double()


@pytest.mark.parametrize("method", METHODS)
def test_linear_model(method):
    model = Net(nn.Sequential(nn.Flatten(), nn.Linear(24, 2))).double()
    x, background = noise(2, 4, 6), noise(3, 4, 6, seed=1)
    found = attribute(model, as_batch(x), as_batch(background), method=method, **OPTIONS.get(method, {}))
    expected = model.run[1].weight.detach().view(2, 4, 6) * (x - background.mean(0))[:, None]
    # The backgrounds of GradientShap are drawn, so that its mean over them is not exact.
    torch.testing.assert_close(
        found.values, expected, rtol=0, atol=0.05 if method == "gradient_shap" else 1e-12
    )
    assert found.values.shape == (
        2,
        2,
        4,
        6,
    ) and found.base_value.shape == found.output.shape == found.completeness_error.shape == (2, 2)


def test_more_steps_are_taken_until_the_sum_is_right():
    model, batch, background = smooth(), as_batch(3 * noise(1, 4, 6)), as_batch(noise(2, 4, 6, seed=1))
    coarse = attribute(model, batch, background, method="integrated_gradients", max_steps=1)
    fine = attribute(model, batch, background, method="integrated_gradients", tolerance=1e-3, first_steps=1)
    assert float(coarse.completeness_error.max()) > 0.01 and float(fine.completeness_error.max()) <= 1e-3
    given = {"first_steps": 1, "max_steps": 1, "tolerance": 0.0}
    assert torch.equal(
        attribute(model, batch, background, method="integrated_gradients", **given).values, coarse.values
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"gradient_shap": {"zero": True}},
            "gradient_shap has no setting 'zero', did you mean 'zeros'.*known: num_samples, noise, zeros",
        ),
        ({"gradient_shop": {}}, "unknown explanation method 'gradient_shop', did you mean 'gradient_shap'"),
        ({"gradient_shap": {"zeros": 1}}, "zeros is 1, and must be true or false"),
        ({"gradient_shap": {"num_samples": True}}, "num_samples is True, and must be a number"),
        ({"gradient_shap": {"seed": -1}}, "seed is -1, and must be a whole number from 0"),
        ({"integrated_gradients": {"tolerance": -0.1}}, "tolerance is -0.1, and must be a number from 0"),
        ({"integrated_gradients": {"max_steps": 1.5}}, "max_steps is 1.5, and must be a whole number from 1"),
        ({"occlusion": {"num_patches": "8"}}, r"num_patches is '8', and must be a list such as \[8, 16\]"),
        ({"occlusion": 3}, "the settings of occlusion are 3"),
    ],
)
def test_bad_settings_of_methods(options, message):
    with pytest.raises(ConfigError, match=message):
        ExplainConfig(options=options)


@pytest.mark.parametrize(
    ("num_background", "first", "most"), [(1, 16, 64), (2, 16, 64), (5, 6, 24), (8, 4, 16), (20, 4, 16)]
)
def test_steps_by_the_size_of_the_background(num_background, first, most):
    options = options_of("integrated_gradients", num_background)
    assert (options["first_steps"], options["max_steps"]) == (first, most)
    ExplainConfig(options={"integrated_gradients": options})


def test_good_settings_of_methods():
    ExplainConfig(
        options={
            "occlusion": {"num_patches": [4, 8]},
            "integrated_gradients": {"tolerance": 0, "max_steps": 8},
        }
    )


def test_gradient_shap_draws_by_its_seed_alone():
    model, batch, background = smooth(), as_batch(noise(1, 4, 6)), as_batch(noise(20, 4, 6, seed=1))
    state = torch.get_rng_state()
    first = attribute(model, batch, background, method="gradient_shap", zeros=True)
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(9)
    assert torch.equal(
        attribute(model, batch, background, method="gradient_shap", zeros=True).values, first.values
    )
    assert not torch.equal(
        attribute(model, batch, background, method="gradient_shap", zeros=True, seed=1).values, first.values
    )
    zero = torch.zeros(1, 4, 6, dtype=torch.float64)
    torch.testing.assert_close(first.base_value, model(as_batch(zero)).logits.detach())


def test_occlusion_of_a_gmm_and_of_a_waveform():
    model = gmm.Model(gmm.Config(num_components=2, num_features=4, init="random"), 2)
    model.means.copy_(noise(2, 2, 4))
    x, background = noise(1, 4, 12, dtype=torch.float32), noise(20, 4, 12, seed=1, dtype=torch.float32)
    values = attribute(
        model, as_batch(x), as_batch(background), method="occlusion", num_patches=[2, 3]
    ).values
    assert (
        torch.equal(values[0, 0, :2, :4], values[0, 0, :1, :1].expand(2, 4))
        and len(values[0, 0].unique()) == 6
    )
    occluded = x.clone()
    occluded[0, 2:, 8:] = background.mean(0)[2:, 8:]
    fall = model(as_batch(x)).logits - model(as_batch(occluded)).logits
    assert float(values[0, 1, 2:, 8:].sum()) == pytest.approx(float(fall[0, 1]), abs=1e-5)
    wave = attribute(
        Net(lambda image: image.sum(2)), as_batch(noise(1, 48)), as_batch(noise(20, 48)), method="occlusion"
    )
    assert wave.values.shape == (1, 1, 48) and float(wave.completeness_error.max()) < 1e-9
    with pytest.raises(ConfigError, match="num_patches"):
        attribute(model, as_batch(x), as_batch(background), method="occlusion", num_patches=[5, 3])


@pytest.mark.parametrize("method", ["deep_shap", "gradient_shap", "integrated_gradients"])
def test_model_without_gradient(method):
    model = Net(lambda x: torch.from_numpy(x.detach().numpy().mean((2, 3))))
    with pytest.raises(ConfigError, match="occlusion"):
        attribute(model, as_batch(noise(1, 4, 6)), as_batch(noise(20, 4, 6)), method=method)


def test_bad_input():
    model, x = smooth(), as_batch(noise(2, 4, 6))
    with pytest.raises(DataError, match="4 x 6, those of the background 4 x 7"):
        attribute(model, x, as_batch(noise(20, 4, 7)))
    with pytest.raises(DataError, match="no utterance"):
        attribute(model, x, as_batch(noise(0, 4, 6)))
    with pytest.raises(DataError, match="u1 is shorter"):
        attribute(model, as_batch(noise(2, 4, 6), torch.tensor([6, 5])), x)
    with pytest.raises(ConfigError, match="logits 0 to 1"):
        attribute(model, x, x, [2])
    with pytest.raises(ConfigError, match="did you mean 'deep_shap'"):
        attribute(model, x, x, method="deep_shape")


def test_small_background_is_used_and_told(caplog):
    with caplog.at_level(logging.WARNING):
        found = attribute(smooth(), as_batch(noise(1, 4, 6)), as_batch(noise(3, 4, 6)))
    assert found.num_background == 3 and "3 utterances, fewer than 20" in caplog.text


def test_background_of_the_same_class(caplog):
    classes = (
        {f"b{i}": "bonafide" for i in range(30)} | {f"m{i}": "melgan" for i in range(4)} | {"w0": "world"}
    )
    chosen = same_class(["b3"], classes)
    assert len(set(chosen)) == 20 and "b3" not in chosen and all(utt.startswith("b") for utt in chosen)
    assert chosen == same_class(["b3"], classes) != same_class(["b3"], classes, seed=1)
    assert same_class(["m0", "m1"], classes) == ["m2", "m3"] and "fewer than 20" in caplog.text
    for utts, message in (
        (["x"], "no utterance 'x'"),
        (["b0", "m0"], "2 classes"),
        (["w0"], "no other"),
        ([], "no utterance"),
    ):
        with pytest.raises(DataError, match=message):
            same_class(utts, classes)
