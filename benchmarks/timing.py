"""What all comparisons share: calls of several works in turn, medians of the processor's time, and the table.

Processor time is what other work on the machine changes little; calls alternate, so that what it does change hits all alike.
"""

import argparse
import statistics
import time
from collections.abc import Callable

HEAD = f"{'work':38} {'reference ms':>12} {'ours ms':>9} {'ratio':>6}"


def medians(works: list[Callable[[], object]], repetitions: int, clock: Callable[[], float] = time.process_time) -> list[float]:
    """Median milliseconds of each work, called in turn, after one round that warms up."""
    times: list[list[float]] = [[] for _ in works]
    for repetition in range(repetitions + 1):
        for work, milliseconds in zip(works, times, strict=True):
            start = clock()
            work()
            if repetition:
                milliseconds.append(1000 * (clock() - start))
    return [statistics.median(milliseconds) for milliseconds in times]


def row(name: str, reference: float, ours: float, notes: str = "") -> None:
    """Print one line below HEAD: what was timed, milliseconds of the reference and of ours, how many times faster ours is."""
    print(f"{name:38} {reference:12.3g} {ours:9.3g} {reference / ours:6.2f}  {notes}".rstrip(), flush=True)


def arguments(description: str, **defaults: int) -> argparse.ArgumentParser:
    """A parser with `--threads 1` and an integer option for each default, e.g. `repetitions=5`."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in {**defaults, "threads": 1}.items():
        parser.add_argument(f"--{name}", type=int, default=default, help=f"default {default}")
    return parser
