"""Local processes: those of `--nj`, and one for each GPU of `--ngpu`."""

import concurrent.futures
import multiprocessing
import os
import threading
import time
from collections.abc import Callable
from typing import Any

from dada import devices
from dada.program import show_warnings
from dada.recipe.options import Options
from dada.recipe.tasks import Task, on_gpu


class Pools:
    """`submit` as in concurrent.futures, and `close`.

    Processes are spawned when they are needed and serve all stages, since starting Python and torch takes
    seconds.
    """

    def __init__(self, options: Options):
        self.options = options
        self.pools: dict[bool, concurrent.futures.ProcessPoolExecutor] = {}

    def submit(self, function: Callable, task: Task) -> concurrent.futures.Future:
        """Return a future of function(task); a task that computes on a GPU has one for itself."""
        gpu = on_gpu(task)
        if gpu not in self.pools:
            self.pools[gpu] = _pool(self.options.ngpu if gpu else self.options.nj, gpu)
        return self.pools[gpu].submit(function, task)

    def close(self) -> None:
        """End the processes, without the tasks that have not begun."""
        for pool in self.pools.values():
            pool.shutdown(wait=True, cancel_futures=True)


def _pool(size: int, gpu: bool) -> concurrent.futures.ProcessPoolExecutor:
    context = multiprocessing.get_context("spawn")
    slots: Any = None
    if gpu:
        slots = context.SimpleQueue()
        for number in range(size):
            slots.put((number, size))
    return concurrent.futures.ProcessPoolExecutor(
        size, mp_context=context, initializer=_begin, initargs=(os.getpid(), slots)
    )


def _take_cores(number: int, size: int) -> None:
    """Use an equal share of the cores, so that the loader processes of all GPUs have one each."""
    if hasattr(os, "sched_getaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, cores[number::size] or cores)


def _begin(parent: int, slots: Any) -> None:
    """Show warnings, take a GPU, and end this process with its parent: workers of a killed run must not write
    beside the next run.
    """
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = "1"
    if slots is not None:
        number, size = slots.get()
        devices.assign_gpu(number)
        _take_cores(number, size)
    show_warnings()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
