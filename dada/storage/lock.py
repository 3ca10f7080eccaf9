"""Locks between processes. The system releases a lock when its process ends, in whatever way."""

import contextlib
import errno
import fcntl
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import IO

NO_LOCKS = (errno.ENOSYS, errno.ENOTSUP, errno.ENOLCK)  # of file systems that are mounted without locks

log = logging.getLogger(__name__)


@contextlib.contextmanager
def locked(path: Path, what: Path) -> Iterator[None]:
    """Hold the lock file `path` for work on `what`; wait, with a message, while another process holds it.

    Some network file systems have no locks; then nothing is locked.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w") as file:
        try:
            _lock(file, what)
        except OSError as error:
            if error.errno not in NO_LOCKS:
                raise
            log.info("the file system of %s has no locks", what)
        yield


def _lock(file: IO[str], what: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        log.info("waiting for another process that works on %s", what)
        fcntl.flock(file, fcntl.LOCK_EX)
