"""What all comparisons share: calls of several works in turn, medians of the processor's time, and the table.

Processor time is what other work on the machine changes little; calls alternate, so that what it does change
hits all alike.
"""

import json
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path

# The variable of the environment that names a file which every row is added to, a line of JSON each: how
# all.py collects them.
ROWS_FILE = "DADA_BENCHMARK_ROWS"
HEAD = f"{'work':40} {'reference ms':>12} {'ours ms':>9} {'ratio':>6}"


def medians(works: list[Callable[[], object]], repetitions: int, warm_up: bool = True) -> list[float]:
    """Median milliseconds of each work, called in turn, after one round that does not count."""
    times: list[list[float]] = [[] for _ in works]
    for repetition in range(repetitions + warm_up):
        for work, milliseconds in zip(works, times, strict=True):
            start = time.process_time()
            work()
            if repetition >= warm_up:
                milliseconds.append(1000 * (time.process_time() - start))
    return [statistics.median(milliseconds) for milliseconds in times]


def row(name: str, reference: float | None, ours: float, notes: str = "") -> None:
    """Print a line below HEAD: what was timed, milliseconds of the reference (or None) and of ours, how many
    times faster. Also add it to the file of ROWS_FILE where that is set.
    """
    theirs, ratio = ("-", "-") if reference is None else (f"{reference:.2f}", f"{reference / ours:.2f}")
    print(f"{name:40} {theirs:>12} {ours:9.2f} {ratio:>6}  {notes}".rstrip(), flush=True)
    if path := os.environ.get(ROWS_FILE):
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(
                json.dumps({"work": name, "reference": reference, "ours": ours, "notes": notes}) + "\n"
            )
