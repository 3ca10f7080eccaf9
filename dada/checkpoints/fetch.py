"""Fetching a file over HTTP, or from a folder, so that a broken connection costs only what is missing."""

import http.client
import logging
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import dada
from dada.checkpoints import cache
from dada.checkpoints.address import MIRROR, address
from dada.checkpoints.manifest import Checkpoint
from dada.checkpoints.progress import progress
from dada.errors import UserError
from dada.storage.atomic import PARTIAL, refusing_os_errors
from dada.storage.lock import locked

log = logging.getLogger(__name__)

BLOCK = 1 << 16  # bytes read at once
TIMEOUT = 30.0  # seconds that a server may be silent
ATTEMPTS = 3  # in a row that bring nothing
PAUSE = 1.0  # seconds before another attempt, twice as many before the next
BROKEN = (urllib.error.URLError, http.client.HTTPException, ConnectionError, TimeoutError)
TEMPORARY = (408, 425, 429, 500, 502, 503, 504)  # states of a server that may pass


def fetch(checkpoint: Checkpoint) -> Path:
    """Fetch a checkpoint into the cache; return its path. What arrived of an earlier try is kept and used.

    Processes that want the same file at once share one fetch. Raise UserError for an address that gives
    nothing, a full disk and a cache that cannot be written, DataError for another file than the published
    one, which is removed.
    """
    target = cache.place(checkpoint)
    with refusing_os_errors(target.parent), locked(target.with_name(f".{target.name}.lock"), target):
        ready = cache.verified(checkpoint)
        if ready:  # another process fetched it meanwhile
            return ready
        partial = target.with_name(f".{target.name}{PARTIAL}")
        _receive(checkpoint, partial)
        cache.verify(checkpoint, partial)
        cache.record(checkpoint, partial)
        partial.replace(target)
    return target


def _receive(checkpoint: Checkpoint, partial: Path) -> None:
    """Bring the partial file to the length of the checkpoint, or where it is not known to the server's."""
    url, failed, total = address(checkpoint), 0, checkpoint.bytes
    _require_space(checkpoint, partial)
    with progress(checkpoint.name, total) as advance:
        while not total or _size(partial) < total or not partial.exists():
            before = _size(partial)
            try:
                total = _request(url, partial, total, advance)
                problem = f"the connection ended after {_size(partial):,} of {total:,} bytes"
            except urllib.error.HTTPError as error:
                problem = f"the server answers {error.code} {error.reason}"
                if error.code not in TEMPORARY:
                    raise UserError(_failure(checkpoint, url, problem)) from error
            except BROKEN as error:
                problem = str(getattr(error, "reason", error)) or type(error).__name__
            failed = 0 if _size(partial) > before else failed + 1
            if failed == ATTEMPTS:
                raise UserError(_failure(checkpoint, url, problem))
            if not total or _size(partial) < total:
                log.info("%s: %s; trying again", checkpoint.name, problem)
                time.sleep(PAUSE * failed)


def _request(url: str, partial: Path, size: int, advance: Callable[[int], None]) -> int:
    """Ask for the part that is missing, and append what comes, up to one byte more than `size`. Return the
    size: for 0 that which the server states, and without one what has come.
    """
    have = _size(partial)
    headers = {"User-Agent": f"dada/{dada.__version__}"} | ({"Range": f"bytes={have}-"} if have else {})
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=TIMEOUT) as answer:
        goes_on = have > 0 and _starts_at(answer, have)
        have = have if goes_on else 0
        stated = answer.headers.get("Content-Length") or ""
        size = size or (have + int(stated) if stated.isdecimal() else 0)
        advance(have)
        with open(partial, "ab" if goes_on else "wb") as file:
            while (not size or have <= size) and (block := answer.read(BLOCK)):
                file.write(block[: size + 1 - have] if size else block)
                have += len(block)
                advance(have)
    return size or have


def _starts_at(answer: Any, have: int) -> bool:
    """Whether an answer holds the rest of the file, not all of it: servers may ignore the question."""
    return getattr(answer, "status", None) == 206 and (answer.headers.get("Content-Range") or "").startswith(
        f"bytes {have}-"
    )


def _require_space(checkpoint: Checkpoint, partial: Path) -> None:
    missing, free = checkpoint.bytes - _size(partial), shutil.disk_usage(partial.parent).free
    if missing > free:
        raise UserError(
            f"{checkpoint.name} needs {missing:,} bytes more, and the disk of {partial.parent} has {free:,} "
            f"free: free some space, or set {cache.CACHE} to another folder"
        )


def _failure(checkpoint: Checkpoint, url: str, problem: str) -> str:
    proxy = urllib.request.getproxies().get(urlsplit(url).scheme)
    by = f" through the proxy {proxy.rpartition('@')[2]}" if proxy else ""
    kept = _size(cache.place(checkpoint).with_name(f".{checkpoint.file}{PARTIAL}"))
    rest = f"The {kept:,} bytes that arrived are kept. " if kept else ""
    return (
        f"{checkpoint.name} could not be fetched from {url}{by}: {problem}. {rest}Run the same command "
        f"again, set {MIRROR} to a folder or server that has the file, or put it at {cache.place(checkpoint)}"
    )


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
