"""What another protocol of the recipe has made of the same recordings, which is taken over instead of made
again.

Protocols split one corpus in several ways, so that many utterances are in more than one of them. What stages
2 and 4 make of a recording depends on nothing but the recording and the settings. Where several protocols
run, their jobs come one after the other (`Job.after`); an utterance is taken over from a job that is
finished, has the same settings, names the same file for it, and wrote its output after that file. With
--force nothing is taken over.
"""

import functools
import os
from collections.abc import Sequence
from pathlib import Path

from dada.data.audio import split_location
from dada.data.tables import read_table, read_table_once
from dada.recipe.job import Job
from dada.recipe.stamps import plain, read_stamp, stamp_path


def owners(recipe, job: Job, keys: Sequence[str]) -> dict[str, Job]:
    """Utterance -> the job that has it already, for those of `keys` that one has.

    The first input of each job is its wav.scp, its first output a table with a line for every utterance that
    it made.
    """
    finished = (
        [] if recipe.options.force else [other for other in job.after if _is_finished(other, job.settings)]
    )
    if not finished:
        return {}
    found = _first_places(tuple((*_dated(other.inputs[0]), *_dated(other.outputs[0])) for other in finished))
    locations = read_table_once(job.inputs[0])
    owned = {}
    for utt in keys:
        number, location = found.get(utt, (None, None))
        if number is not None and location == locations[utt] and _is_younger(finished[number], location):
            owned[utt] = finished[number]
    return owned


def _is_finished(job: Job, settings: dict) -> bool:
    stamp = read_stamp(stamp_path(job))
    return (
        stamp is not None
        and stamp["settings"] == plain(settings)
        and all(path.exists() for path in (*job.outputs, job.inputs[0]))
    )


def _dated(path: Path) -> tuple[Path, int]:
    return path, path.stat().st_mtime_ns


@functools.lru_cache(maxsize=2)
def _first_places(tables: tuple[tuple[Path, int, Path, int], ...]) -> dict[str, tuple[int, str]]:
    """Utterance -> the first of some jobs that made it, and the location there; of each job its wav.scp and
    what it made, with times.
    """
    found: dict[str, tuple[int, str]] = {}
    for number, (wav_scp, _, made, _) in enumerate(tables):
        done = read_table(made)
        for utt, location in read_table(wav_scp).items():
            if utt in done:
                found.setdefault(utt, (number, location))
    return found


def _is_younger(job: Job, location: str) -> bool:
    """Whether the job's output was written after the recording; one that is not there is left to whoever
    reads it.
    """
    try:
        return job.outputs[0].stat().st_mtime_ns > os.stat(split_location(location)[0]).st_mtime_ns
    except OSError:
        return False
