"""How far a fetch is: a bar on a terminal, else a line from time to time."""

import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

LINE_SECONDS = 10.0  # between two lines

log = logging.getLogger(__name__)


@contextmanager
def progress(title: str, total: int) -> Iterator[Callable[[int], None]]:
    """Yield a function to call with the number of bytes that are there, of `total`; 0 is not
    known.
    """
    if not sys.stderr.isatty():
        yield _Lines(title, total)
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

    columns = ("{task.description}", BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=total or None)
        yield lambda done: bar.update(task, completed=done)


class _Lines:
    """Progress as log lines."""

    def __init__(self, title: str, total: int):
        self.title, self.total = title, total
        self.first: int | None = None  # bytes that were there at the start
        self.start = self.last = time.monotonic()

    def __call__(self, done: int) -> None:
        self.first = done if self.first is None else self.first
        now = time.monotonic()
        if now - self.last > LINE_SECONDS and done > self.first:
            self.last = now
            rate = (done - self.first) / (now - self.start)
            if not self.total:
                log.info("%s: %.1f MB, %.2f MB/s", self.title, done / 1e6, rate / 1e6)
                return
            log.info(
                "%s: %.1f of %.1f MB, %.2f MB/s, %.0f s left",
                *(self.title, done / 1e6, self.total / 1e6, rate / 1e6, (self.total - done) / rate),
            )
