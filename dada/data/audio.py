"""Audio files in and out: any format, as mono float32 at the rate that was asked for.

`dada.data.sound` decodes, and says what is wrong with a recording; these functions return samples alone.
"""

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from dada.data.audio_arks import Entry
from dada.data.sound.decoding import open_recording
from dada.data.sound.mono import read_mono, say_repairs
from dada.data.sound.recording import SAMPLE_RATE, Source, check_any, check_samples
from dada.data.sound.resampling import resample
from dada.data.sound.sources import in_memory, source_of, unreadable
from dada.storage.atomic import atomic_path

__all__ = [
    "SAMPLE_RATE",
    "Header",
    "decode_audio",
    "header_of",
    "read_audio",
    "read_header",
    "read_native",
    "read_stored",
    "resample",
    "unreadable",
    "write_audio",
]


@dataclass(frozen=True)
class Header:
    """What an audio file states of itself.

    `encoding` is libsndfile's name, e.g. FLAC/PCM_16, or FFmpeg's, e.g. mov,mp4/aac.
    """

    num_samples: int  # of each channel
    rate: int  # Hz
    encoding: str


def read_audio(location: str, rate: int = SAMPLE_RATE) -> np.ndarray:
    """Read `path` or `file.ark:offset` as mono float32 in [-1, 1] at `rate` Hz, shape (T,).

    Several channels are averaged, without those that are silent or cancel others, and another rate is
    resampled; each is logged once per run. Raise DataError for a file that is missing, unreadable, without
    samples, or holds NaN or infinite samples.
    """
    return _samples(in_memory(source_of(location)), location, rate)


def read_native(location: str) -> tuple[np.ndarray, int]:
    """As `read_audio`, but with the channels and the rate of the file: float32 (T, channels) and Hz."""
    with open_recording(in_memory(source_of(location)), location) as recording:
        blocks = list(recording.blocks)
    check_any(sum(map(len, blocks)), location)
    samples = blocks[0] if len(blocks) == 1 else np.concatenate(blocks)
    check_samples(samples, location)
    return samples, recording.rate


def read_header(location: str) -> Header:
    """Return what an audio file states of itself.

    A file that does not state its length, or only in packets, such as WebM, is decoded to count its samples.
    Raise DataError as `read_audio` does.
    """
    return _header(source_of(location), location)


def header_of(content: bytes, name: str = "audio") -> Header:
    """As `read_header`, from the bytes of an audio file."""
    return _header(io.BytesIO(content), name)


def _header(source: Source, name: str) -> Header:
    with open_recording(source, name) as recording:
        num_samples = recording.num_samples
        if num_samples is None or not recording.is_exact:
            num_samples = sum(len(block) for block in recording.blocks)
        return Header(num_samples, recording.rate, recording.container)


def read_stored(location: str) -> bytes:
    """Return the whole content of an audio file, or of the audio file in an ark. Raise DataError."""
    source = source_of(location)
    if isinstance(source, Entry):
        return source.content()
    return Path(source).read_bytes() if isinstance(source, str) else source.getvalue()


def decode_audio(content: bytes, rate: int = SAMPLE_RATE, name: str = "audio") -> np.ndarray:
    """As `read_audio`, from the bytes of an audio file."""
    return _samples(io.BytesIO(content), name, rate)


def _samples(source: Source, name: str, rate: int) -> np.ndarray:
    mono = read_mono(source, name, rate)
    say_repairs(mono, rate, name)
    return mono.samples


def write_audio(path: Path, samples: np.ndarray, rate: int = SAMPLE_RATE) -> None:
    """Write mono (T,) in [-1, 1] as 16-bit FLAC or WAV, by the name's ending, atomically."""
    path = Path(path)
    # Through memory: libsndfile drops errors of the file below it, and a full disk would pass for success.
    content = io.BytesIO()
    soundfile.write(content, samples, rate, format=path.suffix[1:].upper(), subtype="PCM_16")
    with atomic_path(path) as partial:
        partial.write_bytes(content.getbuffer())
