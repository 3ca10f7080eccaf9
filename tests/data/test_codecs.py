"""Codecs: each entry of the catalogue keeps length, time and level, and loses what its band loses."""

import numpy as np
import pytest

from dada.data import DataDir, read_audio, write_audio
from dada.data.codecs import CODECS, PRESETS, parse, transmit
from dada.data.degrade import degrade
from dada.errors import ConfigError, DataError

RATE = 16_000
# Every codec at each of its sample rates, at a bit rate at which the waveform survives.
CASES = [
    f"{name}@{rate}" + ("" if bounds is None else f":{min(max(codec.default, 32), bounds[1]):g}")
    for name, codec in CODECS.items()
    for rate, bounds in codec.rates.items()
]


def voice(seconds: float) -> np.ndarray:
    """Glided harmonics up to 6 kHz in a rhythm of syllables, with some noise: (T,) float32."""
    time = np.arange(int(seconds * RATE)) / RATE
    phase = 2 * np.pi * np.cumsum(130 + 40 * np.sin(2 * np.pi * 1.3 * time)) / RATE
    tone = sum(np.sin(k * phase + k * k) / k**0.7 for k in range(1, 36))
    noise = 0.003 * np.random.default_rng(0).standard_normal(time.size)
    return (0.05 * tone * (0.55 + 0.45 * np.sin(2 * np.pi * 4 * time)) + noise).astype(np.float32)


@pytest.fixture(scope="module")
def clip():
    """Two seconds like speech."""
    return voice(2.0)


def lag(received, sent):
    """By how many samples a signal is late, at the peak of the cross-correlation."""
    size = 2 * sent.size
    spectrum = np.fft.rfft(received, size) * np.conj(np.fft.rfft(sent, size))
    peak = int(np.argmax(np.fft.irfft(spectrum, size)))
    return peak if peak < sent.size else peak - size


@pytest.mark.parametrize("codec", CASES)
def test_length_time_and_level_are_kept(codec, clip):
    received = transmit(clip, RATE, parse(codec))
    assert received.shape == clip.shape and received.dtype == np.float32 and np.isfinite(received).all()
    assert np.array_equal(received, transmit(clip, RATE, parse(codec)))
    name, rate = codec.split(":")[0].split("@")
    assert abs(lag(received, clip)) <= 2
    band = transmit(clip, RATE, parse(f"pcm@{rate}")) if f"{rate}" in map(str, CODECS["pcm"].rates) else clip
    if name not in ("pcm", "gsm", "amr_nb", "g723_1", "ima_adpcm"):  # coders of parameters, and of 4 bits
        assert np.dot(band, received) / np.dot(band, band) == pytest.approx(
            1, abs=0.15 if name == "opus" else 0.06
        )
    power = np.abs(np.fft.rfft(clip)) ** 2, np.abs(np.fft.rfft(received)) ** 2
    above = np.fft.rfftfreq(clip.size, 1 / RATE) > 4_200
    if rate == "8000":
        assert power[1][above].sum() < 10**-2.5 * power[0][above].sum()


def test_the_level_of_mp3_at_every_bit_rate(clip):
    for codec in ("mp3:32", "mp3:160", "mp3@44100:160", "mp3@44100:192", "mp3@44100:224", "mp3@44100:320"):
        received = transmit(clip, RATE, parse(codec))
        assert np.dot(clip, received) / np.dot(clip, clip) == pytest.approx(1, abs=0.015), codec


def test_lower_bit_rates_lose_more(clip):
    for codec, rates in {"mp3": (16, 32, 128), "opus": (8, 24, 64), "aac": (16, 32, 64)}.items():
        errors = [np.mean((transmit(clip, RATE, parse(f"{codec}:{rate}")) - clip) ** 2) for rate in rates]
        assert errors == sorted(errors, reverse=True)


