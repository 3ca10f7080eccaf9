"""Spectrograms against published numbers and files, and the log-CQT that stands in for one in 2D-Res-
TSSDNet.
"""

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


def frame_norms(x: torch.Tensor, size: int, hop: int) -> np.ndarray:
    """Euclidean norms (N,) of the centred frames of a clip (1, T)."""
    padded = torch.nn.functional.pad(x[0].double(), (size // 2, size // 2))
    return padded.unfold(0, size, hop).square().sum(1).sqrt().numpy()


def rounding(norms: np.ndarray, size: int) -> np.ndarray:
    """Bound (N,) on how far float32 magnitudes of one bin may differ between two implementations.

    A float32 FFT of `size` points has errors of about eps · sqrt(log2 size) · |frame| in every bin, however
    small the bin is. The order of the operations depends on the instruction set, so 20 times that is allowed;
    two implementations on one machine differ by 2.
    """
    return 20 * np.finfo(np.float32).eps * np.sqrt(np.log2(size)) * norms


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
    # Four published decimals, and float32 rounding of the darkest bin, 3e-5 on one machine, times 10.
    torch.testing.assert_close(y[rows, frame], torch.tensor(values), atol=4e-4, rtol=0)
    # Rounding of the dark bins moves the mean by 3e-7.
    assert mean is None or float(y.double().mean()) == pytest.approx(mean, abs=1e-5)


def test_lfcc_of_pc_darts():
    settings = {"variant": "pc_darts", "window": 1024, "hop": 256, "num_fft": 1024, "num_filters": 70}
    y = features.build({"name": "lfcc", **settings})(chirp(32_000))[0]
    assert y.shape == (60, 126)
    expected = torch.tensor([-23.1133, 8.4548, 5.1600, 3.8212, 3.0327, 2.5018, -2.8224, -0.2425, -0.1932])
    # Four published decimals, and float32 rounding of the dark bins, 2e-5 on one machine, times 10.
    torch.testing.assert_close(y[[*range(6), 20, 21, 22], 30], expected, atol=3e-4, rtol=0)
    assert float(y.double().mean()) == pytest.approx(-0.0705435, abs=2e-6)


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
    error = np.abs(y[:12, 50].double().sqrt().numpy() - np.sqrt(expected))
    # Five published digits of the power; its root has half of their relative error.
    assert (error <= 5e-5 * np.sqrt(expected) + rounding(frame_norms(x, 320, 160), 320)[50]).all()
    # The loudest bins make up the sum; each is known to about 3 eps.
    assert float(y.double().sum()) == pytest.approx(23390.637, rel=1e-5)


@pytest.mark.parametrize("attack", ["A01", "A02", "A03", "A04", "A05", "A06"])
def test_power_is_that_of_the_published_files(reference, attack):
    """Spoofed utterances of ASVspoof 2019 and their spectrograms, from the repository of the GradientShap
    paper.
    """
    (path,) = (reference / "front_end").glob(f"{attack}_*.npz")
    x, _ = soundfile.read(reference / "audio" / f"{path.name[4:16]}.flac", dtype="float32")
    expected = np.load(path)["power"][0].T
    waveform = torch.from_numpy(x)[None]
    y = features.build(ODYSSEY)(waveform)[0].double().numpy()
    error = np.abs(np.sqrt(y) - np.sqrt(expected.astype(float)))
    assert y.shape == expected.shape
    assert (error <= rounding(frame_norms(waveform, 320, 160)[: y.shape[1]], 320)).all()


def test_magnitude_is_the_root_of_the_power():
    x = chirp(8_000)
    magnitude, power = (
        features.build({"name": "spectrogram", "scale": scale})(x) for scale in ("magnitude", "power")
    )
    assert magnitude.shape == (1, 513, 63)
    assert (
        power > 1e-30
    ).all()  # no bin is subnormal, so that a root and a square have relative errors of eps
    torch.testing.assert_close(magnitude.square(), power, rtol=1e-5, atol=0)
    t = torch.arange(1024, dtype=torch.float64)
    window = 0.54 - 0.46 * torch.cos(2 * torch.pi * t / 1024)
    by_hand = torch.fft.rfft(x[0, 30 * 128 - 512 : 30 * 128 + 512].double() * window).abs()
    bound = float(rounding(frame_norms(x, 1024, 128), 1024)[30])
    torch.testing.assert_close(magnitude[0, :, 30].double(), by_hand, rtol=1e-5, atol=bound)


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
