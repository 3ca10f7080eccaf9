"""Recordings with what is known of them."""

import itertools
import os
import tracemalloc

import numpy as np
import pytest
import soundfile
import torch
import torchaudio.functional
from encoded import container, plain, speech

from dada.data import DataDir, decode_audio, read_audio
from dada.data.audio import read_header, read_native, resample
from dada.data.sound import Trained, read_sound, recording, resampling, sources, trained_on
from dada.errors import DataError


def named(sound, level=None):
    return {check.name for check in sound.checks if level in (None, check.level)}


def test_a_recording_with_its_facts(tmp_path):
    soundfile.write(tmp_path / "a.wav", speech(2.0, rate=22_050), 22_050)
    sound = read_sound(str(tmp_path / "a.wav"))
    np.testing.assert_array_equal(sound.samples, read_audio(str(tmp_path / "a.wav")))
    assert (sound.rate, sound.native_rate, sound.channels, sound.seconds) == (16_000, 22_050, 1, 2.0)
    assert sound.container == "WAV/PCM_16" and not sound.checks and sound.bandwidth > 7_000


def test_recordings_of_the_field_give_no_doubt(reference):
    paths = [path for path in (reference / "audio").rglob("*") if path.suffix in (".flac", ".wav")]
    found = {path.name: read_sound(str(path)).checks for path in paths}
    assert len(found) == 23
    assert {name: checks for name, checks in found.items() if checks and name != "jfk.flac"} == {}
    # A broadcast of 1961, with little above 5.6 kHz.
    assert [(check.name, check.level) for check in found["jfk.flac"]] == [("narrow_band", "note")]


@pytest.mark.parametrize("ending", ["mka", "mov"])
def test_lossless_containers_give_the_samples_of_a_wav(tmp_path, ending):
    """And their headers state as many."""
    (tmp_path / f"a.{ending}").write_bytes(container(ending))
    (tmp_path / "a.wav").write_bytes(plain(rate=44_100))
    samples, rate = read_native(str(tmp_path / f"a.{ending}"))
    expected, _ = read_native(str(tmp_path / "a.wav"))
    assert rate == 44_100 and samples.dtype == np.float32
    np.testing.assert_allclose(samples, expected, atol=1 / 32768)
    assert read_header(str(tmp_path / f"a.{ending}")).num_samples == len(expected)


def test_an_encoder_adds_nothing_at_the_start_or_end_of_mp4(tmp_path):
    (tmp_path / "a.m4a").write_bytes(container("m4a"))
    samples, _ = read_native(str(tmp_path / "a.m4a"))
    original = speech(rate=44_100)
    assert samples.shape == (len(original), 1)
    best = max(range(-1500, 1500), key=lambda lag: np.dot(np.roll(samples[:, 0], lag), original))
    assert abs(best) <= 1


def test_containers_are_read_in_blocks(tmp_path, monkeypatch):
    (tmp_path / "a.webm").write_bytes(container("webm"))
    whole = read_audio(str(tmp_path / "a.webm"))
    monkeypatch.setattr(recording, "BLOCK", 5000)
    np.testing.assert_array_equal(read_audio(str(tmp_path / "a.webm")), whole)
    monkeypatch.setattr(recording, "MAX_SAMPLES", 20_000)
    with pytest.raises(DataError, match="more than is read"):
        read_audio(str(tmp_path / "a.webm"))


@pytest.mark.parametrize("flip", [1.0, -1.0])
def test_channels_that_cancel_are_heard_as_one(tmp_path, flip):
    x = speech()
    soundfile.write(tmp_path / "a.wav", np.stack([x, flip * x], 1), 16_000)
    soundfile.write(tmp_path / "x.wav", x, 16_000)
    np.testing.assert_array_equal(
        read_sound(str(tmp_path / "a.wav")).samples, read_audio(str(tmp_path / "x.wav"))
    )


def test_the_louder_of_two_channels_that_cancel_is_taken(tmp_path):
    x = speech()
    soundfile.write(tmp_path / "a.wav", np.stack([-0.8 * x, x], 1), 16_000, subtype="FLOAT")
    sound = read_sound(str(tmp_path / "a.wav"))
    assert named(sound) == {"channels_cancel"} and "channel 2 is used" in sound.checks[0].message
    np.testing.assert_array_equal(sound.samples, x)


def test_findings_beside_the_training_data(tmp_path):
    (tmp_path / "a.wav").write_bytes(plain(rate=8_000))
    assert named(read_sound(str(tmp_path / "a.wav")), "doubt") == {"narrow_band"}
    sound = read_sound(str(tmp_path / "a.wav"))
    (found,) = sound.checks_beside(Trained(bandwidth=4_000, seconds=(4.0, 9.0)))
    assert found.name == "short" and "the shortest recording of the training data 4.00 s" in found.message
    assert [check.name for check in sound.checks_beside(Trained(4_000, (0.5, 2.0)))] == ["long"]


