"""A task: one job, or one shard of a job, run in a process with a log of its own."""

import contextlib
import logging
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from dada import devices
from dada.errors import UserError
from dada.recipe.catalog import StageEntry, find
from dada.recipe.job import Job
from dada.recipe.recipe import Recipe
from dada.recipe.stamps import Ledger, plain, slug, stamp_path, write_stamp
from dada.recipe.worker import run_distributed
from dada.storage.allocator import give_back_memory, keep_memory
from dada.storage.atomic import atomic_dir, refusing_os_errors
from dada.storage.environment import stamp_facts
from dada.storage.lock import locked

LOG_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


@dataclass(frozen=True)
class Task:
    """A job, or the shard of a job with some keys, and its log.

    It can be sent to another process or machine.
    """

    recipe: Recipe
    stage: str
    job: Job
    log: Path
    shard: int | None = None
    keys: tuple[str, ...] = ()
    part: Path | None = None  # output folder of the shard; absent until the shard is finished

    @property
    def label(self) -> str:
        """Name of the task in messages."""
        return self.job.name if self.shard is None else f"{self.job.name} shard {self.shard + 1}"


def is_distributed(task: Task) -> bool:
    """Return whether a task takes all GPUs of the run, by a process for each."""
    return task.recipe.options.ngpu > 1 and task.part is None and find(task.stage).distributed


def on_gpu(task: Task) -> bool:
    """Return whether a task computes on one GPU."""
    return bool(task.recipe.options.ngpu) and find(task.stage).uses_gpu and not is_distributed(task)


def run_task(task: Task) -> float:
    """Run a task in this process and return its seconds. Errors are logged and raised.

    Raise UserError for a full disk and for a folder that cannot be written.
    """
    one_thread()
    keep_memory()
    start = time.monotonic()
    stage = find(task.stage)
    if not task.recipe.options.ngpu:
        devices.hide_gpus()
    elif on_gpu(task):
        devices.configure(task.recipe.config.devices)
    with refusing_os_errors(task.log), _logging_to(task.log, task.recipe.options.log_level):
        try:
            view = task.recipe.under(task.job.protocol)
            with refusing_os_errors(task.job.home):
                if task.part is None:
                    with locked(task.job.home / ".lock", task.job.home):
                        if is_distributed(task):
                            run_distributed(task, task.log, task.recipe.options.ngpu)
                        else:
                            stage.module.run(view, task.job)
                else:
                    _run_shard(task, view, stage)
        except UserError as error:
            logging.getLogger(__name__).error("%s: %s", task.label, error)
            raise
        except Exception:  # the log gets the traceback, the caller the error
            logging.getLogger(__name__).exception("failed: %s", task.label)
            raise
        finally:
            give_back_memory()
    return time.monotonic() - start


def _run_shard(task: Task, view: Recipe, stage: StageEntry) -> None:
    """Write the output folder of a shard, unless another process has written it meanwhile."""
    part = cast(Path, task.part)
    with locked(part.with_name(f".{part.name}") / ".lock", part):
        if not part.exists():
            with atomic_dir(part) as out:
                stage.module.run_shard(view, task.job, list(task.keys), out)


def finish(job: Job, ledger: Ledger, seconds: float, command: str) -> None:
    """Write the stamp of a job. Raise RuntimeError where an output is missing: then the stage has a fault."""
    absent = [str(path) for path in job.outputs if not path.exists()]
    if absent:
        raise RuntimeError(f"stage {job.stage} ended without an error but did not write {', '.join(absent)}")
    inputs = ledger.identities(job)
    changed = ledger.changed_content(job)
    content = {
        "digest": ledger.digest(job),
        "settings": plain(job.settings),
        "inputs": inputs,
        "seconds": round(seconds, 1),
        "files": ledger.files(job),
        "version": job.version,
    }
    content |= {"content": changed} if changed else {}
    write_stamp(stamp_path(job), {**content, **stamp_facts(command)})


def parts_dir(job: Job, job_digest: str) -> Path:
    """The folder of the finished shards of a job; jobs of other digests have other folders."""
    return job.home / ".parts" / f"{job.stage}-{slug(job.name)}-{job_digest[:8]}"


@contextlib.contextmanager
def _logging_to(path: Path, level: str) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(path, mode="a", encoding="utf-8")  # a resumed task appends
    handler.setFormatter(logging.Formatter(LOG_FORMAT))
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(level.upper())
    try:
        yield
    finally:
        root.removeHandler(handler)
        handler.close()


def one_thread() -> None:
    """Use one CPU thread.

    Sums over several threads differ in the last digits, and no result depends on --nj.
    """
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = "1"
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)
    if "threadpoolctl" in sys.modules or "numpy" in sys.modules:
        import threadpoolctl

        threadpoolctl.threadpool_limits(1)
