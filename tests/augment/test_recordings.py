"""Noise and rooms from folders of recordings, speed and pitch: each against what it claims."""

import math
from fractions import Fraction

import numpy as np
import pytest
import soundfile
import torch

from dada.augment import pitch, recorded_noise, recorded_rooms, seeded, speed
from dada.data.audio import write_audio
from dada.data.batch import Batch
from dada.errors import ConfigError, DataError

RATE = 16_000
NUM_SAMPLES = 8000


def speech(num: int = 4) -> Batch:
    x = 0.1 * torch.randn(num, NUM_SAMPLES, generator=seeded(5))
    lengths = torch.tensor([NUM_SAMPLES, NUM_SAMPLES // 2] * (num // 2))
    batch = Batch([f"u{i}" for i in range(num)], x, lengths)
    batch.inputs = x * batch.mask
    return batch


def tone(frequency: float, size: int = NUM_SAMPLES) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * frequency * np.arange(size) / RATE)).astype(np.float32)


def peak(x: torch.Tensor) -> float:
    """The frequency of the strongest partial, in Hz."""
    window = torch.hann_window(len(x))
    return float(torch.fft.rfft(x * window, n=1 << 18).abs().argmax()) * RATE / (1 << 18)


@pytest.fixture
def noises(tmp_path):
    """Tones of a frequency for each class, in folders below one another."""
    for name, frequency, size in (
        ("noise/free", 1000, 3000),
        ("music", 2000, 40_000),
        ("speech", 3000, 9000),
    ):
        (tmp_path / name).mkdir(parents=True)
        for number in range(2):
            write_audio(tmp_path / name / f"{number}.wav", tone(frequency + 50 * number, size))
    return tmp_path


CLASSES = {"noise": {"snr": [0, 2]}, "music": {"snr": [10, 12]}, "speech": {"snr": [20, 22], "num": [2, 3]}}


def test_each_class_has_its_ratios(noises, monkeypatch):
    monkeypatch.setenv("CORPORA", str(noises.parent))
    config = recorded_noise.Config(f"$CORPORA/{noises.name}", CLASSES)
    augmentation, batch, found = recorded_noise.Augment(config), speech(), {}
    for seed in range(12):
        result = augmentation(batch, seeded(seed)).inputs
        assert torch.equal(result * ~batch.mask, batch.inputs * ~batch.mask)
        for clip, noisy, length in zip(batch.inputs, result, batch.lengths.tolist(), strict=True):
            noise = (noisy - clip)[:length]
            ratio = 20 * math.log10(float(clip.norm() / noise.norm()))
            found.setdefault(round(peak(noise) / 1000) * 1000, []).append(ratio)
    for frequency, (low, high) in ((1000, (0, 2)), (2000, (10, 12)), (3000, (20, 22))):
        assert low - 0.01 < min(found[frequency]) < max(found[frequency]) < high + 0.01
    assert set(found) == {1000, 2000, 3000} and min(map(len, found.values())) >= 6


def test_voices_of_babble_sound_together(noises):
    config = recorded_noise.Config(str(noises), {"speech": {"num": [6, 6], "snr": [0, 0]}})
    clip = Batch(["a"], torch.randn(1, NUM_SAMPLES, generator=seeded(1)), torch.tensor([NUM_SAMPLES]))
    noise = (recorded_noise.Augment(config)(clip, seeded(3)).inputs - clip.inputs)[0]
    spectrum = torch.fft.rfft(noise).abs()
    strong = spectrum[[1500, 1525]] / spectrum.max()  # 3,000 and 3,050 Hz, in steps of 2 Hz
    assert strong.min() > 0.1


def test_a_silent_stretch_gives_way_to_sound(tmp_path):
    x = np.zeros(200_000, np.float32)
    x[-500:] = tone(1000, 500)
    write_audio(tmp_path / "late.wav", x)
    augmentation, batch = recorded_noise.Augment(recorded_noise.Config(str(tmp_path))), speech()
    for seed in range(5):
        assert bool(((augmentation(batch, seeded(seed)).inputs != batch.inputs).any(1)).all())
    write_audio(tmp_path / "late.wav", 0 * x)
    with pytest.raises(DataError, match=r"late.wav is silence, which makes no noise: remove it"):
        augmentation(batch, seeded(1))


def test_wrong_folders_are_named(tmp_path, noises):
    with pytest.raises(DataError, match="absent does not exist"):
        recorded_noise.Augment(recorded_noise.Config(str(tmp_path / "absent")))
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="empty holds no audio file"):
        recorded_rooms.Augment(recorded_rooms.Config(str(tmp_path / "empty")))
    with pytest.raises(ConfigError, match="classes.noise: unknown key 'snrs', did you mean 'snr'"):
        recorded_noise.Augment(recorded_noise.Config(str(noises), {"noise": {"snrs": [0, 1]}}))
    with pytest.raises(ConfigError, match="must be at least 1"):
        recorded_noise.Augment(recorded_noise.Config(str(noises), {"noise": {"num": [0, 1]}}))


