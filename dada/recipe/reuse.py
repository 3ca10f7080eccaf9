"""Reuse of outputs that another protocol of the recipe computed from the same recordings.

Protocols split one corpus in several ways, so that many utterances are in more than one of them. Transcripts
and features depend on the recording and the settings alone. Where several protocols run, their jobs run one
after the other (`Job.after`). The output of an utterance is reused from a job that is finished, has the same
settings, names the same recording, and wrote its output after that recording. --force reuses nothing.
"""

import functools
from collections.abc import Sequence
from pathlib import Path

from dada.data.location import split_location
from dada.data.tables import read_table, read_table_once
from dada.recipe.job import Job
from dada.recipe.recipe import Recipe
from dada.recipe.stamps import plain, read_stamp, stamp_path


def owners(recipe: Recipe, job: Job, keys: Sequence[str]) -> dict[str, Job]:
    """Return utterance -> the job whose output can be reused, for those of `keys` that have one.

    The first input of each job is its wav.scp, its first output a table with a line for each utterance.
    """
    finished = (
        [] if recipe.options.force else [other for other in job.after if _is_finished(other, job.settings)]
    )
    if not finished:
        return {}
    places = _first_places(tuple((*_dated(other.inputs[0]), *_dated(other.outputs[0])) for other in finished))
    locations = read_table_once(job.inputs[0])
    owned = {}
    for utt in keys:
        number, location = places.get(utt, (None, None))
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
    """Return utterance -> number of the first job that has it, and the recording of that job.

    `tables` holds wav.scp and first output of each job, with their times of change.
    """
    places: dict[str, tuple[int, str]] = {}
    for number, (wav_scp, _, made, _) in enumerate(tables):
        done = read_table(made)
        for utt, location in read_table(wav_scp).items():
            if utt in done:
                places.setdefault(utt, (number, location))
    return places


def _is_younger(job: Job, location: str) -> bool:
    """Return whether the output of the job was written after the recording; False for a missing recording."""
    try:
        return job.outputs[0].stat().st_mtime_ns > Path(split_location(location)[0]).stat().st_mtime_ns
    except OSError:
        return False
