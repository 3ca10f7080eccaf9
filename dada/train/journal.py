"""Records of a training: log lines, log.csv, TensorBoard, and progress on a terminal or in the log."""

import csv
import io
import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dada.storage.atomic import write_text

COLUMNS = (
    "phase",
    "loss",
    "epoch",
    "lr",
    "train_loss",
    "dev_loss",
    "metric",
    "dev_metric",
    "margin",
    "beta",
    "utts_per_second",
    "seconds",
)
LINE_SECONDS = 30  # between two lines of progress without a terminal

log = logging.getLogger(__name__)


class Journal:
    """log.csv and TensorBoard of a run.

    The table is rewritten from all rows each time, so that a resumed run does not repeat rows.
    """

    def __init__(self, folder: Path, first_epoch: int):
        from torch.utils.tensorboard import SummaryWriter

        self.folder = Path(folder)
        self.board = SummaryWriter(str(self.folder / "tensorboard"), purge_step=first_epoch or None)

    def epoch(self, rows: list[dict[str, Any]], total_epochs: int, num_phases: int, num_epochs: int) -> None:
        """Write `rows`, and log the last of them."""
        row = rows[-1]
        text = io.StringIO()
        writer = csv.DictWriter(text, COLUMNS, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        write_text(self.folder / "log.csv", text.getvalue())
        for key in ("lr", "train_loss", "dev_loss", "margin", "beta", "utts_per_second"):
            if key in row:
                self.board.add_scalar(key, row[key], total_epochs)
        self.board.add_scalar(f"dev_{row['metric']}", row["dev_metric"], total_epochs)
        self.board.flush()
        margins = "".join(f", {key} {row[key]:.3f}" for key in ("margin", "beta") if key in row)
        log.info(
            "phase %d/%d (%s) epoch %d/%d: lr %.3g, train loss %.4f, dev loss %.4f, dev %s %.4f%s, %.0f "
            "utterances/s",
            row["phase"],
            num_phases,
            row["loss"],
            row["epoch"],
            num_epochs,
            row["lr"],
            row["train_loss"],
            row["dev_loss"],
            row["metric"],
            row["dev_metric"],
            margins,
            row["utts_per_second"],
        )

    def close(self) -> None:
        """Close the TensorBoard file."""
        self.board.close()


@contextmanager
def progress(title: str, total: int, done: int = 0) -> Iterator[Callable[[], None]]:
    """Yield a function to call after each batch.

    On a terminal it updates a bar with rate and time left, otherwise it logs a line from time to time.
    """
    if sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (
            "{task.description}",
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task(title, total=total, completed=done, rate="")
            start = time.monotonic()
            count = iter(range(1, total + 1))
            yield lambda: bar.update(
                task, advance=1, rate=f"{next(count) / max(time.monotonic() - start, 1e-6):.1f} batches/s"
            )
    else:
        yield _Lines(title, total, done)


class _Lines:
    """Progress as log lines."""

    def __init__(self, title: str, total: int, done: int):
        self.title, self.total, self.done, self.first = title, total, done, done
        self.start = self.last = time.monotonic()

    def __call__(self) -> None:
        self.done += 1
        now = time.monotonic()
        if now - self.last > LINE_SECONDS:
            self.last = now
            rate = (self.done - self.first) / (now - self.start)
            log.info(
                "%s: %d of %d batches, %.1f/s, %.0f s left",
                self.title,
                self.done,
                self.total,
                rate,
                (self.total - self.done) / rate,
            )
