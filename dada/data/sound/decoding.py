"""Audio files as blocks of samples: libsndfile first, and what it does not read through FFmpeg."""

import contextlib
import os
from collections.abc import Iterator

import numpy as np
import soundfile

from dada.data.sound import recording as limits
from dada.data.sound.containers import open_container
from dada.data.sound.mp3 import Frames, frames_of
from dada.data.sound.not_audio import what_it_is
from dada.data.sound.recording import CONVERT_HINT, DAMAGED_HINT, Recording, Source, check_header
from dada.errors import DataError

SLACK = 3 * 1152  # samples of an MP3: what decoders leave out at its ends
UNKNOWN_FRAMES = 1 << 60  # a FLAC whose header leaves its length open has more by libsndfile


@contextlib.contextmanager
def open_recording(source: Source, name: str) -> Iterator[Recording]:
    """Open audio and check its header. Raise DataError for what cannot be decoded, also in the block.

    The memory grows with what the file holds, since its header may state any length.
    """
    with contextlib.ExitStack() as stack:
        refused: Exception | None = None
        frames: Frames | None = None
        try:
            file = stack.enter_context(
                soundfile.SoundFile(os.fsencode(source) if isinstance(source, str) else source)
            )
        except (soundfile.SoundFileError, OSError, TypeError) as error:  # TypeError: its name ends in .raw
            refused = error
        else:
            check_header(file.samplerate, file.channels, 0, name)
            # libsndfile reads nothing of a WAV whose writer never went back to write the size, and takes the
            # length of a FLAC that was written to a pipe for infinite, and that of some MP3 for shorter;
            # FFmpeg reads them.
            frames = frames_of(source) if file.format == "MP3" else None
            is_whole = frames is None or frames.num_samples <= file.frames + SLACK
            if 0 < file.frames < UNKNOWN_FRAMES and is_whole:
                check_header(file.samplerate, file.channels, file.frames, name)
                recording = _by_libsndfile(file, name)
                recording.broken_off = frames is not None and frames.broken_off
                yield recording
                return
        if not isinstance(source, str):
            source.seek(0)
        what, advice = what_it_is(source)
        if what:
            raise DataError(f"{name} cannot be read as audio (it is {what}): {advice}") from refused
        recording = stack.enter_context(open_container(source, name, str(refused or "")))
        yield recording
        recording.broken_off |= frames is not None and frames.broken_off


def _by_libsndfile(file: soundfile.SoundFile, name: str) -> Recording:
    return Recording(
        file.samplerate,
        file.channels,
        f"{file.format}/{file.subtype}",
        file.frames,
        True,
        _blocks(file, limits.BLOCK // file.channels, name),
    )


def _blocks(file: soundfile.SoundFile, size: int, name: str) -> Iterator[np.ndarray]:
    """Yield what is in the file, `size` samples of each channel at a time."""
    while True:
        try:
            block = file.read(size, dtype="float32", always_2d=True)
        except (soundfile.SoundFileError, OSError) as error:
            damaged = "lost sync" in str(error) or "psf_fseek" in str(error)  # of a FLAC
            advice = DAMAGED_HINT if damaged else CONVERT_HINT
            raise DataError(f"{name} cannot be read as audio ({error}): {advice}") from error
        if len(block):
            yield block
        if len(block) < size:
            return
