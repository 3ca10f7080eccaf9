"""Codecs of FFmpeg through PyAV, in memory."""

import functools
import io
from fractions import Fraction
from typing import Any

import numpy as np

from dada.errors import UserError

FULL_SCALE = {"s16": 1 << 15, "s32": 1 << 31}  # of integer samples


def transmit(encoder: str, form: str, samples: np.ndarray, rate: int, kbps: float | None) -> np.ndarray:
    """Samples (T,) encoded into a container of `form` and decoded again, (T',).

    Raise UserError where this build of FFmpeg lacks the encoder.
    """
    content = io.BytesIO()
    _encode(content, encoder, form, samples, rate, kbps)
    content.seek(0)
    return _decode(content, form)


def _encode(
    content: io.BytesIO, encoder: str, form: str, samples: np.ndarray, rate: int, kbps: float | None
) -> None:
    import av

    _require(encoder)
    with av.open(content, "w", format=form) as container:
        stream: Any = container.add_stream(encoder, rate=rate, layout="mono")
        if kbps is not None:
            stream.bit_rate = round(1000 * kbps)
        stream.codec_context.thread_count = 1  # workers share the cores
        frame = av.AudioFrame.from_ndarray(samples[None], format="flt", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
        for packet in (*stream.encode(frame), *stream.encode(None)):
            container.mux(packet)


def _decode(content: io.BytesIO, form: str) -> np.ndarray:
    import av

    with av.open(content, format={"ipod": "mp4"}.get(form, form)) as container:
        parts = [frame.to_ndarray().reshape(-1) for frame in container.decode(audio=0)]
        kind = container.streams.audio[0].codec_context.format.packed.name
    samples = np.concatenate([np.empty(0), *parts]).astype(np.float32)  # a short clip may fill no frame
    return samples / FULL_SCALE[kind] if kind in FULL_SCALE else samples


@functools.cache
def _require(encoder: str) -> None:
    import av
    from av import logging

    logging.set_level(logging.ERROR)  # warnings of FFmpeg go to the terminal past Python
    if encoder not in av.codecs_available:
        raise UserError(f"this build of PyAV has no encoder {encoder}: take another codec, or install `av`")
    try:
        av.Codec(encoder, "w")
    except (ValueError, av.FFmpegError) as error:
        raise UserError(f"this build of PyAV decodes {encoder} only: take another codec") from error
