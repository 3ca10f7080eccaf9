"""Ways to damage a file."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path


def _rewrite(change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    return lambda path: path.write_bytes(change(path.read_bytes())) and None


def _remove(path: Path) -> None:
    shutil.rmtree(path) if path.is_dir() else path.unlink()


def _folder(path: Path) -> None:
    _remove(path)
    (path / "inside").mkdir(parents=True)


def _fifo(path: Path) -> None:
    _remove(path)
    os.mkfifo(path)


# What is said of the file -> the damage.
DAMAGES: dict[str, Callable[[Path], None]] = {
    "cut": _rewrite(lambda content: content[: len(content) // 2]),
    "empty": _rewrite(lambda content: b""),
    "garbage": _rewrite(lambda content: bytes(range(256)) * 2),
    "list": _rewrite(lambda content: b"[1, 2]\n"),
    "not UTF-8": _rewrite(lambda content: content + b"\xe9\xff"),
    "folder": _folder,
    "FIFO": _fifo,
    "removed": _remove,
}