@pytest.mark.parametrize("codec", list(CODECS))
@pytest.mark.parametrize("size", [1, 100])
def test_short_clips(codec, size):
    clip = np.full(size, 0.1, dtype=np.float32)
    assert transmit(clip, RATE, parse(codec)).shape == (size,)


def test_long_clips():
    clip = np.tile(voice(2.0), 80)  # Vorbis written at once overflows a stack
    assert transmit(clip, RATE, parse("vorbis")).shape == clip.shape


def test_chains_and_presets(clip):
    both = transmit(clip, RATE, parse("amr_nb:4.75+mp3:32"))
    first = transmit(clip, RATE, parse("amr_nb:4.75"))
    assert np.array_equal(both, transmit(first, RATE, parse("mp3:32")))
    assert transmit(clip, RATE, parse("none")) is clip
    rng = np.random.default_rng(0)
    for preset in PRESETS.values():
        for text in preset:
            chain = parse(text)
            assert str(chain) == text or "-" not in text
            drawn = chain.draw(rng)
            assert all(step.kbps is None or step.kbps[0] == step.kbps[1] for step in drawn.steps)
            for step, of in zip(drawn.steps, chain.steps, strict=True):
                assert step.kbps is None or of.kbps[0] <= step.kbps[0] <= of.kbps[1]


@pytest.mark.parametrize(
    "text, message",
    [
        ("mp4", "'mp4' is not known, did you mean"),
        ("mp3:500", "from 8 to 160 kbit/s at 16,000 Hz"),
        ("mp3:64-32", "from 8 to 160"),
        ("mp3@9000", "takes 16000, 8000"),
        ("alaw:64", "has one bit rate"),
        ("mp3:", "write CODEC"),
        ("gsm+", "write CODEC"),
        ("", "write CODEC"),
    ],
)
def test_wrong_notation(text, message):
    with pytest.raises(ConfigError, match=message):
        parse(text)


def test_bit_rates_are_drawn_first(clip):
    with pytest.raises(ConfigError, match="draw a bit rate"):
        transmit(clip, RATE, parse("mp3:32-64"))


@pytest.fixture
def corpus(tmp_path):
    """A data directory of two clips."""
    tables = {"wav.scp": {}, "utt2label": {"a": "bonafide", "b": "spoof"}, "text": {"a": "x", "b": "y"}}
    for utt in "ab":
        write_audio(tmp_path / f"{utt}.flac", voice(0.5))
        tables["wav.scp"][utt] = str(tmp_path / f"{utt}.flac")
    data = DataDir(tmp_path / "data", tables)
    data.write()
    return data


def test_a_degraded_data_directory(corpus, tmp_path):
    dest = tmp_path / "out"
    assert degrade(corpus, dest, ["none", "mp3:16-64", "alaw+aac:32"]) == 6
    data = DataDir.read(dest, require=("wav.scp",))
    names = "none", "mp3_16-64", "alaw_aac_32"
    assert set(data.utts) == {f"{utt}-{codec}" for utt in "ab" for codec in names}
    assert data.labels["b-alaw_aac_32"] == "spoof" and data["text"]["a-none"] == "x"
    assert data.conditions["codec"]["a-mp3_16-64"] == "mp3_16-64"
    assert np.array_equal(read_audio(data["wav.scp"]["a-none"]), read_audio(corpus["wav.scp"]["a"]))
    degrade(corpus, tmp_path / "again", ["mp3:16-64", "none"], num_jobs=2)
    for name in ("a-mp3_16-64", "b-mp3_16-64"):
        again = (tmp_path / "again" / "audio" / f"{name}.flac").read_bytes()
        assert again == (dest / "audio" / f"{name}.flac").read_bytes()


def test_nothing_is_left_of_a_failed_one(corpus, tmp_path):
    (tmp_path / "b.flac").write_bytes(b"")
    with pytest.raises(DataError, match="b.flac is empty"):
        degrade(corpus, tmp_path / "out", ["mp3:32"])
    assert not (tmp_path / "out").exists()
