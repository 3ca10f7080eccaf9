"""Spectrograms against published numbers and files, and the log-CQT that stands in for one in 2D-Res-TSSDNet."""

import numpy as np
import pytest
import soundfile
import torch

from dada import features

ODYSSEY = {
    "name": "spectrogram",
    "scale": "power",
    "window": 320,
    "hop": 160,
    "num_fft": 320,
    "pre_emphasis": 0.97,
}
TSSDNET_CQT = {
    "name": "cqt",
    "method": "octaves",
    "hop": 256,
    "num_bins": 432,
    "bins_per_octave": 48,
    "min_frequency": 15.0,
}


def chirp(num_samples: int) -> torch.Tensor:
    """.5 sin(2π(100 t + 200 t²)) at 16 kHz, (1, T)."""
    t = torch.arange(num_samples, dtype=torch.float64) / 16_000
    return (0.5 * torch.sin(2 * torch.pi * (100 * t + 200 * t * t))).float()[None]


@pytest.mark.parametrize(
    ("settings", "shape", "frame", "rows", "values", "mean"),
    [
        (
            {},
            (513, 251),
            60,
            [0, 10, 20, 30, 40, 300],
            [-0.4921, -0.2342, 3.1299, -0.8933, -1.5535, -4.3105],
            -3.192698,
        ),
        (
            {"hop": 256, "num_filters": 70},
            (70, 126),
            30,
            [0, 1, 2, 3],
            [0.5363, 4.0265, 4.1876, 0.1424],
            None,
        ),
    ],
)
def test_log_power_of_pc_darts(settings, shape, frame, rows, values, mean):
    y = features.build({"name": "spectrogram", **settings})(chirp(32_000))[0]
    assert y.shape == shape
    torch.testing.assert_close(y[rows, frame], torch.tensor(values), atol=1e-4, rtol=0)
    assert mean is None or float(y.mean()) == pytest.approx(mean, abs=2e-6)


def test_lfcc_of_pc_darts():
    settings = {"variant": "pc_darts", "window": 1024, "hop": 256, "num_fft": 1024, "num_filters": 70}
    y = features.build({"name": "lfcc", **settings})(chirp(32_000))[0]
    assert y.shape == (60, 126)
    expected = torch.tensor([-23.1133, 8.4548, 5.1600, 3.8212, 3.0327, 2.5018, -2.8224, -0.2425, -0.1932])
    torch.testing.assert_close(y[[*range(6), 20, 21, 22], 30], expected, atol=1.5e-4, rtol=0)
    assert float(y.mean()) == pytest.approx(-0.0705435, abs=2e-6)


def test_power_with_pre_emphasis():
    x = chirp(32_000)
    before = x.clone()
    y = features.build(ODYSSEY)(x)[0]
    assert torch.equal(x, before) and y.shape == (161, 201)
    expected = [
        1.9533e-9,
        1.7585e-8,
        3.4327e-7,
        9.3384e-6,
        7.7512e-4,
        4.8477,
        26.756,
        4.8822,
        9.4864e-4,
        6.4305e-6,
        1.4252e-7,
        6.2014e-7,
    ]
    torch.testing.assert_close(y[:12, 50], torch.tensor(expected), atol=1e-10, rtol=5e-5)
    assert float(y.double().sum()) == pytest.approx(23390.637, rel=1e-6)


@pytest.mark.parametrize("attack", ["A01", "A02", "A03", "A04", "A05", "A06"])
def test_power_is_that_of_the_published_files(reference, attack):
    """Spoofed utterances of ASVspoof 2019 and their spectrograms, from the repository of the GradientShap
    paper.
    """
    (path,) = (reference / "front_end").glob(f"{attack}_*.npz")
    x, _ = soundfile.read(reference / "audio" / f"{path.name[4:16]}.flac", dtype="float32")
    expected = np.load(path)["power"][0].T
    y = features.build(ODYSSEY)(torch.from_numpy(x)[None])[0].numpy()
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-12)


def test_magnitude_is_the_root_of_the_power():
    x = chirp(8_000)
    magnitude, power = (
        features.build({"name": "spectrogram", "scale": scale})(x) for scale in ("magnitude", "power")
    )
    assert magnitude.shape == (1, 513, 63)
    torch.testing.assert_close(magnitude.square(), power, rtol=1e-5, atol=1e-12)
    t = torch.arange(1024, dtype=torch.float64)
    window = 0.54 - 0.46 * torch.cos(2 * torch.pi * t / 1024)
    by_hand = torch.fft.rfft(x[0, 30 * 128 - 512 : 30 * 128 + 512].double() * window).abs()
    torch.testing.assert_close(magnitude[0, :, 30].double(), by_hand, rtol=1e-4, atol=1e-4)


def test_cqt_of_tssdnet():
    y = features.build({**TSSDNET_CQT, "gain": 1.0, "pre_emphasis": 0.97, "scale": "db"})(
        chirp(102_400)[:, :-256]
    )[0]
    assert y.shape == (432, 400)
    torch.testing.assert_close(
        y[[0, 300, 431], 200], torch.tensor([-100.6959, -71.0231, -98.3953]), atol=0.05, rtol=0
    )
    # -142 and -141 dB in the reference: 150 dB below the tone, where float32 has no digits left.
    assert (y[[100, 200], 200] < -130).all()
