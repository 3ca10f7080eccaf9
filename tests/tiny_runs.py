"""Running `dada` in this process, and comparing what runs left behind."""

import contextlib
import io
import logging
import os
import subprocess
import sys
from pathlib import Path
from unittest import mock

from dada import cli
from dada.data.sound import mono


def dada(*arguments) -> subprocess.CompletedProcess:
    """Run the `dada` program with these arguments, as if in a process of its own."""
    argv = [str(argument) for argument in arguments]
    logger, stdout, stderr = logging.getLogger("dada"), io.StringIO(), io.StringIO()
    handlers, level = logger.handlers[:], logger.level
    with (
        mock.patch.dict(os.environ),
        mock.patch.object(mono, "_logged", set()),  # warnings that a process shows once
        mock.patch.object(sys, "argv", ["dada", *argv]),
        contextlib.redirect_stdout(stdout),
        contextlib.redirect_stderr(stderr),
    ):
        try:
            code = cli.main(argv)
        except SystemExit as end:  # of argparse
            code = end.code
        finally:
            logger.handlers[:] = handlers
            logger.setLevel(level)
    return subprocess.CompletedProcess(["dada", *argv], code, stdout.getvalue(), stderr.getvalue())


def contents(root: Path, *patterns: str) -> dict[str, bytes]:
    """Relative path -> bytes of the files of some patterns, hidden ones left out, with the recipe's own
    folder taken out of them.
    """
    paths = sorted({path for pattern in patterns for path in root.glob(pattern) if path.is_file()})
    shown = [path for path in paths if not any(part.startswith(".") for part in path.relative_to(root).parts)]
    return {
        os.fspath(path.relative_to(root)): path.read_bytes().replace(os.fspath(root).encode(), b"ROOT")
        for path in shown
    }
