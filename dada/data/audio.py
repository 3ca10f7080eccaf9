"""Audio files in and out: anything that libsndfile reads, as mono float32 at the rate that was asked for."""

import contextlib
import io
import logging
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from dada.data.audio_arks import AGAIN, Entry
from dada.data.location import split_location
from dada.errors import DataError
from dada.storage.atomic import atomic_path
from dada.storage.reading import problem_of

SAMPLE_RATE = 16_000  # Hz, of every model here unless its configuration says otherwise
CONVERT_HINT = "convert it first, e.g. `ffmpeg -i in.m4a -ac 1 -ar 16000 out.flac`"
DAMAGED_HINT = (
    "it is damaged: copy it again, or keep what can be saved by `ffmpeg -err_detect ignore_err -i in.flac "
    "out.flac`, or leave the utterance out by corpus.options.exclude"
)
REENCODE_HINT = "write its header anew, e.g. `ffmpeg -i in.flac -ac 1 -ar 16000 out.flac` or `sox`"
MIN_RATE, MAX_RATE = 1_000, 768_000  # Hz
MAX_SAMPLES = 1 << 30  # of a file, over its channels or as mono at SAMPLE_RATE: 18 hours
MAX_TAPS = 1 << 25  # of a resampling filter; rates without a common divisor need hundreds of millions
BLOCK = 1 << 24  # samples that are decoded at once
log = logging.getLogger(__name__)
_logged: set[str] = set()  # kinds of repair, so that a corpus gives one line and not one per file


@dataclass(frozen=True)
class Header:
    """What an audio file states of itself. `encoding` is libsndfile's name, e.g. FLAC/PCM_16."""

    num_samples: int  # of each channel
    rate: int  # Hz
    encoding: str


def read_audio(location: str, rate: int = SAMPLE_RATE) -> np.ndarray:
    """Read `path` or `file.ark:offset` as mono float32 in [-1, 1] at `rate` Hz, shape (T,).

    Several channels are averaged and another rate is resampled; each is logged once per run. Raise DataError
    for a file that is missing, unreadable, without samples, or holds NaN or infinite samples.
    """
    samples, native = read_native(location)
    return to_mono(samples, native, rate, location)


def read_native(location: str) -> tuple[np.ndarray, int]:
    """As `read_audio`, but with the channels and the rate of the file: float32 (T, channels) and Hz."""
    source = _source(location)
    # One read of an entry, where its end is known, is one request to a network disk.
    if isinstance(source, Entry) and source.is_sized:
        return _decode(io.BytesIO(source.content()), location)
    return _decode(source, location)


def read_header(location: str) -> Header:
    """Return what an audio file states of itself, without decoding it.

    Raise DataError as `read_audio` does.
    """
    with _open(_source(location), location) as file:
        return Header(file.frames, file.samplerate, f"{file.format}/{file.subtype}")


def read_stored(location: str) -> bytes:
    """Return the whole content of an audio file, or of the audio file in an ark. Raise DataError."""
    source = _source(location)
    return Path(source).read_bytes() if isinstance(source, str) else source.content()


def _source(location: str) -> str | Entry:
    """Return the path of an audio file, or the entry of an ark. Raise DataError where there is none."""
    path, offset = split_location(location)
    problem = unreadable(path, offset)
    if problem:
        raise DataError(problem)
    return path if offset is None else Entry(path, offset)


def unreadable(path: str, offset: int | None = None) -> str | None:
    """Return why a file cannot be read, and what to do; None for a regular file with content.

    The content is not looked at. With an `offset` the file is an ark, which must be longer.
    """
    problem = problem_of(path)
    if problem:
        return f"{path} {problem[0]}: {problem[1]} or remove the utterance"
    size = os.path.getsize(path)
    if size == 0:
        return f"{path} is empty (0 bytes): copy the file again or remove the utterance"
    if offset is not None and offset >= size:
        return f"{path} has {size:,} bytes, none of them at {offset:,}, where an entry should be: {AGAIN}"
    return None


def decode_audio(content: bytes, rate: int = SAMPLE_RATE, name: str = "audio") -> np.ndarray:
    """As `read_audio`, from the bytes of an audio file."""
    samples, native = _decode(io.BytesIO(content), name)
    return to_mono(samples, native, rate, name)


