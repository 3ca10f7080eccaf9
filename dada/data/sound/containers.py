"""Audio that libsndfile does not read, by FFmpeg through PyAV: m4a, mp4, webm, amr, wma, a video's sound.

Only a file's own bytes are given to FFmpeg, and only containers in which one file holds all of the sound: a
playlist, which would make it open other files and addresses, is refused.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from dada.data.sound import recording as limits
from dada.data.sound.recording import CONVERT_HINT, Recording, Source, check_header
from dada.errors import DataError

# Demuxers by FFmpeg's names.
CONTAINERS = (
    "aac", "ac3", "aiff", "amr", "amrnb", "amrwb", "ape", "asf", "au", "avi", "caf", "dts", "eac3", "flac",
    "flv", "loas", "matroska", "webm", "mov", "mp4", "mp3", "mpc", "mpc8", "mpeg", "mpegts", "mxf",
    "nistsphere", "nut", "ogg", "oma", "qcp", "rm", "shn", "tak", "tta", "voc", "w64", "wav", "wv", "xwma",
)  # fmt: skip
# Those whose length is written in the file; that of others is guessed by FFmpeg from the bit rate.
STATE_LENGTH = ("mov", "matroska", "asf", "wv", "tta", "flac", "ape", "aiff", "tak", "w64", "caf", "avi")
GAP = (
    0.2  # seconds between two packets that count as a gap; the clocks of containers are rougher than samples
)
PACKET = 0.1  # seconds; a longer piece after the stated end is sound, and no padding of the last packet


@contextlib.contextmanager
def open_container(source: Source, name: str, refused: str) -> Iterator[Recording]:
    """Open the first sound track of a file, as `open_recording` does.

    `refused` is what libsndfile said of the file. Raise DataError for a file without sound.
    """
    try:
        import av
    except ImportError as error:
        problem = f"{name} cannot be read as audio ({refused}), and PyAV, which could, is not installed"
        raise DataError(f"{problem}: pip install av, or {CONVERT_HINT}") from error
    options = {"format_whitelist": ",".join(CONTAINERS), "protocol_whitelist": "", "enable_drefs": "0"}
    with contextlib.ExitStack() as stack:
        content = stack.enter_context(open(source, "rb")) if isinstance(source, str) else source
        try:
            container = stack.enter_context(
                av.open(_Unnamed(content), mode="r", options=options, metadata_errors="replace")
            )
        except (av.error.FFmpegError, ValueError, OSError) as error:
            content.seek(0)
            what = _explained(error, refused, content.read(12))
            raise DataError(f"{name} cannot be read as audio ({what}): {CONVERT_HINT}") from error
        yield _recording(container, name)


class _Unnamed:
    """A file without its name: from the ending FFmpeg would guess a format where the content has none."""

    def __init__(self, file: Any):
        self.read, self.seek, self.tell = file.read, file.seek, file.tell


def _explained(error: Exception, refused: str, head: bytes) -> str:
    """Return both libraries' words on a file that neither can open, from its first bytes."""
    text = str(error)
    ffmpeg = getattr(error, "strerror", None) or text
    short = refused.rpartition(": ")[2].rstrip(".") or refused
    words = f"libsndfile: {short}; FFmpeg: {ffmpeg}" if short else f"FFmpeg: {ffmpeg}"
    if head[4:8] == b"ftyp":
        words += (
            "; it is a part of an MP4 file, whose index, often at its end, is missing: was it copied whole?"
        )
    return words


def _recording(container: Any, name: str) -> Recording:
    """Return the first sound track of an open container. Raise DataError where there is none."""
    tracks = container.streams.audio
    if not tracks:
        kinds = ", ".join(sorted({stream.type for stream in container.streams})) or "none"
        raise DataError(
            f"{name} cannot be read as audio (it holds no sound; its tracks: {kinds}): give a file with sound"
        )
    track = tracks[0]
    if track.codec_context is None:
        raise DataError(f"{name} cannot be read as audio (no decoder for its sound): {CONVERT_HINT}")
    rate, channels = track.rate or 0, track.channels or 0
    check_header(rate, max(channels, 1), 0, name)
    num_samples = _stated(container, track, rate)
    if num_samples is not None:
        check_header(rate, max(channels, 1), num_samples, name)
    names = container.format.name.split(",")
    encoding = f"{','.join(names[:2])}/{track.codec_context.name}"
    recording = Recording(rate, channels, encoding, num_samples, "mov" in names, iter(()))
    if len(tracks) > 1:
        recording.remarks.append(
            ("tracks", f"The file holds {len(tracks)} sound tracks, and the first is used.")
        )
    recording.blocks = _blocks(container, track, recording, name)
    return recording