def test_rooms_are_convolved_from_the_direct_sound_on(tmp_path):
    """Two channels at another rate, one with an echo after 10 ms and the other one after 20 ms."""
    response = np.zeros((2000, 2), np.float32)
    response[300] = 0.8
    response[300 + 80, 0] = response[300 + 160, 1] = 0.4
    soundfile.write(tmp_path / "room.wav", response, 8000)
    augmentation, delays = recorded_rooms.Augment(recorded_rooms.Config(str(tmp_path))), set()
    x = torch.zeros(1, NUM_SAMPLES)
    x[0, 1000] = 0.5
    for seed in range(8):
        result = augmentation(Batch(["a"], x, torch.tensor([NUM_SAMPLES])), seeded(seed)).inputs[0]
        assert int(result.abs().argmax()) == 1000  # no delay
        assert float(result.norm()) == pytest.approx(0.5, rel=1e-4)  # as loud as before
        late = result.clone()
        late[:1100] = 0
        delays.add(int(late.abs().argmax()) - 1000)
        assert float(late.abs().max() / result[1000]) == pytest.approx(0.5, abs=0.02)
    assert delays == {160, 320}
    silent = np.zeros((2000, 1), np.float32)
    soundfile.write(tmp_path / "room.wav", silent, 8000)
    with pytest.raises(DataError, match="channel 1 is silence, which is no room"):
        augmentation(Batch(["a"], x, torch.tensor([NUM_SAMPLES])), seeded(1))


@pytest.mark.parametrize("factor", [0.9, 1.1, 1.5])
def test_speed_moves_pitch_and_tempo(factor):
    """Of a tone that ends after a quarter of the clip."""
    x = torch.from_numpy(tone(800, NUM_SAMPLES))[None].clone()
    batch = Batch(["a"], x, torch.tensor([NUM_SAMPLES]))
    result = speed.Augment(speed.Config([factor]))(batch, seeded(1)).inputs[0]
    assert peak(result[: int(NUM_SAMPLES / factor * 0.9)]) == pytest.approx(800 * factor, rel=2e-3)
    x[0, NUM_SAMPLES // 4 :] = 0
    config = speed.Config([factor], fill="zeros")
    if factor > 1:  # of a slower one a random stretch is taken
        result = speed.Augment(config)(batch, seeded(1)).inputs[0]
        end = int((result.abs() > 0.01).nonzero()[-1])
        assert end == pytest.approx(NUM_SAMPLES / 4 / factor, abs=12)
        assert not result[math.ceil(NUM_SAMPLES / factor) :].any()


def test_a_faster_clip_is_repeated():
    batch = speech(2)
    result = speed.Augment(speed.Config([1.25]))(batch, seeded(1)).inputs
    size = math.ceil(NUM_SAMPLES / 1.25)
    assert torch.equal(result[0, size:], result[0, : NUM_SAMPLES - size])
    assert torch.equal(speed.Augment(speed.Config([1.0]))(batch, seeded(1)).inputs, batch.inputs)


@pytest.mark.parametrize("semitones", [-7.0, -0.5, 1.0, 4.0, 12.0])
def test_pitch_moves_and_tempo_stays(semitones):
    size = 24_000
    x = torch.from_numpy(tone(600, size))[None].clone()
    x[0, : size // 3] = 0
    batch = Batch(["a"], x, torch.tensor([size]))
    result = pitch.Augment(pitch.Config([semitones, semitones]))(batch, seeded(1)).inputs[0]
    cents = 1200 * math.log2(peak(result[size // 3 + 2000 :]) / (600 * 2 ** (semitones / 12)))
    assert abs(cents) < 15
    start = int((result.abs() > 0.1).nonzero()[0])
    assert start == pytest.approx(size // 3, abs=512)  # a window of the vocoder
    assert float(result.norm()) == pytest.approx(float(x.norm()), rel=1e-4)


def test_intervals_are_ratios_of_small_numbers():
    for semitones in np.linspace(-24, 24, 97):
        ratio = pitch.interval(float(semitones))
        assert max(ratio.numerator, ratio.denominator) <= 64
        assert ratio * pitch.interval(-float(semitones)) == 1
        assert abs(1200 * math.log2(ratio) - 100 * semitones) < 14
    assert pitch.interval(12.0) == Fraction(2) and pitch.interval(7.0) == Fraction(3, 2)


def test_a_very_short_clip_has_a_pitch():
    for size in (1, 7, 300):
        batch = Batch(["a"], torch.ones(1, size), torch.tensor([size]))
        result = pitch.Augment(pitch.Config([3.0, 3.0]))(batch, seeded(1)).inputs
        assert result.shape == (1, size) and torch.isfinite(result).all()
