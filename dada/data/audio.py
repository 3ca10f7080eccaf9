"""Audio files in and out: anything that libsndfile reads, as mono float32 at the rate that was asked for."""

import io
import logging
import os
import stat
from pathlib import Path

import numpy as np
import soundfile

from dada.data.arks import read_entry
from dada.errors import DataError
from dada.storage.atomic import atomic_path

SAMPLE_RATE = 16_000  # Hz, of every model here unless its configuration says otherwise
CONVERT_HINT = "convert it first, e.g. `ffmpeg -i in.m4a -ac 1 -ar 16000 out.flac`"
DAMAGED_HINT = (
    "it is damaged: copy it again, or keep what can be saved by `ffmpeg -err_detect ignore_err -i in.flac "
    "out.flac`, "
    "or leave the utterance out by corpus.options.exclude"
)
log = logging.getLogger(__name__)
_said: set[str] = (
    set()
)  # kinds of repair already reported, so that a corpus gives one line and not one per file


def read_audio(location: str, rate: int = SAMPLE_RATE) -> np.ndarray:
    """Read `path` or `file.ark:offset` as mono float32 in [-1, 1] at `rate` Hz, shape (T,).

    Several channels are averaged and another rate is resampled, each said once per run. Raises DataError for
    a file that is missing, unreadable, without samples, or holds NaN or infinite samples.
    """
    samples, native = read_native(location)
    return to_mono(samples, native, rate, location)


def read_native(location: str) -> tuple[np.ndarray, int]:
    """As `read_audio`, but with the channels and the rate of the file: float32 (T, channels) and Hz."""
    path, offset = split_location(location)
    problem = unreadable(path)
    if problem:
        raise DataError(problem)
    if offset is not None:
        samples, native = _read_ark_entry(path, offset)
    else:
        try:
            samples, native = soundfile.read(path, dtype="float32", always_2d=True)
        except (soundfile.LibsndfileError, OSError) as error:
            raise DataError(f"{location} cannot be read as audio ({error}): {_advice(error)}") from error
    check_samples(samples, location)
    return samples, native


def unreadable(path: str) -> str | None:
    """Why a file cannot even be opened, and what to do; None for a file that can. The content is not looked
    at.
    """
    try:
        status = os.stat(path)
    except OSError:
        start = (
            "" if os.path.isabs(path) else f" (a relative path starts at the current folder, {os.getcwd()})"
        )
        return f"{path} does not exist{start}: correct the path or remove the utterance"
    if stat.S_ISDIR(status.st_mode):
        return f"{path} is a folder, not an audio file: correct the path"
    if not os.access(path, os.R_OK):
        return f"{path} may not be read: change its permissions"
    if status.st_size == 0:
        return f"{path} is empty (0 bytes): copy the file again or remove the utterance"
    return None


def decode_audio(content: bytes, rate: int = SAMPLE_RATE, name: str = "audio") -> np.ndarray:
    """As `read_audio`, from the bytes of an audio file."""
    try:
        samples, native = soundfile.read(io.BytesIO(content), dtype="float32", always_2d=True)
    except soundfile.LibsndfileError as error:
        raise DataError(f"{name} cannot be read as audio ({error}): {_advice(error)}") from error
    check_samples(samples, name)
    return to_mono(samples, native, rate, name)


def _advice(error: Exception) -> str:
    """What to do about libsndfile's complaint, which of a FLAC file with damaged frames, or one cut short, is
    one of these two.
    """
    return DAMAGED_HINT if "lost sync" in str(error) or "psf_fseek" in str(error) else CONVERT_HINT


def check_samples(samples: np.ndarray, name: str) -> None:
    """Raise DataError for what no model can use: no samples, or NaN or infinite ones."""
    if samples.shape[0] == 0:
        raise DataError(f"{name} has no samples: remove the utterance or replace the file")
    if not np.isfinite(samples).all():
        raise DataError(f"{name} holds NaN or infinite samples: remove the utterance or replace the file")


def to_mono(samples: np.ndarray, native: int, rate: int, name: str) -> np.ndarray:
    """Samples (T, channels) at `native` Hz to mono (T,) at `rate` Hz."""
    if samples.shape[1] > 1:
        _say_once(
            f"audio with {samples.shape[1]} channels is averaged to mono (first seen: {name})",
            f"{samples.shape[1]} channels",
        )
        samples = samples.mean(axis=1, keepdims=True)
    mono = samples[:, 0]
    if native != rate:
        _say_once(
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


def split_location(location: str) -> tuple[str, int | None]:
    """`file.ark:123` to (`file.ark`, 123), `clip.flac` to (`clip.flac`, None). Raises DataError for a shell
    pipe.
    """
    if location.rstrip().endswith("|") or location.lstrip().startswith("|"):
        raise DataError(
            f"`{location}` is a shell pipe, and a data file never runs a command here: run it once "
            "yourself and write the audio to a file"
        )
    head, colon, tail = location.rpartition(":")
    if colon and head.endswith(".ark") and tail.isdigit():
        return head, int(tail)
    return location, None


def _read_ark_entry(path: str, offset: int) -> tuple[np.ndarray, int]:
    with open(path, "rb") as file:
        entry = read_entry(file, offset, "audio")
    if not isinstance(entry, tuple):
        raise DataError(f"{path}:{offset} is a matrix or vector, not audio: is this a feats.scp?")
    rate, samples = entry
    scale = -float(np.iinfo(samples.dtype).min) if samples.dtype.kind == "i" else 1.0
    return samples.reshape(len(samples), -1).astype(np.float32) / np.float32(scale), rate


def _say_once(message: str, kind: str) -> None:
    if kind not in _said:
        _said.add(kind)
        log.warning(message)
