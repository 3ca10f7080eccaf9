"""Recordings of noise and of rooms, from any folder of audio files."""

import functools
import os
import re
from pathlib import Path

import torch
from torch import Tensor

from dada.augment._draws import integers
from dada.data.audio import read_audio
from dada.data.find_audio import walk_audio
from dada.data.length import fit_length
from dada.errors import ConfigError, DataError

VARIABLE = re.compile(r"\$(\w+|\{[^}]*\})")


def recordings(augmentation: str, folder: str) -> tuple[str, ...]:
    """Return the paths of the audio files anywhere below a folder, in C order.

    `~` and `$NAME` in its name stand for the home folder and for a variable of the environment. A folder is
    listed once a process. Raise ConfigError where none is set, DataError for a folder without audio.
    """
    if not folder:
        raise ConfigError(f"{augmentation}: set folder to a folder of recordings")
    path = os.path.expandvars(Path(folder).expanduser())
    unset = VARIABLE.search(path)
    if unset:
        raise ConfigError(f"{augmentation}: {folder}: the environment variable {unset[1]} is not set")
    return _listed(path)


@functools.lru_cache(maxsize=64)
def _listed(folder: str) -> tuple[str, ...]:
    return tuple(f"{folder}/{name}" for name in walk_audio(Path(folder)))


def pick(paths: tuple[str, ...], generator: torch.Generator) -> str:
    """Return one of some paths, all equally likely."""
    return paths[int(integers(generator, [0, len(paths) - 1]))]


def stretch(location: str, size: int, rate: int, generator: torch.Generator) -> Tensor:
    """Return a random stretch (size,) of a recording, repeated where it is shorter.

    A stretch of digital silence gives way to the one around the loudest sample. Raise DataError for a
    recording that cannot be read, or is silent.
    """
    samples = torch.from_numpy(read_audio(location, rate))
    chosen = fit_length(samples, size, "tile", generator)
    if chosen.any():
        return chosen
    loudest = int(samples.abs().argmax())
    if not samples[loudest]:
        raise DataError(f"{location} is silence, which makes no noise: remove it")
    start = min(max(loudest - size // 2, 0), len(samples) - size)
    return samples[start : start + size]