def _stated(container: Any, track: Any, rate: int) -> int | None:
    """Return the number of samples that a container states for a track, if it does."""
    if not set(container.format.name.split(",")) & set(STATE_LENGTH):
        return None
    if track.duration is not None and track.time_base is not None:
        return round(track.duration * track.time_base * rate)
    if container.duration is not None and len(container.streams) == 1:
        return round(container.duration / 1_000_000 * rate)
    return None


def _blocks(container: Any, track: Any, recording: Recording, name: str) -> Iterator[np.ndarray]:
    """Yield the samples of a track, (n, channels).

    The start that an encoder adds is left out by FFmpeg, the end that an MP4's length leaves out here. Fill
    in what is found on the way.
    """
    limit = limits.MAX_SAMPLES // max(recording.channels, 1)
    end = recording.num_samples if recording.is_exact else None
    parts: list[np.ndarray] = []
    held = count = 0
    gaps: list[float] = []
    clock: float | None = None
    for frame in _frames(container, track, recording, name):
        if frame.sample_rate != recording.rate or frame.layout.nb_channels != recording.channels:
            now = f"{frame.layout.nb_channels} channels at {frame.sample_rate:,} Hz"
            was = f"{recording.channels} channels at {recording.rate:,} Hz"
            raise DataError(f"{name} changes from {was} to {now} on the way: {CONVERT_HINT}")
        if frame.time is not None:
            if clock is not None and frame.time - clock > GAP:
                gaps.append(frame.time - clock)
            clock = frame.time + frame.samples / recording.rate
        block = _floats(frame)
        if end is not None and end < count + len(block) < end + PACKET * recording.rate:
            block = block[: max(0, end - count)]
        count += len(block)
        if count > limit:
            problem = f"{name} holds more than {limit:,} samples of {recording.channels} channels"
            raise DataError(f"{problem}, more than is read: cut it in pieces")
        parts.append(block)
        held += block.size
        if held >= limits.BLOCK:
            yield np.concatenate(parts)
            parts, held = [], 0
    if gaps:
        what = f"Its clock leaves out {sum(gaps):.2f} s in {len(gaps)} places, which were closed up."
        recording.remarks.append(("gaps", what))
        recording.left_out = sum(gaps)
    yield np.concatenate(parts) if parts else np.zeros((0, max(recording.channels, 1)), np.float32)


def _frames(container: Any, track: Any, recording: Recording, name: str) -> Iterator[Any]:
    """Yield the decoded frames of a track, and count the packets that cannot be decoded.

    Raise DataError where none can.
    """
    import av

    decoded, problem = False, ""
    packets = container.demux(track)
    while True:
        try:
            packet = next(packets)
        except StopIteration:
            break
        except av.error.FFmpegError as error:  # the file ends, or nothing of it makes sense any more
            recording.num_damaged, recording.broken_off = recording.num_damaged + 1, True
            problem = error.strerror or str(error)
            break
        try:
            frames = packet.decode()
        except av.error.FFmpegError as error:
            recording.num_damaged, recording.broken_off = recording.num_damaged + 1, True
            problem = error.strerror or str(error)
            continue
        for frame in frames:
            decoded, recording.broken_off = True, False
            yield frame
    if not decoded and problem:
        raise DataError(f"{name} cannot be read as audio (FFmpeg: {problem}): {CONVERT_HINT}")


def _floats(frame: Any) -> np.ndarray:
    """Return a frame as float32 (n, channels) in [-1, 1]."""
    values = frame.to_ndarray()
    values = values.T if frame.format.is_planar else values.reshape(-1, frame.layout.nb_channels)
    if values.dtype.kind == "f":
        return np.ascontiguousarray(values, dtype=np.float32)
    half = 2.0 ** (8 * values.dtype.itemsize - 1)
    offset = half if values.dtype.kind == "u" else 0.0
    return ((values - offset) / half).astype(np.float32)
