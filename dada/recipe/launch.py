"""Where tasks run: in this process, in local processes, or on a cluster. All have the `submit` of
concurrent.futures.
"""

import concurrent.futures
import contextlib
import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from dada.errors import ConfigError
from dada.program import show_warnings
from dada.recipe.recipe import Recipe
from dada.recipe.slurm import Slurm

COMMANDS = ("local", "slurm")
Submit = Callable[..., concurrent.futures.Future]
# By default glibc returns large blocks to the system at once and requests them again in the next step, which
# takes up to a third of a training step on a CPU. Processes read these settings at their start.
KEEP_MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(4 << 30), "MALLOC_TRIM_THRESHOLD_": str(16 << 30)}


@contextlib.contextmanager
def executor(recipe: Recipe) -> Iterator[Submit]:
    """Yield `submit(function, argument)` for the `--cmd` of a recipe.

    With `--nj 1` tasks run in this process. Several processes are spawned once and serve all stages, since
    starting Python and torch takes seconds. On a cluster every task is a job, and `--nj` of them run at once.
    """
    options = recipe.options
    if options.cmd not in COMMANDS:
        raise ConfigError(f"unknown --cmd {options.cmd!r}; known: {', '.join(COMMANDS)}")
    if options.cmd == "local" and options.nj == 1:
        yield _submit_locally
        return
    for name, value in KEEP_MEMORY.items():
        os.environ.setdefault(name, value)
    if options.cmd == "slurm":
        with contextlib.closing(Slurm(recipe)) as cluster:
            yield cluster.submit
        return
    context = multiprocessing.get_context("spawn")
    pool = concurrent.futures.ProcessPoolExecutor(
        options.nj, mp_context=context, initializer=_follow_parent, initargs=(os.getpid(),)
    )
    try:
        yield pool.submit
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _submit_locally(function: Callable, *args: Any) -> concurrent.futures.Future:
    future: concurrent.futures.Future = concurrent.futures.Future()
    try:
        future.set_result(function(*args))
    except BaseException as error:  # future.result() raises it, as with a pool
        future.set_exception(error)
    return future


def _follow_parent(parent: int) -> None:
    """Show warnings, and end this process with its parent: workers of a killed run must not write beside the
    next run.
    """
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = "1"
    show_warnings()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
