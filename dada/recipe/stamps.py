"""Stamps: the digest of a job's settings and inputs, written after its outputs, shows what is up to date."""

import functools
import json
import logging
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dada.errors import DataError
from dada.recipe.contents import content, written
from dada.recipe.job import Job
from dada.storage.digest import file_digest, value_digest
from dada.storage.json_file import read_json, write_json

STARTED = ".started.json"
log = logging.getLogger(__name__)


def slug(name: str) -> str:
    """Return the name of a job as part of a file name."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", name)


def stamp_path(job: Job) -> Path:
    """Return the path of the stamp of a finished job."""
    return job.home / ".done" / f"{job.stage}-{slug(job.name)}.json"


def started_path(job: Job) -> Path:
    """Return the path of the mark of a started job. It holds the settings, so that a partly trained folder is
    not continued with others.
    """
    return job.home / ".done" / f"{job.stage}-{slug(job.name)}{STARTED}"


def read_stamp(path: Path) -> dict | None:
    """A stamp, or None where there is none. One that cannot be read counts as none, so that its job runs
    again.
    """
    try:
        needs = {"digest": str, "settings": dict, **({} if path.name.endswith(STARTED) else {"inputs": dict})}
        return read_json(path, "its job runs again", needs) if path.exists() else None
    except DataError as error:
        _warn(str(error))
        return None


@functools.cache
def _warn(message: str) -> None:
    """Log a message once, though many jobs look at a stamp."""
    log.warning(message)


def write_stamp(path: Path, content: dict) -> None:
    """Write a stamp atomically."""
    write_json(path, content, sort_keys=True, default=str)


@dataclass
class State:
    """The state of a job before it runs. `reason` is why it has to run; None means up to date."""

    digest: str
    reason: str | None
    missing: list[Path]  # inputs that do not exist
    other_settings: list[str]  # different keys of an experiment that must not be overwritten


class Ledger:
    """All jobs of a recipe, the job that writes each file, and the state of each job."""

    def __init__(self, jobs: list[Job]):
        self.jobs = jobs
        self.maker: dict[Path, Job] = {output: job for job in jobs for output in job.outputs}

    def maker_of(self, path: Path) -> Job | None:
        """Return the job that writes a path, or a folder above it."""
        for candidate in (path, *path.parents):
            if candidate in self.maker:
                return self.maker[candidate]
        return None

    def identities(self, job: Job) -> dict[str, str]:
        """Return the digest of each existing input, by its index in the list of inputs."""
        return {str(i): self._identity(path) for i, path in enumerate(job.all_inputs) if path.exists()}

    def digest(self, job: Job) -> str:
        """Return the digest of what the outputs of a job depend on. Its name and folder are left out, so that
        a recipe can be moved.
        """
        return _digest(job, self.identities(job))

    def state(self, job: Job, force: bool = False) -> State:
        """Compare a job with its stamp."""
        missing = [path for path in job.inputs if not path.exists()]
        inputs = self.identities(job)
        now = _digest(job, inputs)
        stamp = read_stamp(stamp_path(job))
        before = stamp or read_stamp(started_path(job))
        changed = differing_keys(before["settings"], plain(job.settings)) if before else []
        refused = changed if job.keep and not force else []
        if missing and stamp and not changed and not force and all(output.exists() for output in job.outputs):
            # Features may be removed to save disk space once a model is trained on them.
            return State(now, None, [], [])
        return State(now, self._reason(job, now, inputs, stamp, before, changed, force), missing, refused)

    def _reason(
        self,
        job: Job,
        now: str,
        inputs: dict[str, str],
        stamp: dict[str, Any] | None,
        before: dict[str, Any] | None,
        changed: list[str],
        force: bool,
    ) -> str | None:
        absent = [output for output in job.outputs if not output.exists()]
        if force:
            return "--force"
        if stamp is None and before is not None and before["digest"] == now:
            return "unfinished: resumes"
        if stamp is None or absent:
            return f"{absent[0].name} is missing" if absent else "it was never finished"
        if changed:
            return f"settings changed: {', '.join(changed[:4])}{', …' if len(changed) > 4 else ''}"
        if stamp.get("version", 1) != job.version:
            return f"the stage computes other results since version {job.version}"
        if stamp["digest"] != now:
            others = [
                str(path)
                for i, path in enumerate(job.all_inputs)
                if stamp["inputs"].get(str(i)) != inputs.get(str(i))
            ]
            return f"input changed: {others[0] if others else 'number of inputs'}"
        return None

    def _identity(self, path: Path) -> str:
        """Return the digest of the job that wrote an input. A file of no job is identified by size and time,
        a folder by the names in it.
        """
        maker = self.maker_of(path)
        stamp = read_stamp(stamp_path(maker)) if maker else None
        if maker and stamp:
            made = [stamp["digest"], *([stamp["content"]] if stamp.get("content") else [])]
            made += [edited] if (edited := _edited(maker, stamp, path)) else []
            return value_digest(made) if len(made) > 1 else stamp["digest"]
        if path.is_dir():
            return value_digest(sorted(p.name for p in path.iterdir() if not p.name.startswith(".")))
        status = path.stat()
        return value_digest([status.st_size, status.st_mtime_ns])

    def content(self, job: Job) -> str:
        """Return the digest of the outputs of a job."""
        return content(job, self._is_own(job))

    def files(self, job: Job) -> dict[str, list]:
        """Return size, time and digest of every file that a job wrote, by its path from the home of the
        job.
        """
        paths = sorted(set(written(job, self._is_own(job))))
        return {
            os.path.relpath(path, job.home): [path.stat().st_size, path.stat().st_mtime_ns, file_digest(path)]
            for path in paths
        }

    def _is_own(self, job: Job) -> Callable[[Path], bool]:
        return lambda path: self.maker.get(path, job) == job

    def made_before(self, job: Job, now: str) -> dict | None:
        """Return the facts of a job's outputs before it runs again with the same digest; see
        `changed_content`.
        """
        stamp, started = read_stamp(stamp_path(job)), read_stamp(started_path(job))
        if stamp and stamp["digest"] == now:
            there = all(output.exists() for output in job.outputs)
            return {"mark": stamp.get("content"), "content": self.content(job) if there else None}
        return started.get("before") if started and started["digest"] == now else None

    def changed_content(self, job: Job) -> str | None:
        """Return the digest of the outputs where a forced repetition with the same settings and inputs
        changed them.
        """
        before = (read_stamp(started_path(job)) or {}).get("before")
        if not before or before["content"] is None:
            return before and before["mark"]
        made = self.content(job)
        return before["mark"] if made == before["content"] else made

    def stale_inputs(self, job: Job) -> list[Job]:
        """Return the jobs that write inputs of this job and are not up to date."""
        makers = {
            id(maker): maker
            for path in job.all_inputs
            if (maker := self.maker_of(path)) is not None and maker is not job
        }
        return [
            maker for maker in makers.values() if read_stamp(stamp_path(maker)) and self.state(maker).reason
        ]


def _edited(maker: Job, stamp: dict[str, Any], path: Path) -> dict[str, str]:
    """Return the digests of those files of an output that were replaced or edited after their job wrote
    them.
    """
    edited = {}
    for name, mark in stamp["files"].items() if isinstance(stamp.get("files"), dict) else ():
        file = Path(os.path.normpath(maker.home / name))
        if (file == path or path in file.parents) and file.is_file() and isinstance(mark, list):
            status = file.stat()
            if [status.st_size, status.st_mtime_ns] != mark[:2]:
                digest = _digest_of((file, status.st_size, status.st_mtime_ns))
                if digest != mark[-1]:
                    _warn(f"{file} was changed after stage {maker.stage} wrote it: what reads it runs again")
                    edited[name] = digest
    return edited


@functools.lru_cache(maxsize=1000)
def _digest_of(version: tuple[Path, int, int]) -> str:
    """Return the digest of a file with a size and a time, computed once."""
    return file_digest(version[0])


def _digest(job: Job, identities: dict[str, str]) -> str:
    version = [job.version] if job.version != 1 else []
    return value_digest([job.stage, job.settings, identities, *version])


def plain(value: object) -> object:
    """Return a value as JSON restores it, so that it can be compared with a stamp."""
    return json.loads(json.dumps(value, default=str))


def differing_keys(old: object, new: object, path: str = "") -> list[str]:
    """Return the dotted names of the settings that differ between two nested values."""
    if isinstance(old, dict) and isinstance(new, dict):
        keys = sorted({*old, *new})
        return [
            difference
            for key in keys
            for difference in differing_keys(old.get(key), new.get(key), f"{path}.{key}" if path else key)
        ]
    return [] if old == new else [path]
