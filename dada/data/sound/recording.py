"""An open audio file, and the limits that every decoder keeps."""

import io
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from dada.data.audio_arks import Entry
from dada.errors import DataError

SAMPLE_RATE = 16_000  # Hz, of every model here unless its configuration says otherwise
CONVERT_HINT = "convert it first, e.g. `ffmpeg -i in.m4a -ac 1 -ar 16000 out.flac`"
DAMAGED_HINT = (
    "it is damaged: copy it again, or keep what can be saved by `ffmpeg -err_detect ignore_err -i in.flac "
    "out.flac`, or leave the utterance out by corpus.options.exclude"
)
REENCODE_HINT = "write its header anew, e.g. `ffmpeg -i in.flac -ac 1 -ar 16000 out.flac` or `sox`"
MIN_RATE, MAX_RATE = 1_000, 768_000  # Hz
MAX_SAMPLES = 1 << 30  # of a file, over its channels or as mono at SAMPLE_RATE: 18 hours
BLOCK = 1 << 24  # samples that are decoded at once

Source = str | io.BytesIO | Entry  # a path, or what can be read and rewound like a file


@dataclass
class Recording:
    """An open audio file. What is found in it is complete when all blocks have been read."""

    rate: int  # Hz
    channels: int
    container: str  # format and encoding, FLAC/PCM_16 by libsndfile or mov,mp4/aac by FFmpeg
    num_samples: int | None  # of each channel, as stated; None where the file does not say
    is_exact: bool  # whether that is exact for a whole file, and not rounded to packets
    blocks: Iterator[np.ndarray]  # (n, channels) float32; the file ends with them
    remarks: list[tuple[str, str]] = field(default_factory=list)  # name of a check, sentence
    num_damaged: int = 0  # packets that could not be decoded
    broken_off: bool = False  # the last packet is one of them
    left_out: float = 0.0  # seconds that the clock of the file leaves out between packets


def check_header(rate: int, channels: int, num_samples: int, name: str) -> None:
    """Raise DataError for a rate or a length that no recording has, before anything is allocated for it."""
    if not MIN_RATE <= rate <= MAX_RATE:
        problem = f"{name} states a sample rate of {rate:,} Hz, and {MIN_RATE:,} to {MAX_RATE:,}"
        raise DataError(f"{problem} are read: {REENCODE_HINT}")
    if num_samples * max(channels, SAMPLE_RATE / rate) > MAX_SAMPLES:
        length = f"{num_samples:,} samples of {channels} channels at {rate:,} Hz"
        raise DataError(f"{name} states {length}, more than is read: {REENCODE_HINT}, or cut it in pieces")


def check_samples(block: np.ndarray, name: str) -> None:
    """Raise DataError for NaN or infinite samples, which no model can use."""
    if not np.isfinite(block).all():
        raise DataError(f"{name} holds NaN or infinite samples: remove the utterance or replace the file")


def check_any(num_samples: int, name: str) -> None:
    """Raise DataError for a recording without samples."""
    if num_samples == 0:
        raise DataError(f"{name} has no samples: remove the utterance or replace the file")
