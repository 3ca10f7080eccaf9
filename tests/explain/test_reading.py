"""Profiles and shares, faithfulness, and words."""

import numpy as np
import pytest
import torch
from explain_toys import Net, as_batch, noise
from torch import nn

from dada.errors import ConfigError, DataError
from dada.experiment.config import SystemConfig
from dada.experiment.trained import Experiment
from dada.explain import faithfulness, support, tokens
from dada.explain.attribution import attribute
from dada.score.clip import System

RATE = 16_000


def bursts(*edges: tuple[float, float], seconds: float = 1.0) -> np.ndarray:
    """A tone between pairs of times, faint noise elsewhere."""
    time = np.arange(round(seconds * RATE)) / RATE
    on = sum(((time >= low) & (time < high)).astype(float) for low, high in edges)
    return 0.3 * on * np.sin(2 * np.pi * 200 * time) + 1e-4 * np.random.default_rng(0).standard_normal(
        len(time)
    )


def test_speech_is_found_and_short_runs_are_merged():
    speech = support.speech_frames(bursts((0.2, 0.4), (0.43, 0.6), (0.8, 0.81)))
    found = support.speech_at(speech, np.array([0.1, 0.3, 0.415, 0.5, 0.7, 0.805, 0.95, 5.0]))
    assert found.tolist() == [False, True, True, True, False, False, False, False]
    assert speech.mean() == pytest.approx(0.4, abs=0.03)
    assert not support.speech_frames(np.zeros(RATE)).any()  # digital silence lies under the floor
    assert support.speech_frames(bursts((0, 1))[:100]).tolist() == [True]


def test_profiles_and_shares():
    values = np.array([[1.0, -2.0, 3.0, 0.0], [0.0, 4.0, -1.0, 0.0]])
    assert support.temporal_profile(values).tolist() == [0.5, 2.0, 1.5, 0.0]
    assert support.spectral_profile(values).tolist() == [1.0, 1.0]
    assert support.temporal_profile(-values).tolist() == [0.0, 1.0, 0.5, 0.0]
    assert support.share(
        support.temporal_profile(values), np.array([True, True, False, False])
    ) == pytest.approx(2.5 / 4)
    assert np.isnan(support.share(np.zeros(3), np.ones(3, bool)))
    assert support.temporal_profile(np.array([1.0, -1.0])).tolist() == [1.0, 0.0]  # a waveform
    rows = np.array([[1.0], [2.0], [3.0], [4.0]])
    shares = support.band_shares(rows, np.array([0.0, 499.0, 500.0, 8000.0]))
    assert shares == pytest.approx([0.3, 0.3, 0, 0, 0.4])


def test_noisiness_and_correlation():
    assert support.noisiness(np.ones(9)) == 0 and support.noisiness(np.array([0.0, 2.0, 0.0, 2.0])) == 2
    rng = np.random.default_rng(0)
    assert support.map_noise(rng.standard_normal((300, 300))) == pytest.approx(2**0.5, abs=0.01)
    assert support.map_noise(np.ones((3, 4))) == 0
    assert support.map_noise(np.array([[1.0, -1.0], [-1.0, 1.0]])) == 2
    assert support.map_noise(np.array([1.0, -1.0, 1.0])) == 2  # a single row: along time alone
    assert np.isnan(support.map_noise(np.zeros((2, 2))))
    smooth = np.sin(np.linspace(0, 3, 300))
    assert support.map_noise(np.outer(smooth, smooth)) < 0.02
    coarse = np.array([1.0, 2.0, 5.0, 3.0])
    assert support.correlation(coarse, np.repeat(coarse, 3)) == pytest.approx(1)
    assert support.correlation(coarse, -np.repeat(coarse, 7)) == pytest.approx(-1)
    assert np.isnan(support.correlation(coarse, np.ones(5)))
    assert support._averaged(np.array([1.0, 2.0, 3.0]), 2) == pytest.approx([4 / 3, 8 / 3])


def model() -> nn.Module:
    torch.manual_seed(0)
    return Net(
        nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 60, 2))
    ).double()


def test_good_values_beat_chance_and_bad_ones_do_not():
    net, batch, background = model(), as_batch(2 * noise(1, 6, 10)), as_batch(noise(20, 6, 10, seed=1))
    values = attribute(net, batch, background).values[0, 1]
    good = faithfulness.curves(net, batch, background, values, 1)
    bad = faithfulness.curves(net, batch, background, -values, 1)
    assert good.gain > float(good.random_gain.max()) and bad.gain < float(bad.random_gain.min())
    with torch.no_grad():
        ends = net(batch).logits[0, 1], net(as_batch(background.inputs.mean(0, keepdim=True))).logits[0, 1]
    for start, end, curve in ((*ends, good.deletion), (*ends[::-1], good.insertion)):
        assert len(curve) == 21
        torch.testing.assert_close(curve[[0, -1]], torch.stack([start, end]))
    with pytest.raises(DataError, match="one utterance"):
        faithfulness.curves(net, batch, background, values[1:], 1)


def test_shuffled_weights_and_halves_of_the_background():
    net, batch, background = model(), as_batch(2 * noise(2, 6, 10)), as_batch(0.3 * noise(20, 6, 10, seed=1))
    found = attribute(net, batch, background)
    before = [parameter.clone() for parameter in net.parameters()]
    shuffled = faithfulness.with_shuffled_weights(net)
    assert all(torch.equal(a, b) for a, b in zip(net.parameters(), before, strict=True))
    for a, b in zip(net.parameters(), shuffled.parameters(), strict=True):
        torch.testing.assert_close(a.flatten().sort().values, b.flatten().sort().values)
    sanity, stability = (
        faithfulness.sanity(net, batch, background, found),
        faithfulness.stability(net, batch, background),
    )
    assert sanity.shape == stability.shape == (2, 2)
    assert float(sanity.abs().max()) < 0.5 < 0.8 < float(stability.min())
    with pytest.raises(DataError, match="two backgrounds"):
        faithfulness.stability(net, batch, as_batch(noise(1, 6, 10)))


def word_model(texts) -> np.ndarray:
    """Words are worth their lengths, and `not` with `good` takes 10 away."""
    asked.append(len(texts))
    worth = [
        sum(map(len, text.split())) - 10 * ("not" in text.split() and "good" in text.split())
        for text in texts
    ]
    return np.array([[0.0, value] for value in worth])


asked: list[int] = []


def test_words():
    short = tokens.attribute_words(word_model, "not a good day", [1])
    assert short.words == ["not", "a", "good", "day"] and short.values[0] == pytest.approx(
        [3 - 5, 1, 4 - 5, 3]
    )
    asked.clear()
    long = tokens.attribute_words(
        word_model, "this was not what we would call a good day today", [0, 1], num_permutations=8
    )
    assert long.values.shape == (2, 11) and asked[0] <= 8 * 10 + 2
    # A pair of an order and its reverse has each of two words first once, so that their share is exact.
    assert long.values[1] == pytest.approx([4, 3, -2, 4, 2, 5, 4, 1, -1, 3, 5])
    assert long.values.sum(1) == pytest.approx(long.output - long.base_value)
    with pytest.raises(DataError, match="no words"):
        tokens.attribute_words(word_model, " ", [1])


def test_only_systems_that_read_text_have_words():
    with pytest.raises(ConfigError, match="reads waveform"):
        tokens.text_predictor(System(Experiment(SystemConfig(name="aasist"), [], model()), None))
