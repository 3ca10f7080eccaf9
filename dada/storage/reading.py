"""Files that a user hands in, and that may be missing, damaged or no files at all."""

import os
import stat
from pathlib import Path

from dada.errors import DataError

ENCODING = "utf-8-sig"  # a byte-order mark is left out


def problem_of(path: str | os.PathLike[str]) -> tuple[str, str] | None:
    """Return what keeps a file from being read, and what to do; None for a regular file with read permission.

    A device or a FIFO is a problem, since reading it may never end.
    """
    try:
        mode = os.stat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        start = (
            "" if os.path.isabs(path) else f" (a relative path starts at the current folder, {os.getcwd()})"
        )
        return f"does not exist{start}", "correct the path"
    except (OSError, ValueError) as error:  # ValueError: a NUL, or characters that no file name has
        return f"is not a usable path ({getattr(error, 'strerror', None) or error})", "correct the path"
    if stat.S_ISDIR(mode):
        return "is a folder, not a file", "correct the path"
    if not stat.S_ISREG(mode):
        return "is a device or a pipe, not a regular file", "write its content to a file first"
    if not os.access(path, os.R_OK):
        return "cannot be read (no permission)", "change its permissions"
    return None


def require_file(path: str | os.PathLike[str], advice: str = "") -> None:
    """Raise DataError unless the path is a regular file that can be read. `advice` replaces the usual one."""
    problem = problem_of(path)
    if problem:
        raise DataError(f"{os.fspath(path)} {problem[0]}: {advice or problem[1]}")


def read_bytes(path: Path, advice: str = "") -> bytes:
    """Return the content of a regular file. Raise DataError for anything else."""
    require_file(path, advice)
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}): {advice or 'copy it again'}") from error


def decode(content: bytes, path: Path, advice: str = "save it as UTF-8") -> str:
    """Return the text of a file's content. Raise DataError where it is not UTF-8."""
    try:
        return content.decode(ENCODING)
    except UnicodeDecodeError as error:
        where = f"{error.reason} at byte {error.start}"
        raise DataError(f"{path} is not UTF-8 text ({where}): {advice}") from error


def read_text(path: Path, advice: str = "") -> str:
    """Return the text of a UTF-8 file, line ends as they are. Raise DataError for anything else."""
    return decode(read_bytes(path, advice), path, advice or "save it as UTF-8")
