import io
import logging
import os
import pickle
import tracemalloc
from pathlib import Path

import kaldiio
import numpy as np
import pytest
import soundfile

from dada.data import ArkReader, audio, decode_audio, read_audio, write_ark, write_audio
from dada.data.location import split_location
from dada.data.sound import mono, recording
from dada.errors import DataError


class Trap:
    """Makes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def tone(rate, seconds=0.5, hertz=440):
    return (0.3 * np.sin(2 * np.pi * hertz * np.arange(int(rate * seconds)) / rate)).astype(np.float32)


@pytest.fixture
def said(monkeypatch, caplog):
    monkeypatch.setattr(mono, "_logged", set())
    caplog.set_level(logging.WARNING)
    return lambda: [record.message for record in caplog.records]


def test_other_rate_is_resampled_and_said_once(tmp_path, said):
    for name in ("a.wav", "b.wav"):
        soundfile.write(tmp_path / name, tone(8000), 8000)
    first, second = read_audio(str(tmp_path / "a.wav")), read_audio(str(tmp_path / "b.wav"))
    assert first.shape == (8000,) and first.dtype == np.float32
    np.testing.assert_allclose(first[500:-500], tone(16_000)[500:-500], atol=2e-3)
    assert np.array_equal(first, second)
    assert len(said()) == 1 and "8000 Hz is resampled to 16000 Hz" in said()[0]


def test_stereo_is_averaged_and_said_once(tmp_path, said):
    channels = np.stack([tone(16_000), tone(16_000, hertz=300)], axis=1)
    soundfile.write(tmp_path / "a.wav", channels, 16_000, subtype="FLOAT")
    np.testing.assert_array_equal(read_audio(str(tmp_path / "a.wav")), channels.mean(axis=1))
    read_audio(str(tmp_path / "a.wav"))
    assert len(said()) == 1 and "2 channels" in said()[0]


def bad_files(folder):
    (folder / "empty.flac").write_bytes(b"")
    (folder / "text.flac").write_text("this is not audio")
    (folder / "folder.flac").mkdir()
    (folder / "text.raw").write_text("this is not audio")
    os.mkfifo(folder / "pipe.wav")
    soundfile.write(folder / "zero.wav", np.zeros(0), 16_000)
    soundfile.write(folder / "nan.wav", np.array([0.0, np.nan]), 16_000, subtype="FLOAT")
    soundfile.write(folder / "inf.wav", np.array([0.0, np.inf]), 16_000, subtype="FLOAT")


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("absent.flac", "does not exist"),
        ("empty.flac", "is empty"),
        ("text.flac", "cannot be read as audio .it is a text file"),
        ("folder.flac", "is a folder"),
        ("zero.wav", "has no samples"),
        ("nan.wav", "NaN or infinite"),
        ("inf.wav", "NaN or infinite"),
        ("text.flac:12 |", "shell pipe"),
        ("pipe.wav", "is a device or a pipe"),
        ("a" * 300 + ".wav", "is not a usable path"),
        ("text.raw", "cannot be read as audio"),
    ],
)
def test_bad_audio_is_refused(tmp_path, name, what):
    bad_files(tmp_path)
    with pytest.raises(DataError, match=what) as error:
        read_audio(str(tmp_path / name))
    assert name in str(error.value)


def test_names_that_are_not_utf_8(tmp_path):
    path = os.fsdecode(os.fsencode(tmp_path) + b"/\xff \xe9.wav")
    with open(path, "wb") as file:
        soundfile.write(file, tone(16_000), 16_000, format="WAV")
    assert read_audio(path).shape == (8000,)


def test_bytes_are_read_like_files(tmp_path):
    write_audio(tmp_path / "a.flac", tone(16_000))
    assert np.array_equal(
        decode_audio((tmp_path / "a.flac").read_bytes()), read_audio(str(tmp_path / "a.flac"))
    )
    with pytest.raises(DataError, match="clip cannot be read as audio"):
        decode_audio(b"this is not audio", name="clip")


def test_audio_in_arks(tmp_path):
    samples = (tone(16_000) * 32768).astype(np.int16)
    kaldiio.save_ark(str(tmp_path / "a.ark"), {"u1": (16_000, samples)}, scp=str(tmp_path / "a.scp"))
    location = (tmp_path / "a.scp").read_text().split()[1]
    np.testing.assert_allclose(read_audio(location), samples / 32768, atol=1e-7)
    write_ark(tmp_path / "feats.scp", [("u1", np.ones((3, 2), np.float32))])
    with pytest.raises(DataError, match="is a matrix or vector, not audio"):
        read_audio(f"{tmp_path / 'feats.ark'}:3")
    with pytest.raises(DataError, match="cannot be read from the ark"):
        read_audio(f"{tmp_path / 'feats.ark'}:5")
    flac = io.BytesIO()
    soundfile.write(flac, samples, 16_000, format="FLAC")
    for name, entry in (
        ("plain", flac.getvalue()),
        ("sized", b"AUDIO\4" + len(flac.getvalue()).to_bytes(4, "little") + flac.getvalue() + b"next"),
    ):
        (tmp_path / f"{name}.ark").write_bytes(b"u1 " + entry)
        np.testing.assert_array_equal(read_audio(f"{tmp_path / name}.ark:3"), samples / np.float32(32768))
    for entry in (b"AUDIO", b"AUDIO\xff" + b"\xff" * 255, b"RIFF\xff\xff\xff\xff", b"fLaC"):
        (tmp_path / "bad.ark").write_bytes(b"u1 " + entry)
        with pytest.raises(DataError, match="bad.ark:3 cannot be read as audio"):
            read_audio(f"{tmp_path / 'bad.ark'}:3")


def flac_with(path, rate=16_000, total=8000):
    """A FLAC of half a second whose header states a rate and a number of samples."""
    soundfile.write(path, tone(16_000), 16_000)
    content = bytearray(path.read_bytes())
    kept = int.from_bytes(content[18:26], "big") >> 36 & 0xFF  # channels and bits
    content[18:26] = (rate << 44 | kept << 36 | total).to_bytes(8, "big")
    path.write_bytes(content)


def wav_with(path, rate):
    soundfile.write(path, tone(16_000), 16_000, format="WAV")
    content = bytearray(path.read_bytes())
    content[24:28] = rate.to_bytes(4, "little")
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda path: flac_with(path, total=(1 << 36) - 1), "states 68,719,476,735 samples"),
        (lambda path: flac_with(path, total=1 << 29), "is damaged"),
        (lambda path: flac_with(path, total=8001), "is damaged"),
        (lambda path: flac_with(path, rate=100), "states a sample rate of 100 Hz"),
        (lambda path: wav_with(path, 100), "states a sample rate of 100 Hz"),
        (lambda path: wav_with(path, 2_147_483_647), "states a sample rate of 2,147,483,647 Hz"),
    ],
)
def test_headers_that_lie_are_refused_before_memory_is_taken(tmp_path, make, what):
    path = tmp_path / "a.flac"
    make(path)
    tracemalloc.start()
    with pytest.raises(DataError, match=what) as error:
        read_audio(str(path))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert str(path) in str(error.value) and "ffmpeg" in str(error.value)
    assert peak < 100e6


def test_a_long_file_is_read_in_blocks(tmp_path, monkeypatch):
    write_audio(tmp_path / "a.flac", tone(16_000))
    whole = read_audio(str(tmp_path / "a.flac"))
    for block in (1000, 8000, 3001):
        monkeypatch.setattr(recording, "BLOCK", block)
        assert np.array_equal(read_audio(str(tmp_path / "a.flac")), whole)
    assert audio.read_header(str(tmp_path / "a.flac")) == audio.Header(8000, 16_000, "FLAC/PCM_16")


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("a.ark:12", ("a.ark", 12)),
        ("a.flac:12", ("a.flac:12", None)),
        ("a.ark:\u00b2", ("a.ark:\u00b2", None)),
        ("a.ark:" + "9" * 5000, ("a.ark:" + "9" * 5000, None)),
        ("a.ark:-1", ("a.ark:-1", None)),
    ],
)
def test_offsets_are_plain_digits(location, expected):
    assert split_location(location) == expected
    with pytest.raises(DataError):
        read_audio(location)


def test_ark_never_runs_a_command(tmp_path):
    (tmp_path / "a.ark").write_bytes(b"u1 PKL" + pickle.dumps(Trap(tmp_path / "trapped")))
    (tmp_path / "a.scp").write_text("u1 a.ark:3\n")
    with pytest.raises(DataError, match="pickle"):
        ArkReader(tmp_path / "a.scp")["u1"]
    with pytest.raises(DataError, match="pickle"):
        read_audio(f"{tmp_path / 'a.ark'}:3")
    assert not (tmp_path / "trapped").exists()
