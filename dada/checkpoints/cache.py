"""The folder of fetched checkpoints, one for all recipes and programs of a user.

<cache>/checkpoints/AASIST.pth           a whole file; its size and SHA-256 are looked at whenever it is used
<cache>/checkpoints/.AASIST.pth.partial  what has arrived of one that is being fetched
<cache>/checkpoints/.AASIST.pth.lock     held by the process that fetches it

<cache> is DADA_CACHE, else $XDG_CACHE_HOME/dada, else ~/.cache/dada. Files that were put there by hand are
used like fetched ones.
"""

import contextlib
import os
from pathlib import Path

from dada.checkpoints.manifest import Checkpoint
from dada.errors import DataError
from dada.storage.digest import file_digest
from dada.storage.reading import problem_of

CACHE = "DADA_CACHE"
# How files begin that are served instead of the weights.
IMPOSTORS = {
    b"version https://git-lfs": "a pointer of Git LFS: run `git lfs pull` where it comes from",
    b"<": "a page of HTML or XML, as servers and proxies send it instead of a file",
}


def folder() -> Path:
    """Return the folder that holds checkpoints. It need not exist."""
    cache = os.environ.get(CACHE)
    if not cache:
        home = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
        cache = os.path.join(home, "dada")  # noqa: PTH118 - `~` is expanded below
    return Path(cache).expanduser().absolute() / "checkpoints"


def place(checkpoint: Checkpoint) -> Path:
    """Return where the file of a checkpoint lies, or has to be put."""
    return folder() / checkpoint.file


def is_cached(checkpoint: Checkpoint) -> bool:
    """Return whether the cache has a file of the right size for a checkpoint."""
    try:
        return place(checkpoint).stat().st_size == checkpoint.bytes
    except OSError:
        return False


def verified(checkpoint: Checkpoint) -> Path | None:
    """Return the cached file, None where there is none.

    Raise DataError for a file with other content, which is removed.
    """
    path = place(checkpoint)
    if not os.path.lexists(path):
        return None
    verify(checkpoint, path)
    return path


def verify(checkpoint: Checkpoint, path: Path) -> None:
    """Raise DataError, and remove the file, where its content is not that of a checkpoint."""
    problem = problem_of(path)
    if problem:
        raise DataError(f"{path} {problem[0]}: {problem[1]}")
    size, digest = path.stat().st_size, file_digest(path)
    if (size, digest) == (checkpoint.bytes, checkpoint.sha256):
        return
    with open(path, "rb") as file:
        head = file.read(64).lstrip()
    what = next((f"It is {what}. " for start, what in IMPOSTORS.items() if head.startswith(start)), "")
    removed = "It could not be removed: replace it"
    with contextlib.suppress(OSError):
        path.unlink()
        removed = "It was removed: run the same command again"
    raise DataError(
        f"{path} is not the published {checkpoint.name}: {size:,} bytes with SHA-256 {digest}, expected "
        f"{checkpoint.bytes:,} bytes with {checkpoint.sha256}. {what}{removed}, or put the right file "
        f"at {place(checkpoint)}"
    )
