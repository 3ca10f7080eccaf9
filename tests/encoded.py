"""Audio files of every kind, encoded in tests."""

import fractions
import io
from collections.abc import Mapping, Sequence

import numpy as np
import soundfile
from signals import speech_like

CONTAINERS = {  # ending -> container and encoder by FFmpeg's names, rate
    "m4a": ("ipod", "aac", 44_100),
    "mp4": ("mp4", "aac", 44_100),
    "mov": ("mov", "alac", 44_100),
    "aac": ("adts", "aac", 44_100),
    "webm": ("webm", "libopus", 48_000),
    "mkv": ("matroska", "libopus", 48_000),
    "amr": ("amr", "libopencore_amrnb", 8_000),
    "flv": ("flv", "aac", 44_100),
    "ts": ("mpegts", "aac", 44_100),
    "wv": ("wv", "wavpack", 44_100),
    "ac3": ("ac3", "ac3", 48_000),
    "wma": ("asf", "wmav2", 44_100),
    "avi": ("avi", "ac3", 48_000),
    "3gp": ("3gp", "libopencore_amrnb", 8_000),
    "mka": ("matroska", "flac", 44_100),
    "mp3": ("mp3", "libmp3lame", 44_100),
}
OPTIONS = {"b": "64000"}
MUXER = {"mp3": {"write_xing": "0"}}  # without a length


def speech(seconds: float = 3.0, rate: int = 16_000) -> np.ndarray:
    """(T,) float32."""
    return speech_like(seconds, 120, 0, rate)


def plain(
    samples: np.ndarray | None = None, rate: int = 16_000, kind: str = "WAV", **options: object
) -> bytes:
    """Samples as libsndfile writes them; the format is `kind`."""
    content = io.BytesIO()
    soundfile.write(content, speech(rate=rate) if samples is None else samples, rate, format=kind, **options)
    return content.getvalue()


def container(
    ending: str,
    tracks: Sequence[np.ndarray] = (),
    video: bool = False,
    gap: float = 0.0,
    options: Mapping[str, str] | None = None,
) -> bytes:
    """Speech as FFmpeg writes it into a container, with several sound tracks, a picture, or a gap of some
    seconds after the first half.
    """
    import av

    kind, encoder, rate = CONTAINERS[ending]
    content = io.BytesIO()
    with av.open(content, "w", format=kind, options=dict(MUXER.get(kind, {}))) as file:
        picture = file.add_stream("mpeg4", rate=25) if video else None
        streams = [
            file.add_stream(encoder, rate=rate, layout="mono", options=dict(options or OPTIONS))
            for _ in tracks or [None]
        ]
        if picture is not None:
            _draw(file, picture)
        for stream, samples in zip(streams, tracks or [speech(rate=rate)], strict=True):
            size = stream.codec_context.frame_size or 1024
            resampler = av.AudioResampler(stream.codec_context.format.name, "mono", rate, frame_size=size)
            for start in range(0, len(samples), 1024):
                block = np.ascontiguousarray(samples[None, start : start + 1024], dtype=np.float32)
                frame = av.AudioFrame.from_ndarray(block, format="fltp", layout="mono")
                frame.sample_rate, frame.time_base = rate, fractions.Fraction(1, rate)
                late = round(gap * rate) if start >= len(samples) // 2 else 0
                frame.pts = start + late
                _encode(file, stream, resampler.resample(frame))
            _encode(file, stream, resampler.resample(None))
            file.mux(stream.encode(None))
    return content.getvalue()


def _encode(file, stream, frames) -> None:
    for frame in frames:
        file.mux(stream.encode(frame))


def _draw(file, stream) -> None:
    import av

    stream.width = stream.height = 32
    for number in range(5):
        frame = av.VideoFrame.from_ndarray(np.full((32, 32, 3), 50 * number, np.uint8), format="rgb24")
        frame.pts = number
        file.mux(stream.encode(frame))
    file.mux(stream.encode(None))


def silent_video() -> bytes:
    """An MP4 without sound."""
    import av

    content = io.BytesIO()
    with av.open(content, "w", format="mp4") as file:
        _draw(file, file.add_stream("mpeg4", rate=25))
    return content.getvalue()
