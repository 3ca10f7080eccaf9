"""The channel that all clips pass, bona fide or not. Without it, a detector learns the codec, band or level.

The steps: 11,025 Hz; synthesized texts pass the publisher's MP3 once, as recordings (and so vocoded versions
of them) already have, so that every clip has two passes; band-pass; silent edges removed; level; noise; MP3
with its delay removed; random polarity; 16 kHz. T is the number of samples.
"""

import io

import numpy as np
import scipy.signal
import soundfile

from dada.data.audio import SAMPLE_RATE, resample

RATE = 11_025  # Hz, of the game's clips
BAND = (120.0, 3800.0)  # Hz
LEVEL = (-23.0, -20.0)  # dBFS of the active parts
NOISE = (-56.0, -50.0)  # dBFS
FRAME = 220  # samples, 20 ms
ACTIVE = 30.0  # dB below the loud frames (their 95th percentile) at which a frame still counts as speech
MARGIN = 2  # frames kept before and after the speech
CODEC_DELAY = 1105  # samples: 576 of the LAME encoder's, 529 of any decoder's
PUBLISHER_LEVEL = -20.0  # dBFS at which text-to-speech enters the publisher's MP3


def transmit(samples: np.ndarray, rate: int, published: bool, seed: int) -> np.ndarray:
    """Return the samples (T,) at `rate` Hz after the channel, at 16 kHz. Level, noise and polarity depend on
    the seed.

    `published` marks a recording of the game, or a vocoded version of it, which has passed the publisher's
    MP3.
    """
    rng = np.random.default_rng(seed)
    x = samples if rate == RATE else resample(samples.astype(np.float32), rate, RATE)
    if not published:
        x = mp3(set_level(x, PUBLISHER_LEVEL))
    x = trim(band_pass(x))
    x = set_level(x, rng.uniform(*LEVEL))
    x = x + 10 ** (rng.uniform(*NOISE) / 20) * rng.standard_normal(len(x))
    # Each synthesizer, and the recordings of each figure, have a fixed polarity, which a network on waveforms
    # would learn.
    return rng.choice((-1.0, 1.0)) * resample(mp3(x), RATE, SAMPLE_RATE)


def mp3(samples: np.ndarray) -> np.ndarray:
    """Encode and decode as MP3 at 16 kb/s, with the same length and without delay."""
    file = io.BytesIO()
    peak = max(1.0, float(np.abs(samples).max()))
    soundfile.write(
        file,
        (samples / peak).astype(np.float32),
        RATE,
        format="MP3",
        subtype="MPEG_LAYER_III",
        bitrate_mode="CONSTANT",
        compression_level=0.85,
    )
    file.seek(0)
    decoded, _ = soundfile.read(file, dtype="float32")
    decoded = decoded[CODEC_DELAY : CODEC_DELAY + len(samples)]
    return np.pad(decoded, (0, len(samples) - len(decoded))) * peak


def band_pass(samples: np.ndarray) -> np.ndarray:
    """Apply a zero-phase band-pass."""
    sections = scipy.signal.butter(6, BAND, btype="bandpass", fs=RATE, output="sos")
    return scipy.signal.sosfiltfilt(sections, samples)


def frame_levels(samples: np.ndarray) -> np.ndarray:
    """Return the level in dBFS of every whole 20 ms frame, (N,)."""
    frames = samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME)
    return 10 * np.log10(np.mean(np.square(frames), axis=1) + 1e-10)


def active_frames(samples: np.ndarray) -> np.ndarray:
    """Return which frames contain speech, (N,)."""
    levels = frame_levels(samples)
    return levels > np.percentile(levels, 95) - ACTIVE


def trim(samples: np.ndarray) -> np.ndarray:
    """Remove the silent edges except for a margin."""
    speech = np.flatnonzero(active_frames(samples))
    start = max(0, speech[0] - MARGIN) * FRAME
    return samples[start : (speech[-1] + 1 + MARGIN) * FRAME]


def set_level(samples: np.ndarray, level: float) -> np.ndarray:
    """Scale the samples so that the active frames have the level (dBFS)."""
    return samples * 10 ** ((level - active_level(samples)) / 20)


def active_level(samples: np.ndarray) -> float:
    """Return the level in dBFS of all frames with speech together."""
    frames = samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME)[active_frames(samples)]
    return float(10 * np.log10(np.mean(np.square(frames)) + 1e-10))
