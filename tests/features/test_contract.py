"""What every feature must keep, over all files of dada/features."""

import pytest
import torch

from dada import features, plugins
from dada.errors import ConfigError, DataError

SETTINGS = {
    "lfcc": [
        {"variant": "nii"},
        {"variant": "gmm", "window": 480, "hop": 240},
        {"variant": "pc_darts"},
        {"deltas": False},
    ],
    "mel": [{}, {"scale": "ln"}],
    "mfcc": [{}],
    "cqt": [
        {},
        {"method": "octaves"},
        {"min_frequency": 30.0, "hop": 128, "num_bins": 96, "bins_per_octave": 24},
        {"scale": "db", "pre_emphasis": 0.97},
    ],
    "cqcc": [{}, {"bins_per_octave": 12, "max_frequency": 4000.0, "num_octaves": 8, "hop": 30}],
    "spectrogram": [
        {},
        {"scale": "magnitude"},
        {"scale": "power", "pre_emphasis": 0.97},
        {"num_filters": 70},
    ],
    "cues": [{}],
    "sinc": [{}],
    "speech_encoder": [
        {"layers": [0, 1, -1]},
        {"layers": [1, 2], "layer_pooling": "stack", "normalise": "always"},
    ],
    "style_linguistics": [{"style_layers": [0, 1], "linguistics_layers": [2]}],
}
CASES = [(name, settings) for name, cases in SETTINGS.items() for settings in cases]


def test_every_feature_is_covered():
    assert plugins.names("dada.features") == sorted({*SETTINGS, "from_scp"})
    assert len(SETTINGS) == 10


@pytest.mark.parametrize(("name", "settings"), CASES)
def test_contract(name, settings, encoder_folder):
    if name == "speech_encoder":
        settings = {**settings, "model": str(encoder_folder("wav2vec2"))}
    if name == "style_linguistics":
        settings = {
            **settings,
            "style_model": str(encoder_folder("wav2vec2")),
            "linguistics_model": str(encoder_folder("hubert")),
        }
    feature = features.build({"name": name, **settings})
    generator = torch.Generator().manual_seed(1)
    x = 0.1 * torch.randn(3, 20_011, generator=generator)
    before = x.clone()
    with torch.no_grad():
        y = feature(x)
        alone = torch.cat([feature(row[None]) for row in x])
        again = features.build({"name": name, **settings})(x)
        silence = feature(torch.zeros(1, 20_011))
    assert y.shape[:2] == (3, feature.num_features) and y.ndim == 3 and y.dtype == torch.float32
    assert torch.equal(x, before)
    decibels = (
        settings.get("scale") == "db"
    )  # 1 nat is 8.7 dB, and in noise a few bins cancel almost to nothing
    torch.testing.assert_close(y, alone, atol=5e-3 if decibels else 2e-4, rtol=1e-4)
    assert torch.equal(y, again)
    assert torch.isfinite(silence).all() and not torch.allclose(y[:1], silence)
    if name not in ("speech_encoder", "style_linguistics"):
        assert not feature.state_dict()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"name": "lfc"}, "did you mean 'lfcc'"),
        ({"name": "lfcc", "variant": "nee"}, "known: nii, gmm, pc_darts"),
        ({"name": "lfcc", "max_frequency": 9000.0}, "half of the sample rate"),
        ({"name": "mel", "scale": "log"}, "known: db, ln"),
        ({"name": "mel", "min_frequency": 8000.0}, "min_frequency"),
        ({"name": "cqt", "method": "fast"}, "known: exact, octaves"),
        ({"name": "cqt", "scale": "log"}, "known: ln, db"),
        ({"name": "spectrogram", "scale": "db"}, "known: magnitude, power, log_power"),
        ({"name": "spectrogram", "num_fft": 512}, "shorter than the window of 1024"),
        ({"name": "cqt", "num_bins": 140}, "fewer bins"),
        ({"name": "cqt", "method": "octaves", "hop": 100}, "does not allow"),
        ({"name": "cqcc", "max_frequency": 9000.0}, "above half of the sample rate"),
        ({"name": "cqcc", "hop": 200}, "which allows 136"),
        ({"name": "cqcc", "bins_per_octave": 1, "num_octaves": 2}, "fewer than four bands"),
        ({"name": "speech_encoder", "layer_pooling": "max"}, "mean, stack"),
        ({"name": "speech_encoder", "layers": []}, "layers is empty"),
    ],
)
def test_bad_settings_are_refused(settings, message):
    with pytest.raises(ConfigError, match=message):
        features.build(settings)


def test_a_clip_shorter_than_a_frame_is_refused(encoder_folder):
    with pytest.raises(DataError, match="shorter than one frame of 480"):
        features.build({"name": "lfcc", "variant": "gmm", "window": 480, "hop": 240})(torch.zeros(1, 479))
    with pytest.raises(DataError, match="too short"):
        features.build({"name": "speech_encoder", "model": str(encoder_folder("wav2vec2"))})(
            torch.zeros(1, 300)
        )


def test_cues_of_a_made_up_clip():
    """A second of silence, two of a loud 4 kHz tone, half a second of silence."""
    from dada.features.cues import NAMES

    t = torch.arange(32_000) / 16_000
    tone = 0.5 * torch.sin(2 * torch.pi * 4000 * t)
    x = torch.cat([torch.zeros(16_000), tone, torch.zeros(8_000)])[None]
    cues = dict(zip(NAMES, features.build({"name": "cues"})(x)[0, :, 0].tolist(), strict=True))
    assert cues["duration"] == pytest.approx(3.5)
    assert cues["leading_silence"] == pytest.approx(1.0, abs=0.03)
    assert cues["trailing_silence"] == pytest.approx(0.5, abs=0.03)
    assert cues["level"] == pytest.approx(-9.03 + 10 * torch.log10(torch.tensor(2 / 3.5)).item(), abs=0.05)
    assert cues["centroid"] == pytest.approx(4.0, abs=0.05)
    assert cues["zero_crossings"] == pytest.approx(0.5 * 2 / 3.5, abs=0.01)
