"""Codecs of libsndfile, in memory."""

import io

import numpy as np
import soundfile

# Longer writes of Vorbis overflow the stack of a thread in libsndfile 1.2.2.
BLOCK = 65_536
# kbit/s of the frames of MPEG-1 (32 kHz and above) and MPEG-2 and 2.5 layer III, and the least of the encoder
MP3_RATES = (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
MP3_HIGH_RATES = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
MP3_HIGHEST_AT_8_KHZ = 64
# The frames of low bit rates have no room for the record of the padding: it stays in the output.
MP3_PADDING = 1_105  # samples before the signal
MP3_SURPLUS = 1_000  # samples; an output that is longer by more has the padding
# Up to a bit rate in kbit/s, the factor by which the encoder lowers the level. It is undone: a detector could
# learn it.
MP3_GAINS = ((160, 0.95), (192, 0.97), (224, 0.98), (320, 1.0))
G726 = {24: "G723_24", 32: "G721_32", 40: "G723_40"}
OPUS_HIGHEST, OPUS_RANGE = 256, 250  # kbit/s at level 0, and the difference to level 1
# Vorbis has qualities and no bit rates: kbit/s of 20 s of ASVspoof 2019's speech at the levels 0, 0.2, …, 1.
VORBIS_LEVELS = np.linspace(0, 1, 6)
VORBIS_KBPS = {
    16_000: (72, 60, 49, 40, 32, 25),
    8_000: (37, 33, 29, 25, 21, 16),
    44_100: (155, 95, 71, 54, 51, 39),
}


def pcm(samples: np.ndarray, rate: int, kbps: float | None) -> np.ndarray:
    """16-bit samples."""
    return fixed("WAV", "PCM_16", samples, rate, kbps)


def fixed(form: str, subtype: str, samples: np.ndarray, rate: int, _kbps: float | None) -> np.ndarray:
    """A codec with one bit rate. The output of some ends with the padding of the last block."""
    return _through(samples, rate, form, subtype)


def g726(samples: np.ndarray, rate: int, kbps: float | None) -> np.ndarray:
    """G.726 at the nearest of its bit rates."""
    nearest = min(G726, key=lambda known: abs(known - (kbps or 32)))
    return _through(samples, rate, "AU", G726[nearest])


def mp3(samples: np.ndarray, rate: int, kbps: float | None) -> np.ndarray:
    """MP3 at the nearest constant bit rate that its sample rate allows."""
    rates = np.array(MP3_HIGH_RATES if rate >= 32_000 else MP3_RATES)
    if rate <= 8_000:
        rates = rates[rates <= MP3_HIGHEST_AT_8_KHZ]
    nearest = rates[np.argmin(np.abs(rates - (kbps or 64)))]
    # The library takes the nearest bit rate to max - level (max - min), and no level of 1.
    level = min((rates[-1] - nearest) / (rates[-1] - rates[0]), 0.99)
    options = {"compression_level": float(level), "bitrate_mode": "CONSTANT"}
    decoded = _through(samples, rate, "MP3", "MPEG_LAYER_III", **options)
    decoded = decoded[MP3_PADDING:] if decoded.size - samples.size > MP3_SURPLUS else decoded
    return decoded / next(gain for highest, gain in MP3_GAINS if nearest <= highest)


def vorbis(samples: np.ndarray, rate: int, kbps: float | None) -> np.ndarray:
    """Vorbis at the quality that gives about a bit rate on speech."""
    level = float(np.interp(kbps or 64, VORBIS_KBPS[rate][::-1], VORBIS_LEVELS[::-1]))
    return _through(samples, rate, "OGG", "VORBIS", compression_level=level)


def opus(samples: np.ndarray, rate: int, kbps: float | None) -> np.ndarray:
    """Opus at a variable bit rate about `kbps`."""
    level = float(np.clip((OPUS_HIGHEST - (kbps or 16)) / OPUS_RANGE, 0, 1))
    return _through(samples, rate, "OGG", "OPUS", compression_level=level)


def _through(samples: np.ndarray, rate: int, form: str, subtype: str, **options: object) -> np.ndarray:
    """Samples (T,) written and read again, (T',)."""
    content = io.BytesIO()
    with soundfile.SoundFile(content, "w", rate, 1, subtype, format=form, **options) as file:
        for start in range(0, samples.size, BLOCK):
            file.write(samples[start : start + BLOCK])
    content.seek(0)
    return soundfile.read(content, dtype="float32")[0]
