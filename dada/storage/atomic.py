"""Writing files so that a half-written one is never taken for a whole one: under a temporary name first, then
renamed.
"""

import contextlib
import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from dada.errors import UserError

PARTIAL = ".partial"  # suffix of everything that is still being written; readers and listings pass over it
ADVICE = {
    errno.ENOSPC: "the disk is full: free some space",
    errno.EDQUOT: "the disk quota is used up: free some space",
    errno.EROFS: "the file system is read-only: choose another folder",
    errno.EACCES: "no right to write there: choose another folder or change its permissions",
    errno.EPERM: "no right to write there: choose another folder or change its permissions",
    errno.EEXIST: "a file stands where a folder has to be: move it away",
    errno.ENOTDIR: "a file stands where a folder has to be: move it away",
    errno.EISDIR: "a folder stands where a file has to be: move it away",
    errno.ENAMETOOLONG: "the name is too long: choose a shorter one",
    errno.EINVAL: "the file system does not take this name: choose another name",
}


def partial_path(path: Path) -> Path:
    """The temporary name of `path`, in the same folder, so that the rename stays within one file system."""
    return path.with_name(f".{path.name}.{os.getpid()}{PARTIAL}")


def require_output(path: Path) -> None:
    """Raise UserError for a path that cannot be a file. Long work calls this before it begins."""
    if "\0" in str(path):
        problem = f"cannot write {str(path)!r}: a name cannot hold a NUL character"
        raise UserError(f"{problem}: choose another name")
    if os.path.isdir(path):
        raise UserError(f"cannot write {path}: it is a folder: choose another name, or move it away")
    try:
        os.lstat(partial_path(path))
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:  # the name is too long
        refuse_os_error(error, path)
        raise


@contextlib.contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success rename it to `path`, on any error remove it.

    Raises UserError where the disk is full or the folder cannot be written, naming `path`.
    """
    path = Path(path)
    require_output(path)
    partial = partial_path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield partial
        with open(partial, "rb") as file:
            os.fsync(file.fileno())
        os.replace(partial, path)
    except OSError as error:
        refuse_os_error(error, path)
        raise
    finally:
        with contextlib.suppress(OSError):
            partial.unlink()


@contextlib.contextmanager
def atomic_dir(path: Path) -> Iterator[Path]:
    """Yield a temporary folder beside `path`; on success it takes the place of `path`, on any error it is
    removed.
    """
    path = Path(path)
    partial = partial_path(path)
    old = partial.with_name(f".old{partial.name}")
    try:
        partial.mkdir(parents=True)
        yield partial
        if path.exists():
            path.rename(old)  # two renames leave less time without a folder than the removal of a large one
        os.replace(partial, path)
    except OSError as error:
        refuse_os_error(error, path)
        raise
    finally:
        if old.exists() and not path.exists():
            old.rename(path)
        shutil.rmtree(partial, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text with LF line ends, atomically."""
    try:
        content = text.encode()
    except UnicodeEncodeError as error:
        part = text[max(0, error.start - 20) : error.end + 20]
        problem = f"cannot write {path}: {part!r} is not Unicode text"
        raise UserError(f"{problem}: rename the files whose names are not UTF-8") from error
    with atomic_path(path) as partial:
        partial.write_bytes(content)


@contextlib.contextmanager
def refusing_os_errors(path: Path) -> Iterator[None]:
    """Raise UserError where the block fails for a full disk, a read-only folder or missing rights.

    The message names the file of the error; `path` where the error has none.
    """
    try:
        yield
    except OSError as error:
        refuse_os_error(error, Path(error.filename or path))
        raise


def refuse_os_error(error: OSError, path: Path) -> None:
    """Raise UserError for what the user can mend (full disk, read-only folder, missing rights), naming
    `path`; else return.
    """
    advice = ADVICE.get(error.errno or 0)
    # Of a missing input it says nothing about the output.
    if error.errno == errno.ENOENT and str(error.filename) in map(str, (partial_path(path), *path.parents)):
        advice = "no file can be made there: choose another folder"
    if advice:
        raise UserError(f"cannot write {path}: {advice}, then run the same command again") from error


def remove_stale(folder: Path) -> None:
    """Remove what processes that are gone were still writing into a folder (not below it): a killed one
    cannot tidy up itself.
    """
    for path in Path(folder).glob(f".*{PARTIAL}"):
        owner = path.name.removesuffix(PARTIAL).rpartition(".")[2]
        if owner.isdigit() and not is_alive(int(owner)):
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def is_alive(process: int) -> bool:
    """Return whether a process of this machine runs."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # another user's
        return True
    return True
