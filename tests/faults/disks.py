"""Disks and permissions that fail, and processes that are killed, within this process."""

import builtins
import contextlib
import errno
import io
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

CHANGES = ("mkdir", "replace", "rename", "unlink", "rmdir")  # calls of os that change a folder
FULL = "/dev/full"  # every byte that is written there fails with ENOSPC


@contextlib.contextmanager
def failing_disk(number: int, folder: Path) -> Iterator[None]:
    """Writing below a folder fails with an error number of the system.

    With ENOSPC files are created, but take no byte.
    """

    def fail(path: Any) -> None:
        raise OSError(number, os.strerror(number), os.fspath(path))

    def opened(path: Any, mode: str = "r", *arguments: Any, **options: Any) -> Any:
        if set(mode) & set("wax+") and _is_below(path, folder):
            if number != errno.ENOSPC:
                fail(path)
            path, mode = FULL, mode.replace("x", "w")
        return io_open(path, mode, *arguments, **options)

    def refusing(call: Callable) -> Callable:
        def refuse(path: Any, *arguments: Any, **options: Any) -> Any:
            if _is_below(path, folder, options.get("dir_fd")):
                fail(path)
            return call(path, *arguments, **options)

        return refuse

    io_open = io.open
    with contextlib.ExitStack() as stack:
        for name in CHANGES if number != errno.ENOSPC else ():
            stack.enter_context(mock.patch.object(os, name, refusing(getattr(os, name))))
        for module in (builtins, io):
            stack.enter_context(mock.patch.object(module, "open", opened))
        yield


@contextlib.contextmanager
def unreadable(path: Path) -> Iterator[None]:
    """A file without the permission to read it. Root reads every file, so that its mode would not do."""
    access, io_open = os.access, io.open

    def may(name: Any, mode: int, **options: Any) -> bool:
        return not _is_below(name, path) and access(name, mode, **options)

    def opened(name: Any, mode: str = "r", *arguments: Any, **options: Any) -> Any:
        if "r" in mode and _is_below(name, path):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(name))
        return io_open(name, mode, *arguments, **options)

    with contextlib.ExitStack() as stack:
        stack.enter_context(mock.patch.object(os, "access", may))
        for module in (builtins, io):
            stack.enter_context(mock.patch.object(module, "open", opened))
        yield


def _is_below(path: Any, folder: Path, start: int | None = None) -> bool:
    """Whether a path, or a name in the open folder `start`, is a folder or lies below it."""
    if isinstance(path, int):
        return False
    home = os.getcwd() if start is None else os.readlink(f"/proc/self/fd/{start}")
    return Path(home, os.fsdecode(path)).is_relative_to(folder)


def die_before(name: str, argv: list[str]) -> None:
    """Run the `dada` program; kill this process when it is about to give a file or folder its final name."""
    from dada import cli

    def dying(call: Callable) -> Callable:
        def rename(old: Any, new: Any, *arguments: Any, **options: Any) -> Any:
            if os.fspath(new).endswith(name):
                os.kill(os.getpid(), signal.SIGKILL)
            return call(old, new, *arguments, **options)

        return rename

    os.replace, os.rename = dying(os.replace), dying(os.rename)
    cli.main(argv)
