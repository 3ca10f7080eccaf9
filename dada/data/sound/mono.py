"""A whole recording as mono samples at one rate, read block by block."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from dada.data.sound.channels import Channels, mixed
from dada.data.sound.decoding import open_recording
from dada.data.sound.levels import Levels
from dada.data.sound.recording import Recording, Source, check_any, check_samples
from dada.data.sound.resampling import Resampler

log = logging.getLogger(__name__)
_logged: set[str] = set()  # kinds of repair, so that a corpus gives one line and not one per file


@dataclass
class Mono:
    """Mono samples, and what was found on the way."""

    samples: np.ndarray  # (T,) float32
    recording: Recording  # read to its end
    levels: Levels  # of the samples as stored
    channels: Channels  # as stored
    chosen: Sequence[int] | None  # the channels that were averaged; None for all
    stored: list[np.ndarray] = field(default_factory=list)  # the blocks, where they are kept


def read_mono(
    source: Source,
    name: str,
    rate: int,
    measure: bool = False,
    keep: bool = False,
    chosen: Sequence[int] | None = None,
) -> Mono:
    """Read a recording to its end. Raise DataError for what cannot be read, or is NaN or infinite.

    The channels are averaged, except those that are silent; where they cancel each other, the loudest one is
    taken. That is known at the end, and then the `chosen` ones are read anew. With `measure` levels are
    taken, and with `keep` the blocks are kept as they are stored.
    """
    stored: list[np.ndarray] = []
    with open_recording(source, name) as recording:
        levels, channels = Levels(recording.rate), Channels()
        resampler = Resampler(recording.rate, rate)
        num_samples = 0
        for block in recording.blocks:
            check_samples(block, name)
            num_samples += len(block)
            if block.shape[1] > 1:
                channels.add(block)
            if measure:
                levels.add(block)
            if keep:
                stored.append(block)
            resampler.add(mixed(block, chosen))
    check_any(num_samples, name)
    if chosen is None and recording.channels > 1 and channels.chosen is not None:
        if not isinstance(source, str):
            source.seek(0)
        return read_mono(source, name, rate, measure, keep, channels.chosen)
    samples = np.ascontiguousarray(resampler.finish(), dtype=np.float32)
    return Mono(samples, recording, levels, channels, chosen, stored)


def say_repairs(mono: Mono, rate: int, name: str) -> None:
    """Log what was done to a file, once for each kind, for those who do not show the findings about it."""
    recording, chosen = mono.recording, mono.chosen
    if recording.channels > 1:
        used = "averaged to mono" if chosen is None else "read without those that are silent or cancel others"
        _log_once(f"audio with {recording.channels} channels is {used} (first seen: {name})", used)
    if recording.rate != rate:
        what = f"audio at {recording.rate} Hz is resampled to {rate} Hz"
        _log_once(f"{what} (first seen: {name})", what)


def _log_once(message: str, kind: str) -> None:
    if kind not in _logged:
        _logged.add(kind)
        log.warning(message)
