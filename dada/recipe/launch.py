"""Where tasks run: in this process, in local processes, or on a cluster. All have the `submit` of
concurrent.futures.
"""

import concurrent.futures
import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from dada import devices
from dada.errors import ConfigError
from dada.recipe.pools import Pools
from dada.recipe.recipe import Recipe
from dada.recipe.slurm import Slurm

COMMANDS = ("local", "slurm")
Submit = Callable[..., concurrent.futures.Future]


@contextlib.contextmanager
def executor(recipe: Recipe) -> Iterator[Submit]:
    """Yield `submit(function, argument)` for the `--cmd` of a recipe.

    With `--nj 1` tasks run in this process, unless there are several GPUs to serve. On a cluster every task
    is a job, and `--nj` of them run at once.
    """
    options = recipe.options
    if options.cmd not in COMMANDS:
        raise ConfigError(f"unknown --cmd {options.cmd!r}; known: {', '.join(COMMANDS)}")
    if options.cmd == "slurm":
        with contextlib.closing(Slurm(recipe)) as cluster:
            yield cluster.submit
        return
    devices.require_gpus(options.ngpu)
    if options.nj == 1 and options.ngpu <= 1:
        yield _submit_locally
        return
    with contextlib.closing(Pools(options)) as pools:
        yield pools.submit


def _submit_locally(function: Callable, *args: Any) -> concurrent.futures.Future:
    future: concurrent.futures.Future = concurrent.futures.Future()
    try:
        future.set_result(function(*args))
    except BaseException as error:  # future.result() raises it, as with a pool
        future.set_exception(error)
    return future
