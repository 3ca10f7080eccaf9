"""Where audio comes from: a file, an entry of an ark, a pipe, or standard input."""

import io
import os
import select
import stat
import sys
import time

from dada.data.audio_arks import AGAIN, Entry
from dada.data.location import split_location
from dada.data.sound.recording import Source
from dada.data.spelling import spelling
from dada.errors import DataError
from dada.storage.reading import problem_of

STANDARD_INPUT = "-"
MAX_PIPE = 1 << 30  # bytes that are read from a pipe, and held in memory
PATIENCE = 1.0  # seconds in which the program at the other end of a pipe must have opened it
CHUNK = 1 << 20  # bytes


def source_of(location: str, pipes: bool = False) -> Source:
    """Return what `path` or `file.ark:offset` names. Raise DataError where there is nothing to read.

    With `pipes`, the content of a FIFO, such as `<(sox in.wav -t wav -)` gives, or of standard input (`-`) is
    read into memory. A data directory may not name one, since its audio is read more than once.
    """
    if pipes and location == STANDARD_INPUT:
        return _standard_input()
    if pipes and _is_pipe(location):
        return _of_pipe(location)
    path, offset = split_location(location)
    problem = unreadable(path, offset)
    if problem:
        raise DataError(problem)
    return path if offset is None else Entry(path, offset)


def in_memory(source: Source) -> Source:
    """Return an entry of an ark whose end is known as bytes: one read is one request to a network disk."""
    return io.BytesIO(source.content()) if isinstance(source, Entry) and source.is_sized else source


def unreadable(path: str, offset: int | None = None) -> str | None:
    """Return why a file cannot be read, and what to do; None for a regular file with content.

    The content is not looked at. With an `offset` the file is an ark, which must be longer.
    """
    problem = problem_of(path)
    if problem:
        return f"{path} {problem[0]}{_explained(path)}: {problem[1]} or remove the utterance"
    size = os.path.getsize(path)
    if size == 0:
        return f"{path} is empty (0 bytes): copy the file again or remove the utterance"
    if offset is not None and offset >= size:
        return f"{path} has {size:,} bytes, none of them at {offset:,}, where an entry should be: {AGAIN}"
    return None


def _explained(path: str) -> str:
    """Return what is known of a file that is not there: a broken link, or another spelling of its name."""
    try:
        if os.path.islink(path):
            return f"; it is a link to {os.readlink(path)}, which is missing (of git-annex: `git annex get`)"
        if os.path.lexists(path):
            return ""
        folder, name = os.path.split(path)
        alike = [other for other in os.listdir(folder or ".") if spelling(other) == spelling(name)]
    except (OSError, ValueError):
        return ""
    return f"; {alike[0]} is there, which is spelled otherwise" if alike else ""


def _is_pipe(location: str) -> bool:
    try:
        return stat.S_ISFIFO(os.stat(location).st_mode)
    except (OSError, ValueError):
        return False


def _standard_input() -> io.BytesIO:
    number = sys.stdin.fileno() if sys.stdin is not None else 0
    if os.isatty(number):
        raise DataError("standard input is a terminal, not audio: pipe a file into the command")
    return _content(os.dup(number), "standard input")


def _of_pipe(path: str) -> io.BytesIO:
    # Without O_NONBLOCK, opening a pipe that nobody writes to would never return.
    return _content(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), path)


def _content(number: int, name: str) -> io.BytesIO:
    """Read an open file to its end and close it. Raise DataError for nothing, or too much."""
    content = io.BytesIO()
    give_up = time.monotonic() + PATIENCE
    try:
        while True:
            try:
                piece = os.read(number, CHUNK)
            except BlockingIOError:  # the other end is open, and has not written yet
                select.select([number], [], [], PATIENCE)
                continue
            if not piece:
                if content.tell() or time.monotonic() > give_up or not _is_pipe(name):
                    break
                time.sleep(0.02)  # nobody has opened the other end yet
            content.write(piece)
            if content.tell() > MAX_PIPE:
                raise DataError(f"{name} gives more than {MAX_PIPE:,} bytes: write them to a file first")
    finally:
        os.close(number)
    if not content.tell():
        raise DataError(f"{name} is a pipe that gives nothing: start the program that writes to it first")
    content.seek(0)
    return content
