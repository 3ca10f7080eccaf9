"""The channel that all clips pass, bona fide or not. Without it, a detector learns the codec, band, level or
silence.

The steps: 11,025 Hz; synthesized texts pass the publisher's MP3 once, as recordings (and so vocoded versions
of them) already have, so that every clip has two passes; band-pass; a long-term spectrum that all clips share
up to a random tilt; silent edges cut off and margins of random lengths put in their place; level; noise, of
which the margins consist; MP3 with its delay removed; random polarity; 16 kHz. T is the number of samples.
"""

import io

import numpy as np
import scipy.signal
import soundfile

from dada.data.audio import SAMPLE_RATE, resample

RATE = 11_025  # Hz, of the game's clips
BAND = (120.0, 3800.0)  # Hz
LEVEL = (-28.0, -20.0)  # dBFS of the active parts
SNR = (18.0, 28.0)  # dB from the noise to the active parts
MARGIN = (0.05, 0.30)  # s before and after the speech
FRAME = 220  # samples, 20 ms
ACTIVE = 30.0  # dB below the loud frames (their 95th percentile) at which a frame still counts as speech
CODEC_DELAY = 1105  # samples: 576 of the LAME encoder's, 529 of any decoder's
PUBLISHER_LEVEL = -20.0  # dBFS at which text-to-speech enters the publisher's MP3

# The spectrum that clips are brought to: constant density up to CORNER, and from there on a steady fall,
# close to the long-term average spectrum of speech (Byrne et al., JASA 96, 1994).
CORNER = 500.0  # Hz
FALL = 9.0  # dB per octave
TILT = (-2.0, 2.0)  # dB per octave that a clip may differ from it
CENTRES = 125.0 * 2.0 ** (np.arange(15) / 3)  # Hz, of the third-octave bands that are measured, up to 3,175
LARGEST_GAIN = 20.0  # dB
NUM_FFT = 2048


def transmit(samples: np.ndarray, rate: int, published: bool, seed: int) -> np.ndarray:
    """Return the samples (T,) at `rate` Hz after the channel, at 16 kHz. What is random depends on the seed.

    `published` marks a recording of the game, or a vocoded version of it, which has passed the publisher's
    MP3.
    """
    rng = np.random.default_rng(seed)
    x = samples if rate == RATE else resample(samples.astype(np.float32), rate, RATE)
    if not published:
        x = mp3(set_level(x, PUBLISHER_LEVEL))
    x = trim(equalise(band_pass(x), rng.uniform(*TILT)))
    level = rng.uniform(*LEVEL)
    x = set_level(x, level)
    x = np.pad(x, np.round(rng.uniform(*MARGIN, size=2) * RATE).astype(int))
    x = x + 10 ** ((level - rng.uniform(*SNR)) / 20) * rng.standard_normal(len(x))
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


def equalise(samples: np.ndarray, tilt: float) -> np.ndarray:
    """Bring the long-term spectrum of the speech to the common one, tilted by `tilt` dB per octave.

    A zero-phase filter with the gains that the third-octave bands lack.
    """
    octaves = np.log2(CENTRES / CORNER)
    wanted = -FALL * np.maximum(octaves, 0) + tilt * (octaves - octaves.mean())
    lacking = wanted - band_levels(samples)
    gains = np.clip(lacking - np.median(lacking), -LARGEST_GAIN, LARGEST_GAIN)
    padded = np.pad(samples, NUM_FFT)
    hz = np.fft.rfftfreq(len(padded), 1 / RATE)
    response = 10 ** (np.interp(np.log2(np.maximum(hz, 1.0)), np.log2(CENTRES), gains) / 20)
    return np.fft.irfft(np.fft.rfft(padded) * response, len(padded))[NUM_FFT:-NUM_FFT]


def band_levels(samples: np.ndarray) -> np.ndarray:
    """Return the mean power density of the speech in each third-octave band, in dB."""
    speech = active_frames(samples)
    frames = np.lib.stride_tricks.sliding_window_view(samples, 2 * FRAME)[::FRAME]
    spoken = frames[(speech[:-1] | speech[1:])[: len(frames)]]
    power = np.mean(np.abs(np.fft.rfft(spoken * np.hanning(2 * FRAME), NUM_FFT)) ** 2, axis=0)
    hz = np.fft.rfftfreq(NUM_FFT, 1 / RATE)
    inside = np.abs(np.log2(np.maximum(hz, 1.0) / CENTRES[:, None])) < 1 / 6
    return 10 * np.log10(inside @ power / inside.sum(1) + 1e-12)


def frame_levels(samples: np.ndarray) -> np.ndarray:
    """Return the level in dBFS of every whole 20 ms frame, (N,)."""
    frames = samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME)
    return 10 * np.log10(np.mean(np.square(frames), axis=1) + 1e-10)


def active_frames(samples: np.ndarray) -> np.ndarray:
    """Return which frames contain speech, (N,)."""
    levels = frame_levels(samples)
    return levels > np.percentile(levels, 95) - ACTIVE


def trim(samples: np.ndarray) -> np.ndarray:
    """Remove the silent edges."""
    speech = np.flatnonzero(active_frames(samples))
    return samples[speech[0] * FRAME : (speech[-1] + 1) * FRAME]


def set_level(samples: np.ndarray, level: float) -> np.ndarray:
    """Scale the samples so that the active frames have the level (dBFS)."""
    return samples * 10 ** ((level - active_level(samples)) / 20)


def active_level(samples: np.ndarray) -> float:
    """Return the level in dBFS of all frames with speech together."""
    frames = samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME)[active_frames(samples)]
    return float(10 * np.log10(np.mean(np.square(frames)) + 1e-10))