@contextlib.contextmanager
def _open(source: str | io.BytesIO | Entry, name: str) -> Iterator[soundfile.SoundFile]:
    """Open audio and check its header. Raise DataError for libsndfile's errors, also within the block."""
    try:
        with soundfile.SoundFile(os.fsencode(source) if isinstance(source, str) else source) as file:
            _check_header(file, name)
            yield file
    except (soundfile.SoundFileError, OSError, TypeError) as error:  # TypeError: it ends in .raw
        damaged = "lost sync" in str(error) or "psf_fseek" in str(error)  # of a FLAC
        advice = DAMAGED_HINT if damaged else CONVERT_HINT
        raise DataError(f"{name} cannot be read as audio ({error}): {advice}") from error


def _check_header(file: soundfile.SoundFile, name: str) -> None:
    """Raise DataError for a rate or a length that no recording has, before anything is allocated for it."""
    if not MIN_RATE <= file.samplerate <= MAX_RATE:
        problem = f"{name} states a sample rate of {file.samplerate:,} Hz, and {MIN_RATE:,} to {MAX_RATE:,}"
        raise DataError(f"{problem} are read: {REENCODE_HINT}")
    if file.frames * max(file.channels, SAMPLE_RATE / file.samplerate) > MAX_SAMPLES:
        length = f"{file.frames:,} samples of {file.channels} channels at {file.samplerate:,} Hz"
        raise DataError(f"{name} states {length}, more than is read: {REENCODE_HINT}, or cut it in pieces")


def _decode(source: str | io.BytesIO | Entry, name: str) -> tuple[np.ndarray, int]:
    """Return the samples (T, channels) and the rate.

    The memory grows with what the file holds, since its header may state any length.
    """
    blocks: list[np.ndarray] = []
    with _open(source, name) as file:
        rate, size = file.samplerate, BLOCK // file.channels
        while not blocks or len(blocks[-1]) == size:
            blocks.append(file.read(size, dtype="float32", always_2d=True))
    samples = blocks[0] if len(blocks) == 1 else np.concatenate(blocks)
    check_samples(samples, name)
    return samples, rate


def check_samples(samples: np.ndarray, name: str) -> None:
    """Raise DataError for what no model can use: no samples, or NaN or infinite ones."""
    if samples.shape[0] == 0:
        raise DataError(f"{name} has no samples: remove the utterance or replace the file")
    if not np.isfinite(samples).all():
        raise DataError(f"{name} holds NaN or infinite samples: remove the utterance or replace the file")


def to_mono(samples: np.ndarray, native: int, rate: int, name: str) -> np.ndarray:
    """Samples (T, channels) at `native` Hz to mono (T,) at `rate` Hz."""
    if samples.shape[1] > 1:
        _log_once(
            f"audio with {samples.shape[1]} channels is averaged to mono (first seen: {name})",
            f"{samples.shape[1]} channels",
        )
        samples = samples.mean(axis=1, keepdims=True)
    mono = samples[:, 0]
    if native != rate:
        taps = native * rate // math.gcd(native, rate) ** 2
        if taps > MAX_TAPS:
            problem = f"{name}: resampling from {native} to {rate} Hz takes a filter of {taps:,} taps"
            raise DataError(f"{problem}, more than {MAX_TAPS:,}: {CONVERT_HINT}")
        _log_once(
            f"audio at {native} Hz is resampled to {rate} Hz (first seen: {name})", f"{native} to {rate}"
        )
        mono = resample(mono, native, rate)
    return np.ascontiguousarray(mono, dtype=np.float32)


def resample(samples: np.ndarray, native: int, rate: int) -> np.ndarray:
    """Band-limited resampling of (T,) float32 with torchaudio's windowed sinc."""
    import torch  # takes seconds, and most programs never resample
    import torchaudio.functional

    return torchaudio.functional.resample(
        torch.from_numpy(np.ascontiguousarray(samples)), native, rate
    ).numpy()


def write_audio(path: Path, samples: np.ndarray, rate: int = SAMPLE_RATE) -> None:
    """Write mono (T,) in [-1, 1] as 16-bit FLAC or WAV, by the name's ending, atomically."""
    path = Path(path)
    # Through memory: libsndfile drops errors of the file below it, and a full disk would pass for success.
    content = io.BytesIO()
    soundfile.write(content, samples, rate, format=path.suffix[1:].upper(), subtype="PCM_16")
    with atomic_path(path) as partial:
        partial.write_bytes(content.getbuffer())


def _log_once(message: str, kind: str) -> None:
    if kind not in _logged:
        _logged.add(kind)
        log.warning(message)
