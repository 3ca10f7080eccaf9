"""Tasks as jobs of a Slurm cluster, through submitit: `--cmd slurm` on a login node, `--nj` of them at once.

All nodes must see Python, the recipe and the corpus under the same paths. The recipe's local.yaml holds the
options of sbatch by their long names:

    slurm:
      options: {partition: cpu, time: "4:00:00", mem: 8G}
      gpu: {partition: gpu}
      stages: {train_audio: {time: "2-00:00:00"}}
"""

import concurrent.futures
import contextlib
import logging
import shutil
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dada.errors import ConfigError, DadaError
from dada.recipe import catalog
from dada.recipe.recipe import Recipe
from dada.recipe.tasks import Task

POLL = 1.0  # seconds between two queries of the jobs
log = logging.getLogger(__name__)


@dataclass
class _Waiting:
    """A task in the queue, or with its job of submitit."""

    future: concurrent.futures.Future
    function: Callable
    task: Task
    job: Any = None


class Slurm:
    """`submit` as in concurrent.futures, and `close`, which cancels the running jobs.

    One thread calls Slurm.
    """

    def __init__(self, recipe: Recipe):
        if shutil.which("sbatch") is None or shutil.which("srun") is None:
            raise ConfigError(
                "--cmd slurm finds no sbatch and srun: call it on a node of the cluster that may submit jobs"
            )
        self.recipe, self.folder = recipe, recipe.exp_root / "log" / "slurm"
        self.queue: list[_Waiting] = []
        self.running: list[_Waiting] = []
        self.changed, self.stopped = threading.Lock(), threading.Event()
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def submit(self, function: Callable, task: Task) -> concurrent.futures.Future:
        """Return a future of function(task), which runs on another node when fewer than `--nj` jobs run."""
        waiting = _Waiting(concurrent.futures.Future(), function, task)
        with self.changed:
            self.queue.append(waiting)
        return waiting.future

    def close(self) -> None:
        """Cancel the jobs that have not ended."""
        self.stopped.set()
        self.thread.join()
        for waiting in self.running:
            log.info("cancelling job %s, %s", waiting.job.job_id, waiting.task.label)
            waiting.job.cancel(check=False)

    def _serve(self) -> None:
        while not self.stopped.wait(POLL):
            for waiting in list(self.running):
                try:
                    self._settle(waiting)
                except Exception as error:  # e.g. a full disk: the caller of `result` gets the error
                    self.running.remove(waiting)
                    waiting.future.set_exception(error)
            while len(self.running) < self.recipe.options.nj and (queued := self._next()):
                if queued.future.set_running_or_notify_cancel():
                    self._start(queued)

    def _next(self) -> _Waiting | None:
        with self.changed:
            return self.queue.pop(0) if self.queue and not self.stopped.is_set() else None

    def _start(self, waiting: _Waiting) -> None:
        import submitit

        task = waiting.task
        try:
            executor = submitit.SlurmExecutor(self.folder)
            executor.update_parameters(
                job_name=f"{task.stage}-{task.label}".replace(" ", "_"),
                stderr_to_stdout=True,
                additional_parameters=options(self.recipe, task.stage),
            )
            waiting.job = executor.submit(outcome, waiting.function, task)
        except Exception as error:  # any error of sbatch or submitit concerns this task only
            advice = f"correct slurm in {self.recipe.root / 'local.yaml'}"
            waiting.future.set_exception(
                ConfigError(f"sbatch did not take the job of {task.label}: {str(error).strip()}: {advice}")
            )
            return
        log.info("  %s: %s is job %s", task.stage, task.label, waiting.job.job_id)
        self.running.append(waiting)

    def _settle(self, waiting: _Waiting) -> None:
        """Set the result of the future where the job has ended."""
        if not waiting.job.done():
            return
        try:
            value, error = waiting.job.result()
        # the job was killed or cancelled, or its node failed: the message of submitit ends with its output
        except Exception as lost:
            value, error = None, DadaError(f"job {waiting.job.job_id} ended without a result")
            waiting.task.log.parent.mkdir(parents=True, exist_ok=True)
            with open(waiting.task.log, "a", encoding="utf-8") as file:
                file.write(f"{lost}\n")
        else:
            _tidy(waiting.job)
        _refresh(waiting.task)
        self.running.remove(waiting)
        waiting.future.set_result(value) if error is None else waiting.future.set_exception(error)


def options(recipe: Recipe, stage: str) -> dict[str, str]:
    """Return the options of sbatch for a stage: those of all stages, of GPU jobs, and of the stage itself."""
    config, entry = recipe.config.slurm, catalog.find(stage)
    chosen = {**config.options}
    if recipe.options.ngpu and entry.uses_gpu:
        chosen |= {"gres": f"gpu:{recipe.options.ngpu if entry.distributed else 1}", **config.gpu}
    return chosen | config.stages.get(stage, {})


def outcome(function: Callable, task: Task) -> tuple[float | None, Exception | None]:
    """Run a task in the job.

    Return its seconds or its error; of a raised error submitit keeps only the text.
    """
    try:
        return function(task), None
    except Exception as error:
        return None, error


def _tidy(job: Any) -> None:
    """Remove the files of a successful job, and the links to them, except the log of its task."""
    for path in job.paths.folder.glob(f"{job.job_id}_*"):
        path.unlink(missing_ok=True)
    for path in job.paths.folder.glob(".submission_file_*"):
        if not path.exists():
            path.unlink(missing_ok=True)


def _refresh(task: Task) -> None:
    """List the folders of a task's outputs: a network file system may keep an earlier listing otherwise."""
    for folder in {path.parent for path in (*task.job.outputs, *filter(None, [task.part]))}:
        with contextlib.suppress(OSError):
            list(folder.iterdir())
