"""The channel of egs/mini, and the voices that it maps."""

from pathlib import Path

import numpy as np
import pytest
import scipy.signal
from mini_speech import speech

from dada.recipe.local import load_local

MINI = Path(__file__).parents[2] / "egs" / "mini"
channel, voices = (load_local(MINI, name) for name in ("channel", "voices"))


def test_the_codec_leaves_length_and_timing():
    time = np.arange(11_025) / 11_025
    chirp = (0.3 * np.sin(2 * np.pi * (300 * time + 1000 * time**2)) * np.hanning(11_025)).astype(np.float32)
    decoded = channel.mp3(chirp)
    assert len(decoded) == len(chirp)
    lag = np.correlate(decoded, chirp, "full").argmax() - (len(chirp) - 1)
    assert abs(lag) <= 11, "more than a millisecond"


@pytest.mark.parametrize("published", [False, True])
def test_the_channel_fixes_band_level_and_edges(published):
    out = channel.transmit(0.05 * speech(), 11_025, published, seed=3)
    assert 2.0 < len(out) / 16_000 < 2.7, "silent edges of 1.5 s went, margins came"
    spectrum = np.abs(np.fft.rfft(out)) ** 2
    hz = np.fft.rfftfreq(len(out), 1 / 16_000)
    inside = spectrum[(hz > 200) & (hz < 3600)].mean()
    assert spectrum[hz > 4800].mean() < 3e-2 * inside and spectrum[hz < 60].mean() < 3e-2 * inside
    assert -29 < channel.active_level(channel.resample(out, 16_000, 11_025)) < -19
    np.testing.assert_array_equal(out, channel.transmit(0.05 * speech(), 11_025, published, seed=3))
    assert not np.array_equal(out[:1000], channel.transmit(0.05 * speech(), 11_025, published, seed=4)[:1000])


def test_edges_are_noise_of_a_random_length():
    """A synthesizer that starts with its first sample has the same margins as a recording."""
    made = [channel.transmit(x, 11_025, True, seed) for seed in range(6) for x in (speech(), speech()[8000:])]
    quiet = [np.flatnonzero(np.abs(out) > 0.03)[0] / 16_000 for out in made]
    assert min(quiet) > 0.02 and max(quiet) < 0.4 and np.std(quiet) > 0.03
    assert np.allclose(quiet[::2], quiet[1::2], atol=0.03)
    assert all(np.std(out[:500]) > 1e-4 for out in made)


def test_all_clips_get_the_same_spectrum_up_to_a_tilt():
    """Noise that is dark, bright or cut off comes out alike."""
    white = speech()
    dark, bright = (scipy.signal.lfilter([1], [1, pole], white) for pole in (-0.9, 0.3))
    levels = [channel.band_levels(channel.equalise(channel.band_pass(x), 0.0)) for x in (white, dark, bright)]
    relative = [level - np.median(level) for level in levels]
    assert np.abs(relative[0] - relative[1]).max() < 3 and np.abs(relative[0] - relative[2]).max() < 3
    assert relative[0][6] - relative[0][-1] == pytest.approx(9 * np.log2(channel.CENTRES[-1] / 500), abs=3)
    tilted = channel.band_levels(channel.equalise(channel.band_pass(white), 2.0))
    assert (tilted - levels[0])[-1] - (tilted - levels[0])[0] == pytest.approx(2 * 14 / 3, abs=3)


def vowel(hz: float, formant: float) -> np.ndarray:
    """A second and a half of a pulse train with one formant, its pitch falling a little, at 11,025 Hz."""
    time = np.arange(int(1.5 * 11_025)) / 11_025
    phase = 2 * np.pi * np.cumsum(hz * (1.1 - 0.15 * time)) / 11_025
    pulses = sum(np.cos(k * phase) for k in range(1, int(5000 / (1.1 * hz))))
    pole = np.exp(-2 * np.pi * 80 / 11_025 + 2j * np.pi * formant / 11_025)
    out = scipy.signal.lfilter([1], np.poly([pole, np.conj(pole)]).real, pulses)
    return (0.3 * out / np.abs(out).max()).astype(np.float32)


def test_a_voice_is_moved_towards_a_recording():
    pytest.importorskip("pyworld")
    own, other = vowel(110, 600), vowel(220, 1500)
    out = voices.imitate(own, 11_025, other, 11_025)
    assert len(out) / 16_000 == pytest.approx(1.5, abs=0.02)
    found, wanted, before = (
        voices.analyse(x, rate) for x, rate in ((out, 16_000), (other, 11_025), (own, 11_025))
    )
    f0, target = (np.median(analysis.f0[analysis.f0 > 0]) for analysis in (found, wanted))
    assert f0 == pytest.approx(target, rel=0.05)
    peaks = [analysis.envelope[analysis.f0 > 0].mean(0).argmax() for analysis in (before, found, wanted)]
    assert abs(peaks[1] - peaks[2]) < 0.3 * abs(peaks[0] - peaks[2])


def test_polarity_says_nothing(monkeypatch):
    monkeypatch.setattr(channel, "MARGIN", (0.1, 0.1))
    monkeypatch.setattr(channel, "TILT", (0.0, 0.0))
    outs = [channel.transmit(0.05 * speech(), 11_025, False, seed) for seed in range(24)]
    alike = [float(np.corrcoef(outs[0], out)[0, 1]) for out in outs]
    assert 5 <= sum(value < -0.9 for value in alike) <= 19 and all(abs(value) > 0.9 for value in alike)
