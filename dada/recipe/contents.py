"""The digest of what a job wrote. After a repetition it shows whether the outputs have changed."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from dada.recipe.job import Job
from dada.storage.digest import file_digest


def content(job: Job, is_its_own: Callable[[Path], bool]) -> str:
    """Return SHA-256 of the outputs of a job, and of the arks and recordings below its home that they index.

    A folder among the outputs may also hold files of later stages: `is_its_own` selects those of the job.
    """
    digest = hashlib.sha256()
    files = [file for path in written(job, is_its_own) for file in (path, *_indexed(job, path))]
    for path in sorted(dict.fromkeys(files)):
        name = path.relative_to(job.home) if path.is_relative_to(job.home) else path.name
        digest.update(f"{name}\n{file_digest(path)}\n".encode())
    return digest.hexdigest()


def written(job: Job, is_its_own: Callable[[Path], bool]) -> Iterator[Path]:
    """Yield the files of the outputs of a job."""
    for output in job.outputs:
        for path in _below(output) if output.is_dir() else [output]:
            if path.is_file() and is_its_own(path):
                yield path


def _indexed(job: Job, path: Path) -> list[Path]:
    """Return the arks and recordings below the home of a job that one of its files names."""
    named = _named(path) if path.suffix == ".scp" else ()
    return [file for file in named if file.is_relative_to(job.home) and file.is_file()]


def _below(folder: Path) -> Iterable[Path]:
    """Return the files of a folder, without stamps and unfinished work, whose names start with a dot."""
    inside = (path for path in folder.rglob("*") if path.is_file())
    return (
        path for path in inside if not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )


def _named(index: Path) -> set[Path]:
    """Return the arks or recordings that an index, whatever is in it, names.

    Relative names start at the folder of the index.
    """
    paths = set()
    for line in index.read_text(encoding="utf-8", errors="replace").splitlines():
        name = line.partition(" ")[2]
        head, _, offset = name.rpartition(":")
        paths.add(index.parent / (head if head and offset.isdigit() else name))
    return paths
