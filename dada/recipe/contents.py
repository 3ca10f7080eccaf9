"""What a job made, byte for byte, so that doing it again tells whether anything has changed for those that
read it.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from dada.recipe.job import Job
from dada.storage.digest import file_digest


def content(job: Job, is_its_own: Callable[[Path], bool]) -> str:
    """SHA-256 of the outputs of a job and of the arks and recordings below its home that their indices name.

    A folder among the outputs may hold files of later stages as well: `is_its_own` tells which are the job's.
    """
    found = hashlib.sha256()
    for path in sorted(dict.fromkeys(_files(job, is_its_own))):
        found.update(
            f"{path.relative_to(job.home) if path.is_relative_to(job.home) else path.name}\n{file_digest(path)}\n".encode()
        )
    return found.hexdigest()


def _files(job: Job, is_its_own: Callable[[Path], bool]) -> Iterator[Path]:
    for output in job.outputs:
        for path in _below(output) if output.is_dir() else [output]:
            if is_its_own(path):
                yield path
                if path.suffix == ".scp":
                    yield from (
                        named for named in _named(path) if named.is_relative_to(job.home) and named.is_file()
                    )


def _below(folder: Path) -> Iterable[Path]:
    """The files of a folder; stamps and unfinished work start with a dot."""
    inside = (path for path in folder.rglob("*") if path.is_file())
    return (
        path for path in inside if not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )


def _named(index: Path) -> set[Path]:
    """The files that an index names, `ark:offset` or a recording; relative ones start at the index."""
    found = set()
    for line in index.read_text(encoding="utf-8").splitlines():
        name = line.partition(" ")[2]
        head, _, offset = name.rpartition(":")
        found.add(index.parent / (head if head and offset.isdigit() else name))
    return found
