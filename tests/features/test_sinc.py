"""The sinc bank against figures of the published networks, and its pooled form against filtering and
pooling.
"""

import numpy as np
import pytest
import torch
from dispatches import Dispatches

from dada.errors import ConfigError, DataError
from dada.features import sinc

RAWNET2 = {"num_filters": 20, "num_taps": 1025}
RAWNET2_ICASSP = {"num_filters": 128, "num_taps": 129, "extra_edges": 2}


@pytest.mark.parametrize(
    ("settings", "edges"),
    [
        ({}, {0: 0, 1: 25.6591, 2: 52.2587, 3: 79.8334, 35: 1767.7925, 69: 7692.3708, 70: 8000}),
        (RAWNET2, {0: 0, 1: 93.9974, 2: 200.617, 10: 1767.7925, 19: 6970.0499, 20: 8000}),
        (RAWNET2_ICASSP, {0: 0, 1: 13.7016, 2: 27.6714, 64: 1720.416, 127: 7508.492, 128: 7669.1626}),
    ],
)
def test_edges_are_the_published_ones(settings, edges):
    config = sinc.Config(**settings)
    found = sinc.band_edges(config)
    assert len(found) == config.num_filters + 1
    np.testing.assert_allclose(found[list(edges)], list(edges.values()), atol=1e-3)


@pytest.mark.parametrize(
    ("settings", "centres"),
    [
        ({}, {0: 0.003207, 1: 0.003325, 35: 0.011307, 69: 0.038454}),
        (RAWNET2, {0: 0.01175, 10: 0.041423, 19: 0.128744}),
    ],
)
def test_centre_taps_are_the_published_ones(settings, centres):
    filters = sinc.sinc_filters(sinc.Config(**settings))
    np.testing.assert_allclose(
        filters[list(centres), filters.shape[1] // 2], list(centres.values()), atol=1e-6
    )


def test_all_taps_add_up_to_the_published_figure():
    assert float(sinc.sinc_filters(sinc.Config()).abs().sum()) == pytest.approx(38.7373, abs=1e-4)


def test_other_scales():
    mel, mirrored, linear = (
        sinc.band_edges(sinc.Config(scale=scale)) for scale in ("mel", "inverse_mel", "linear")
    )
    np.testing.assert_allclose(np.diff(mirrored), np.diff(mel)[::-1])
    np.testing.assert_allclose(np.diff(linear), 8000 / 70)


@pytest.mark.parametrize(
    ("settings", "bands", "steps", "num_samples"), [({}, 3, 3, 5000), ({}, 3, 3, 131), (RAWNET2, 1, 3, 5001)]
)
def test_pooled_magnitude_is_filtering_and_pooling(settings, bands, steps, num_samples):
    config = sinc.Config(**settings)
    # In float64, because float32 rounding may decide which of two nearly equal outputs is the larger one, and
    # the gradient with it.
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(2, num_samples, generator=generator, dtype=torch.float64, requires_grad=True)
    expected = torch.nn.functional.max_pool2d(sinc.Feature(config).double()(x).abs(), (bands, steps))
    pooled = sinc.PooledMagnitude(config, bands, steps).double()(x)
    torch.testing.assert_close(pooled, expected, rtol=0, atol=1e-12)
    gradients = [torch.autograd.grad((y * y).sum(), x)[0] for y in (pooled, expected)]
    torch.testing.assert_close(*gradients, rtol=1e-10, atol=1e-12)


def test_masking_silences_neighbours_in_training_alone():
    bank = sinc.PooledMagnitude(sinc.Config(), bands=1, steps=3, max_masked=20)
    x = torch.randn(1, 400, generator=torch.Generator().manual_seed(1))
    whole = bank.eval()(x)
    bank.train()
    counts = set()
    for seed in range(30):
        torch.manual_seed(seed)
        masked = bank(x)
        torch.manual_seed(seed)
        assert torch.equal(masked, bank(x))
        silent = torch.nonzero(masked.sum(-1)[0] == 0)[:, 0].tolist()
        kept = [i for i in range(70) if i not in silent]
        assert not silent or silent[-1] - silent[0] + 1 == len(silent)
        torch.testing.assert_close(masked[:, kept], whole[:, kept])
        counts.add(len(silent))
    assert len(counts) > 5 and max(counts) < 20


def test_bad_settings_and_short_clips():
    with pytest.raises(ConfigError, match="num_taps odd"):
        sinc.sinc_filters(sinc.Config(num_taps=128))
    with pytest.raises(ConfigError, match="max_masked_filters is 71"):
        sinc.PooledMagnitude(sinc.Config(), 3, 3, max_masked=71)
    with pytest.raises(DataError, match="100 samples is shorter than a filter of 129"):
        sinc.Feature(sinc.Config())(torch.zeros(1, 100))
    with pytest.raises(DataError, match="130 samples"):
        sinc.PooledMagnitude(sinc.Config(), 3, 3)(torch.zeros(1, 130))


@pytest.mark.parametrize(
    ("settings", "bands", "products"), [({}, 3, sinc.PRODUCTS), (RAWNET2, 1, sinc.PRODUCTS), ({}, 3, 40_000)]
)
def test_beside_a_cpu_the_batch_is_filtered_at_once(settings, bands, products, monkeypatch):
    monkeypatch.setattr(sinc, "PRODUCTS", products)
    bank = sinc.PooledMagnitude(sinc.Config(**settings), bands, 3)
    x = torch.randn(3, 3000, generator=torch.Generator().manual_seed(1), requires_grad=True)
    matrix, frames = bank.matrix.reshape(-1, bank.window), x.unfold(-1, bank.window, bank.steps)
    at_once, in_cache = bank._at_once(matrix, frames), bank._in_cache(matrix, frames)
    torch.testing.assert_close(at_once, in_cache, rtol=0, atol=1e-5)
    gradients = [torch.autograd.grad(y.sum(), x, retain_graph=True)[0] for y in (at_once, in_cache)]
    torch.testing.assert_close(*gradients, rtol=0, atol=1e-3)


def test_a_batch_of_the_published_size_takes_four_kernels():
    bank = sinc.PooledMagnitude(sinc.Config(), bands=3, steps=3).to("meta")
    with Dispatches() as found:
        assert bank(torch.zeros(24, 64_600, device="meta")).shape == (24, 23, 21_490)
    assert len(found.names) <= 4, found.names


@pytest.mark.parametrize("pooled", [False, True])
def test_a_waveform_is_filtered_in_float32_also_under_autocast(pooled):
    config = sinc.Config()
    bank = sinc.PooledMagnitude(config, bands=3, steps=3) if pooled else sinc.Feature(config)
    x = torch.randn(2, 1_000, generator=torch.Generator().manual_seed(1))
    expected = bank(x)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(bank(x), expected) and (x[:1] @ x[1:].T).dtype == torch.bfloat16
