"""Measurements of audio files, each read once; many files in parallel."""

import concurrent.futures
import hashlib
import logging
import multiprocessing
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from dada.data.sound import Check
from dada.data.sound.read import read_parts
from dada.errors import DataError

CHUNK = 64  # files that a process takes at a time
EVERY = 20.0  # seconds between lines of progress
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Probe:
    """Measurements of an audio file, or in `error` and `advice` why there are none."""

    rate: int = 0  # Hz
    channels: int = 0
    container: str = ""  # format and encoding, e.g. FLAC/PCM_16
    seconds: float = 0.0
    content: str = ""  # digest of rate, channels and 16-bit samples: equal for the same audio in WAV and FLAC
    peak: float = 0.0  # largest absolute sample
    checks: tuple[Check, ...] = ()
    cues: tuple[float, ...] = ()  # in the order of dada.features.cues.NAMES
    error: str = ""
    advice: str = ""


def probe(location: str) -> Probe:
    """Read a file of a wav.scp. A file that cannot be read gives a Probe with `error`."""
    try:
        sound, parts = read_parts(location, keep=True)
    except DataError as error:
        what, _, advice = str(error).rpartition(": ")
        return Probe(error=what, advice=advice)
    return Probe(
        rate=sound.native_rate,
        channels=sound.channels,
        container=sound.container,
        seconds=sound.seconds,
        content=_digest(np.concatenate(parts.stored), sound.native_rate),
        peak=parts.levels.peak,
        checks=tuple(sound.checks),
        cues=_cues(sound.samples),
    )


def probe_all(locations: Sequence[str], num_jobs: int = 1) -> list[Probe]:
    """Return a Probe for each location, in order, read by `num_jobs` processes."""
    start = reported = time.monotonic()
    if num_jobs == 1 or len(locations) <= CHUNK:
        return [probe(location) for location in locations]
    probes: list[Probe] = []
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(
        num_jobs, mp_context=context, initializer=_one_thread
    ) as pool:
        for result in pool.map(probe, locations, chunksize=CHUNK):
            probes.append(result)
            if time.monotonic() - reported > EVERY:
                reported = time.monotonic()
                left = (reported - start) / len(probes) * (len(locations) - len(probes))
                log.info("read %d of %d files, about %.0f s left", len(probes), len(locations), left)
    return probes


def _digest(samples: np.ndarray, rate: int) -> str:
    """Return 16 hexadecimal digits. Two different files of a million agree by chance in 1 of 37 million
    corpora.
    """
    words = np.round(samples * 32768).astype("<i4")
    return hashlib.blake2b(words.tobytes() + f"{rate} {samples.shape}".encode(), digest_size=8).hexdigest()


@cache
def _feature() -> Any:
    import torch

    from dada.features.cues import Config, Feature

    torch.set_num_threads(1)
    return Feature(Config())


def _cues(mono: np.ndarray) -> tuple[float, ...]:
    import torch

    feature = _feature()
    mono = np.pad(mono, (0, max(0, feature.config.frame - len(mono))))  # shorter than a frame
    with torch.inference_mode():
        return tuple(feature(torch.from_numpy(mono)[None])[0, :, 0].tolist())


def _one_thread() -> None:
    os.environ["OMP_NUM_THREADS"] = "1"
