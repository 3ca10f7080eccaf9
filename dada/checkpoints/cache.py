"""The folder of fetched checkpoints, one for all recipes and programs of a user.

<cache>/checkpoints/AASIST.pth           a whole file; its size and SHA-256 are looked at whenever it is used
<cache>/checkpoints/.AASIST.pth.partial  what has arrived of one that is being fetched
<cache>/checkpoints/.AASIST.pth.lock     held by the process that fetches it
<cache>/checkpoints/.SLS.pth.sha256      the digest of a fetched file whose published one is not known

<cache> is DADA_CACHE, else $XDG_CACHE_HOME/dada, else ~/.cache/dada. Files that were put there by hand are
used like fetched ones.
"""

import contextlib
import logging
import os
from pathlib import Path

from dada.checkpoints.manifest import Checkpoint
from dada.errors import DataError
from dada.storage.atomic import write_text
from dada.storage.digest import file_digest
from dada.storage.reading import problem_of

CACHE = "DADA_CACHE"
# How files begin that are served instead of the weights.
IMPOSTORS = {
    b"version https://git-lfs": "a pointer of Git LFS: run `git lfs pull` where it comes from",
    b"<": "a page of HTML or XML, as servers and proxies send it instead of a file",
}

log = logging.getLogger(__name__)


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
        return place(checkpoint).stat().st_size == checkpoint.bytes or not checkpoint.bytes
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
    with open(path, "rb") as file:
        head = file.read(64).lstrip()
    what = next((f"It is {what}. " for start, what in IMPOSTORS.items() if head.startswith(start)), "")
    expected = checkpoint.sha256 if checkpoint.has_digest else _recorded(checkpoint) or digest
    if digest == expected and size in (checkpoint.bytes or size,) and not what:
        if not checkpoint.has_digest:
            log.warning(
                "%s: nothing says that %s is the published file, since no digest of it is known here; its "
                "SHA-256 is %s. Compare it with one that you trust",
                *(checkpoint.name, path, digest),
            )
        return
    removed = "It could not be removed: replace it"
    with contextlib.suppress(OSError):
        path.unlink()
        removed = "It was removed: run the same command again"
    raise DataError(
        f"{path} is not the published {checkpoint.name}: {size:,} bytes with SHA-256 {digest}, expected "
        f"{f'{checkpoint.bytes:,} bytes with ' if checkpoint.bytes else ''}{expected}. {what}{removed}, or "
        f"put the right file at {place(checkpoint)}"
    )


def record(checkpoint: Checkpoint, path: Path) -> None:
    """Keep the digest of a file that was fetched without a published one, so that a later change shows."""
    if not checkpoint.has_digest:
        write_text(_record(checkpoint), file_digest(path) + "\n")


def _record(checkpoint: Checkpoint) -> Path:
    return folder() / f".{checkpoint.file}.sha256"


def _recorded(checkpoint: Checkpoint) -> str:
    """Return the digest that was kept of a file; empty without one."""
    path = _record(checkpoint)
    return path.read_text(encoding="utf-8").strip() if path.is_file() else ""
