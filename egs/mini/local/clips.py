"""The pool of finished clips, `data/clips/<kind>/<name>.flac`, shared by the protocols.

The samples of a clip depend on its engine, figure and line only, so that a killed run continues where it was,
and neither the number of jobs nor the protocol changes a sample.
"""

import functools
import hashlib
import json
import logging
import multiprocessing
import os
import shutil
import threading
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import torch

from dada.data.audio import decode_audio, write_audio
from dada.errors import DadaError
from dada.storage.atomic import PARTIAL, write_text

from .archive import Archive
from .channel import transmit
from .downloads import GAME, OTHER_GAME
from .engine import Request, check, seed_of, speakable
from .sky import Sky
from .synthesizers import ENGINES
from .voices import RATE, imitate

BONAFIDE = "bonafide"
ELSEWHERE = "elsewhere"  # human speech of another game
BATCH = 14  # clips of an engine that a worker makes at a time
NATIVE = 11_025  # Hz of the game's clips
SOURCES = (
    "archive.py",
    "channel.py",
    "clips.py",
    "engine.py",
    "lines.py",
    "neural.py",
    "sky.py",
    "speakers.py",
    "spoofs.py",
    "vocoders.py",
    "voices.py",
)  # what a clip's sound depends on

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Clip:
    """A clip of the pool: a recording of a figure or from elsewhere, or an engine's version of a line of the
    figure.
    """

    kind: str  # bonafide, elsewhere, or the engine
    figure: str
    source: str  # the line that is heard
    text: str
    recording: str  # the archive's clip, for the recording itself and for vocoders
    tempo: float  # letters per second, for engines that speak a text
    voice: str = ""  # the archive's clip whose voice an engine that speaks a text imitates; empty: its own

    @property
    def is_human(self) -> bool:
        """Whether a human speaks."""
        return self.kind in (BONAFIDE, ELSEWHERE)

    @property
    def name(self) -> str:
        return f"{self.figure}-{self.kind}-{self.source}"

    def path(self, pool: Path) -> Path:
        return pool / self.kind / f"{self.name}.flac"


def make_clips(
    clips: list[Clip], pool: Path, downloads: Path, versions: dict[str, str], num_jobs: int
) -> None:
    """Make all clips that the pool lacks. Raise DadaError with engine and text at the first failure."""
    open_pool(pool, versions)
    lacking = [
        clip
        for clip in sorted(set(clips), key=lambda clip: (clip.kind, clip.name))
        if not clip.path(pool).exists()
    ]
    log.info(
        "clips: %d of %d are there, %d to make with %d jobs",
        len(set(clips)) - len(lacking),
        len(set(clips)),
        len(lacking),
        num_jobs,
    )
    batches = [
        same[start : start + BATCH]
        for kind in sorted({clip.kind for clip in lacking})
        for same in [[clip for clip in lacking if clip.kind == kind]]
        for start in range(0, len(same), BATCH)
    ]
    if num_jobs <= 1:
        for batch in batches:
            make_batch(batch, pool, downloads)
        return
    # Workers are forked, since they need this module under its present name: the stage loaded it by its path.
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(
        num_jobs, mp_context=context, initializer=start_worker, initargs=(os.getpid(),)
    ) as workers:
        futures = [workers.submit(make_batch, batch, pool, downloads) for batch in batches]
        try:
            for future in as_completed(futures):
                future.result()
        except BrokenProcessPool as error:
            raise DadaError(
                "a process that makes clips was killed (out of memory?): run again with fewer jobs; "
                "finished clips are kept"
            ) from error
        finally:
            workers.shutdown(cancel_futures=True)


def start_worker(parent: int) -> None:
    """Use one thread per process, and end this process if the run that started it is killed."""
    torch.set_num_threads(1)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def make_batch(batch: list[Clip], pool: Path, downloads: Path) -> None:
    """Make some clips of the same kind."""
    kind = batch[0].kind
    if kind == BONAFIDE:
        made = [(recording(clip.recording, downloads), NATIVE) for clip in batch]
    elif kind == ELSEWHERE:
        made = [(sky(downloads).read(int(clip.source)), NATIVE) for clip in batch]
    elif ENGINES[kind].copies:
        vocoder = engine(kind, downloads)
        made = [
            vocoder.resynthesize(recording(clip.recording, downloads), NATIVE, clip.name) for clip in batch
        ]
    else:
        spoken = engine(kind, downloads).speak(
            [Request(clip.name, speakable(clip.text), clip.tempo) for clip in batch]
        )
        made = [in_voice(clip, *sound, downloads) for clip, sound in zip(batch, spoken, strict=True)]
    for clip, (samples, rate) in zip(batch, made, strict=True):
        published = kind == BONAFIDE or (kind in ENGINES and ENGINES[kind].copies)
        write_audio(clip.path(pool), transmit(samples, rate, published, seed=seed_of(clip.name)))


def recording(name: str, downloads: Path) -> np.ndarray:
    """Return a recording of the game, (T,) at 11,025 Hz."""
    return decode_audio(archive(downloads).read(name), NATIVE, name)


def in_voice(clip: Clip, samples: np.ndarray, rate: int, downloads: Path) -> tuple[np.ndarray, int]:
    """Return what an engine spoke (T,) and its rate, in the voice that the clip imitates, if any."""
    if not clip.voice:
        return samples, rate
    y = imitate(samples, rate, recording(clip.voice, downloads), NATIVE)
    return check(y, f"the voice of {clip.name}"), RATE


@functools.cache
def archive(downloads: Path) -> Archive:
    """The game's archive, read once a process."""
    return Archive(downloads / "root" / GAME)


@functools.cache
def sky(downloads: Path) -> Sky:
    """The archive of the other game, read once a process."""
    return Sky(downloads / "root" / OTHER_GAME)


@functools.cache
def engine(kind: str, downloads: Path):
    """A synthesizer, loaded once a process."""
    return ENGINES[kind](downloads)


def open_pool(pool: Path, versions: dict[str, str]) -> None:
    """Keep the pool if it was made by the same code and packages; throw it away otherwise, saying so.
    Half-written files go.
    """
    made_by = {
        name: hashlib.sha256((Path(__file__).parent / name).read_bytes()).hexdigest() for name in SOURCES
    }
    made_by |= {"packages": versions, "libsndfile": soundfile.__libsndfile_version__}
    stamp = pool / "made_by.json"
    content = json.dumps(made_by, indent=1, sort_keys=True) + "\n"
    if pool.exists() and (not stamp.exists() or stamp.read_text(encoding="utf-8") != content):
        log.info("clips: %s was made by other code or packages: it is made anew", pool)
        shutil.rmtree(pool)
    for leftover in pool.glob(f"*/.*{PARTIAL}"):
        leftover.unlink()
    write_text(stamp, content)
