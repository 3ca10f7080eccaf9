"""The frame of every program: messages instead of tracebacks, exit codes, help with examples, logging."""

import argparse
import errno
import io
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path

from dada.errors import DadaError, UserError

# A log on a full disk prints no tracebacks beside the message.
logging.raiseExceptions = False
LEVELS = ("debug", "info", "warning", "error")
INTERRUPTED = 130  # what shells report after Ctrl-C
# Faults of a path, a disk or permissions, which no code is to blame for.
OF_THE_PATH = (
    errno.ENAMETOOLONG,
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
    errno.ENOSPC,
    errno.EDQUOT,
    errno.ELOOP,
)
BROKEN_PIPE = 141  # what shells report after SIGPIPE


class _HelpFormatter(argparse.ArgumentDefaultsHelpFormatter, argparse.RawDescriptionHelpFormatter):
    """Line breaks of the description stay, and every flag shows its default where it has one."""

    def _get_help_string(self, action: argparse.Action) -> str:
        shown = action.default not in (None, False, [])
        return (super()._get_help_string(action) if shown else action.help) or ""


def parser(
    description: str, example: str, prog: str | None = None, log_level: str = "info"
) -> argparse.ArgumentParser:
    """Return a parser with `--log_level` whose help ends with `example`."""
    lines = "\n".join(f"  {line}" for line in example.strip().splitlines())
    made = argparse.ArgumentParser(
        prog, description=description.strip(), epilog=f"example:\n{lines}", formatter_class=_HelpFormatter
    )
    made.add_argument("--log_level", choices=LEVELS, default=log_level, help="lowest level shown on stderr")
    return made


def set_up_logging(level: str = "info") -> None:
    """Send the package's messages to stderr: `WARNING what happened`."""
    print_any_text()
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    root = logging.getLogger("dada")
    root.handlers[:] = [handler]
    root.setLevel(level.upper())


def print_any_text() -> None:
    """Print `?` for characters that the terminal's encoding lacks, and for bytes of file names that are no
    text.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def show_warnings() -> None:
    """Send the warnings of a worker process to stderr, besides the log of its task."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    handler.setLevel(logging.WARNING)
    logging.getLogger("dada").addHandler(handler)


def run(main: Callable[[], int | None], prog: str | None = None) -> int:
    """Call `main` and return the exit code: its own, or 1 and 2 by the kind of DadaError, whose message goes
    to stderr after the name `prog` (default: that of the script).

    An error of any other type is a fault of the program and keeps its traceback.
    """
    try:
        code = main() or 0
        sys.stdout.flush()
        return code
    except DadaError as error:
        print(f"{prog or Path(sys.argv[0]).name}: error: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of our output has gone (`| head`). The interpreter flushes stdout once more at its end:
        # give it a place.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except OSError as error:
        if error.errno not in OF_THE_PATH:
            raise
        name = prog or Path(sys.argv[0]).name
        where = f"{error.filename}: " if error.filename else ""
        print(
            f"{name}: error: {where}{error.strerror}: choose another path, or mend this one", file=sys.stderr
        )
        return UserError.exit_code


def positive(text: str) -> int:
    """Return the value of a flag as a number from 1."""
    if not text.isdigit() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1")
    return int(text)


def refuse_existing(path: Path) -> None:
    """Raise UserError where the path of a result exists."""
    if Path(path).exists():
        raise UserError(f"{path} is there already: remove it, or choose another name")
