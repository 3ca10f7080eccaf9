"""Running `dada` in a process of its own, and comparing what runs left behind."""

import os
import subprocess
import sys
from pathlib import Path


def dada(*arguments, timeout: float = 600) -> subprocess.CompletedProcess:
    """Run the `dada` program with these arguments."""
    command = [sys.executable, "-m", "dada.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)


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