def test_what_a_system_was_trained_on(tmp_path):
    """The band of telephone speech is that of a split of it, and wide speech at 16 kHz reaches further."""
    for name, rate in (("narrow", 8_000), ("wide", 16_000)):
        (tmp_path / f"{name}.wav").write_bytes(plain(rate=rate))
        tables = {"wav.scp": {"a": str(tmp_path / f"{name}.wav"), "b": "none.wav"}}
        DataDir.of(tmp_path / name, {**tables, "utt2dur": {"a": "3.0", "b": "1.5"}}).write()
    narrow, wide = (trained_on(tmp_path / name) for name in ("narrow", "wide"))
    assert narrow.seconds == wide.seconds == (1.5, 3.0)
    assert narrow.bandwidth <= 4_000 and wide.bandwidth > 7_000
    assert trained_on(tmp_path / "none") is None


def test_standard_input_is_read(monkeypatch, tmp_path):
    read_end, write_end = os.pipe()
    os.write(write_end, plain(speech(1.0), kind="FLAC"))
    os.close(write_end)
    with os.fdopen(read_end) as pipe:
        monkeypatch.setattr("sys.stdin", pipe)
        assert read_sound("-").seconds == 1.0
    with pytest.raises(DataError, match="- does not exist"):
        read_audio("-")


def test_a_pipe_is_read_up_to_a_limit(monkeypatch):
    read_end, write_end = os.pipe()
    os.write(write_end, bytes(3000))
    os.close(write_end)
    monkeypatch.setattr(sources, "MAX_PIPE", 2000)
    with pytest.raises(DataError, match=rf"/dev/fd/{read_end} gives more than 2,000 bytes"):
        read_sound(f"/dev/fd/{read_end}")
    os.close(read_end)


RATES = [(44_100, 16_000), (8_000, 16_000), (48_000, 44_100)]


@pytest.mark.parametrize(("native", "rate"), RATES)
def test_usual_rates_are_resampled_by_torchaudio_bit_by_bit(native, rate):
    x = np.random.default_rng(0).standard_normal(20_000).astype(np.float32)
    expected = torchaudio.functional.resample(torch.from_numpy(x), native, rate).numpy()
    np.testing.assert_array_equal(resample(x, native, rate), expected)


@pytest.mark.parametrize(("native", "rate"), RATES)
def test_a_long_recording_is_resampled_in_stretches(monkeypatch, native, rate):
    x = np.random.default_rng(0).standard_normal(20_000).astype(np.float32)
    whole = resample(x, native, rate)
    monkeypatch.setattr(resampling, "LONGEST", 6_000)
    resampler = resampling.Resampler(native, rate)
    for start, end in itertools.pairwise([0, 1, 4_000, 4_500, 17_000, 20_000]):
        resampler.add(x[start:end])
    np.testing.assert_allclose(resampler.finish(), whole, atol=1e-5)


def test_rates_without_a_common_divisor_take_little_memory(monkeypatch):
    """The same filter as for usual rates; torchaudio's would have 700 million values."""
    x = speech(1.0, rate=44_100)
    usual = resample(x, 44_100, 16_000)
    monkeypatch.setattr(resampling, "MAX_TAPS", 1)
    np.testing.assert_allclose(resample(x, 44_100, 16_000), usual, atol=1e-4)
    monkeypatch.undo()
    tracemalloc.start()
    odd = resample(speech(1.0, rate=44_101), 44_101, 16_000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert odd.shape == (16_000,) and peak < 50e6
    assert np.corrcoef(odd, resample(speech(1.0, rate=44_100), 44_100, 16_000))[0, 1] > 0.999


def test_bytes_that_a_decoder_refuses_are_explained_by_both():
    with pytest.raises(DataError, match="libsndfile: .*; FFmpeg: .*was it copied whole"):
        decode_audio(b"\0\0\0\x1cftypM4A \0\0\0\0", name="clip")


@pytest.mark.parametrize("before", [b"", b"ID3\3\0\0\0\0\x10\0" + bytes(2048)])
def test_all_of_an_mp3_without_a_length_is_read(tmp_path, before):
    """libsndfile stops where the bit rate of its first, quiet part would end it."""
    x = speech(rate=44_100)
    x[: len(x) // 4] *= 1e-3
    content = container("mp3", [x], options={"global_quality": "472", "flags": "+qscale"})
    (tmp_path / "a.mp3").write_bytes(before + content + b"TAG" + bytes(125))
    sound = read_sound(str(tmp_path / "a.mp3"))
    assert 3.0 <= sound.seconds < 3.1 and not sound.checks
    (tmp_path / "a.mp3").write_bytes(content[: len(content) // 2])
    assert named(read_sound(str(tmp_path / "a.mp3")), "doubt") == {"cut"}
    steady = container("mp3", [x])
    (tmp_path / "a.mp3").write_bytes(steady[: len(steady) // 2])
    sound = read_sound(str(tmp_path / "a.mp3"))
    assert named(sound) == {"cut"} and sound.container.startswith("MP3/")
