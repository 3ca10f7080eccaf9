"""Answers on their way out: as text, JSON lines, a table, and a CSV file; and the progress at a terminal."""

import csv
import io
import json
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Literal

from dada.detect.panel import Answer
from dada.detect.times import clock
from dada.detect.verdict import VERSION, Verdict
from dada.detect.words import agreement_line, readable, summary, table_header, table_row
from dada.storage.atomic import write_text

Kind = Literal["text", "json", "table"]
COLUMNS = (
    *("file", "system", "seed", "weights", "answer", "score", "llr", "probability_bonafide", "seconds"),
    *("speech_seconds", "worst_start", "worst_score", "checks", "speaker", "transcript", "decision"),
    *("sentence", "error"),
)


class Printer:
    """Prints answers one after the other, and keeps what the end needs."""

    def __init__(self, kind: Kind, total: int, keep_rows: bool):
        self.kind, self.total, self.keep_rows = kind, total, keep_rows
        self.counts: list[Verdict] = []  # without their windows
        self.unread = 0
        self.rows: list[dict[str, object]] = []
        self.progress = Progress(total)

    def print(self, answer: Answer) -> None:
        """Print an answer on stdout; one without a verdict on stderr, and as JSON on stdout as well."""
        self.progress.clear()
        if answer.error:
            self._print_error(answer)
        for verdict in answer.verdicts:
            self._print_verdict(verdict)
        if self.kind == "text" and answer.verdicts and (line := agreement_line(answer.verdicts[0].agreement)):
            print(line)
        sys.stdout.flush()
        self.progress.step()

    def _print_error(self, answer: Answer) -> None:
        self.unread += 1
        if self.kind == "json":
            print(json.dumps({"version": VERSION, "file": answer.request.path, "error": answer.error}))
        if self.total > 1:
            print(f"dada detect: error: {answer.error}", file=sys.stderr)
        if self.keep_rows:
            self.rows.append({"file": answer.request.path, "error": answer.error})

    def _print_verdict(self, verdict: Verdict) -> None:
        if self.kind == "json":
            print(json.dumps(asdict(verdict), allow_nan=False))
        elif self.kind == "table":
            if not self.counts:
                print(table_header())
            print(table_row(verdict))
        else:
            print(readable(verdict))
        if self.keep_rows:
            self.rows.append(row_of(verdict))
        verdict.windows = []  # a million files leave no timelines behind
        self.counts.append(verdict)

    def finish(self) -> None:
        """Print the answers in all, of several files, and end the line of progress."""
        self.progress.clear()
        if self.total > 1 and self.kind != "json":
            print(summary(self.counts, self.unread))
            sys.stdout.flush()

    def write_csv(self, path: Path) -> None:
        """Write all rows as CSV."""
        text = io.StringIO()
        writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        write_text(path, text.getvalue())


def row_of(verdict: Verdict) -> dict[str, object]:
    """Return a verdict as a row of the CSV."""
    values = {name: getattr(verdict, name) for name in COLUMNS if hasattr(verdict, name)}
    worst = verdict.worst
    return values | {
        "checks": " ".join(f"{check['name']}:{check['level']}" for check in verdict.checks),
        "worst_start": None if worst is None else worst.start,
        "worst_score": None if worst is None else worst.score,
    }


class Progress:
    """The number of files done, their rate and the time left, in one line of a terminal; else nothing."""

    def __init__(self, total: int):
        self.total, self.done, self.begin = total, 0, time.monotonic()
        self.shown = total > 1 and sys.stderr.isatty()

    def step(self) -> None:
        """Count a file, and show the line."""
        self.done += 1
        if not self.shown:
            return
        rate = self.done / max(time.monotonic() - self.begin, 1e-9)
        left = clock((self.total - self.done) / rate)
        line = f"{self.done} of {self.total} files, {rate:.1f} a second, {left} left"
        print(f"\r{line}\x1b[K", end="", file=sys.stderr, flush=True)

    def clear(self) -> None:
        """Remove the line, so that other text can be printed."""
        if self.shown and self.done:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
