"""CQCC against the definition, written plainly in float64; no published numbers are known."""

import numpy as np
import pytest
import scipy.fft
import torch
from scipy.interpolate import CubicSpline

from dada import features

HIGH_TIME_RESOLUTION = {"bins_per_octave": 12, "max_frequency": 4000.0, "num_octaves": 8}  # ASVspoof 2021


def plain_cqcc(x: np.ndarray, per_octave: int, top: float, num_octaves: int, hop: int) -> np.ndarray:
    """(T,) to (60, N): each band by an inverse FFT as long as the padded clip, each frame's spline and DCT by
    themselves.
    """
    size, rate = 2 ** int(np.ceil(np.log2(len(x) + 2 * 16_000))), 16_000
    spectrum, axis = np.fft.fft(x, size), np.arange(size) * rate / size
    lowest = top / 2**num_octaves
    gamma = 228.7 * (2 ** (1 / per_octave) - 2 ** (-1 / per_octave))
    rows, centres = [], []
    for k in range(per_octave * num_octaves + 1):
        centre = lowest * 2 ** (k / per_octave)
        width = centre * (2 ** (1 / per_octave) - 2 ** (-1 / per_octave)) + gamma
        if centre + width / 2 > rate / 2:
            break
        window = np.where(
            np.abs(axis - centre) < width / 2, 0.5 + 0.5 * np.cos(2 * np.pi * (axis - centre) / width), 0
        )
        band = np.fft.ifft(2 * spectrum * window)[: len(x) + 1 : hop]
        rows.append(np.log(np.abs(band) ** 2 + 2.2204e-16))
        centres.append(centre)
    points = np.arange(lowest, centres[-1], lowest / 16)
    static = scipy.fft.dct(CubicSpline(centres, np.array(rows))(points), axis=0, norm="ortho")[:20]

    def slope(c: np.ndarray) -> np.ndarray:
        padded = np.pad(c, ((0, 0), (3, 3)), mode="edge")
        num = c.shape[1]
        return (
            sum(k * (padded[:, 3 + k : 3 + k + num] - padded[:, 3 - k : 3 - k + num]) for k in (1, 2, 3)) / 28
        )

    return np.concatenate([static, slope(static), slope(slope(static))])


@pytest.mark.parametrize("settings", [{}, HIGH_TIME_RESOLUTION], ids=["2019", "2021"])
def test_is_the_definition(settings):
    t = np.arange(5_000) / 16_000
    x = 0.3 * np.sin(2 * np.pi * (200 + 1500 * t) * t) + 0.02 * np.random.default_rng(0).standard_normal(
        len(t)
    )
    feature = features.build({"name": "cqcc", **settings})
    found = feature(torch.from_numpy(x).float()[None])[0].numpy()
    config = feature.config
    expected = plain_cqcc(x, config.bins_per_octave, config.max_frequency, config.num_octaves, feature.hop)
    assert found.shape == expected.shape == (60, 1 + len(x) // feature.hop)
    inner = slice(8, -8)
    np.testing.assert_allclose(
        found[:, inner], expected[:, inner], atol=2e-3 * np.abs(expected[:20, inner]).max(), rtol=0
    )


def test_bands_and_points_of_the_baselines():
    """863 bands and 8,059 points have the 2019 settings in the public code; frames come every 8.5 and every 2
    ms.
    """
    old, new = features.build({"name": "cqcc"}), features.build({"name": "cqcc", **HIGH_TIME_RESOLUTION})
    assert len(old.frequencies) == 863 and old.hop == 136
    assert len(np.arange(old.frequencies[0], old.frequencies[-1], old.lowest / 16)) == 8059
    assert len(new.frequencies) == 97 and new.hop == 32 and new.frequencies[-1] == pytest.approx(4000)


def test_loudness_moves_c0_alone():
    feature = features.build({"name": "cqcc", "deltas": False})
    x = 0.02 * torch.randn(1, 4_000, generator=torch.Generator().manual_seed(0))
    change = feature(10 * x) - feature(x)
    num_points = len(np.arange(feature.frequencies[0], feature.frequencies[-1], feature.lowest / 16))
    torch.testing.assert_close(
        change[:, 0], torch.full_like(change[:, 0], 2 * np.log(10) * num_points**0.5), rtol=1e-4, atol=0
    )
    torch.testing.assert_close(change[:, 1:], torch.zeros_like(change[:, 1:]), rtol=0, atol=0.01)


def test_a_sine_of_amplitude_one_has_magnitude_one():
    """One band alone: with the identity in the place of splines and DCT, its log power is zero."""
    feature = features.build(
        {"name": "cqcc", **HIGH_TIME_RESOLUTION, "num_coefficients": 97, "deltas": False}
    )
    feature.cepstrum = torch.eye(97)
    t = torch.arange(16_000, dtype=torch.float64) / 16_000
    y = feature(torch.sin(2 * torch.pi * feature.frequencies[60] * t).float()[None])[0]
    torch.testing.assert_close(y[60, 100:400], torch.zeros(300), rtol=0, atol=2e-3)
    assert int(y[:, 250].argmax()) == 60
