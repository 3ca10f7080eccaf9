"""Run stages: jobs that are up to date are skipped, the others run, and the log gives the reasons."""

import concurrent.futures
import contextlib
import logging
import shlex
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from dada.errors import ConfigError, DadaError, DataError, UserError
from dada.recipe import catalog
from dada.recipe.applicable import how_to_get_weights
from dada.recipe.failures import Failures
from dada.recipe.foreign_systems import is_foreign
from dada.recipe.job import Job
from dada.recipe.launch import Submit, executor
from dada.recipe.memory import most_processes
from dada.recipe.plan_check import check_plan
from dada.recipe.recipe import Recipe
from dada.recipe.stamps import Ledger, State, plain, read_stamp, slug, stamp_path, started_path, write_stamp
from dada.recipe.tasks import Task, finish, is_distributed, on_gpu, one_thread, parts_dir, run_task
from dada.storage.atomic import refusing_os_errors, remove_stale

TAIL_LINES = 15  # of a failed log, shown with the error
log = logging.getLogger("dada")


@dataclass(frozen=True)
class Selection:
    """The stages to run, by the numbers of the first and the last."""

    first: int
    last: int

    def stages(self, recipe: Recipe) -> list[catalog.StageEntry]:
        """The stages in range that apply to the recipe. The log names the others.

        Raise ConfigError where the settings name a stage that does not exist.
        """
        for name in (*recipe.config.stages, *recipe.config.slurm.stages):
            catalog.find(name)
        applicable = []
        for stage in catalog.stages():
            if not self.first <= stage.number <= self.last:
                continue
            if not stage.applies_to(recipe):
                why = "" if recipe.corpus.audio else ", which has no audio"
                log.info(
                    "stage %d %s: does not apply to %s%s",
                    stage.number,
                    stage.name,
                    recipe.root.resolve().name,
                    why,
                )
            else:
                applicable.append(stage)
        return applicable


def run_recipe(recipe: Recipe, selection: Selection) -> None:
    """Run the selected stages in order. Jobs that do not depend on a failed one go on.

    Raise DadaError at the end where jobs failed.
    """
    start = time.monotonic()
    ledger = make_ledger(recipe)
    check_plan(recipe, catalog.stages(), ledger.jobs)
    failures = Failures(ledger)
    with executor(recipe) as submit:
        for stage in selection.stages(recipe):
            run_stage(recipe, stage, ledger, submit, failures)
    failures.raise_any()
    log.info("all done in %.0f s", time.monotonic() - start)


def make_ledger(recipe: Recipe) -> Ledger:
    """Return the jobs of all stages and systems, selected or not, so that the maker of every input is
    known.
    """
    return Ledger([job for stage in catalog.stages() for job in stage.plan(recipe)])


def jobs_to_run(recipe: Recipe, stage: catalog.StageEntry, ledger: Ledger) -> list[Job]:
    """Return the jobs of a stage that serve the requested systems."""
    selected = set(recipe.requested)
    return [
        job
        for job in ledger.jobs
        if job.stage == stage.name and (not job.systems or selected.intersection(job.systems))
    ]


def run_stage(
    recipe: Recipe, stage: catalog.StageEntry, ledger: Ledger, submit: Submit, failures: Failures
) -> None:
    """Run the jobs of a stage that are not up to date, in waves where a job reads outputs of the same
    stage.
    """
    jobs = jobs_to_run(recipe, stage, ledger)
    title = f"stage {stage.number} {stage.name}"
    if not jobs:
        log.info("%s: nothing to do in this recipe", title)
        return
    for name in sorted({name for job in jobs for name in job.systems} & set(recipe.requested)):
        if is_foreign(name):
            recipe.origin(name).require_trained()
    start = time.monotonic()
    num_run = 0
    for group in waves(jobs):
        wave = [job for job in group if not failures.leave_out(job)]
        states = {job.name: ledger.state(job, recipe.options.force) for job in wave}
        reasons = {job.name: reason for job in wave if (reason := states[job.name].reason)}
        for job in wave:
            try:
                _check(stage, job, states[job.name], ledger)
            except UserError as error:
                failures.add(job, error)
        todo = [job for job in wave if job.name in reasons and job not in failures]
        if todo:
            shown = "; ".join(sorted(set(reasons.values()))[:3])
            log.info("%s: START %d of %d jobs (%s)", title, len(todo), len(jobs), shown)
            _run_wave(recipe, stage, todo, states, ledger, submit, failures)
            num_run += sum(job not in failures for job in todo)
    if num_run:
        log.info("%s: DONE %d jobs in %.1f s", title, num_run, time.monotonic() - start)
    elif not any(job in failures for job in jobs):
        log.info("%s: SKIP, up to date (%d jobs, settings and inputs unchanged)", title, len(jobs))


def waves(jobs: list[Job]) -> list[list[Job]]:
    """Return the jobs in groups. A group reads, or may reuse, outputs of earlier groups only."""
    maker = {output: job.name for job in jobs for output in job.outputs}
    wanted: dict[str, tuple[Path, ...]] = {}
    for job in jobs:
        # Only jobs that were planned before this one, so that there are no circles.
        reusable = (output for other in job.after if other.name in wanted for output in other.outputs)
        wanted[job.name] = (*job.inputs, *job.optional_inputs, *reusable)
    done: set[str] = set()
    rest, groups = list(jobs), []
    while rest:
        ready = [
            j
            for j in rest
            if all(maker[p] in done or maker[p] == j.name for p in wanted[j.name] if p in maker)
        ]
        if not ready:
            raise RuntimeError(f"jobs wait for each other: {', '.join(job.name for job in rest)}")
        groups.append(ready)
        done.update(job.name for job in ready)
        rest = [job for job in rest if job.name not in done]
    return groups


def _check(stage: catalog.StageEntry, job: Job, state: State, ledger: Ledger) -> None:
    """Raise DataError for a missing input and ConfigError for an experiment with other settings."""
    if state.missing:
        path = state.missing[0]
        maker = ledger.maker_of(path)
        advice = (
            f"stage {catalog.find(maker.stage).number} {maker.stage} writes it"
            if maker
            else _advice(job, path)
        )
        raise DataError(f"stage {stage.name}, {job.name}: {path} does not exist: {advice}")
    if state.other_settings:
        raise ConfigError(
            f"{job.home} holds an experiment with other settings: {', '.join(state.other_settings)}. "
            "Use another folder with --exp NAME, or replace it with --force"
        )
    for maker in ledger.stale_inputs(job):
        log.warning(
            "%s: %s is not up to date with its settings; stage %s would run it again",
            job.name,
            maker.name,
            maker.stage,
        )


def _advice(job: Job, path: Path) -> str:
    """Return how to get an input that no stage of this recipe writes: another recipe may write it."""
    other = next((folder for folder in path.parents if (folder / "recipe.yaml").is_file()), None)
    if other is None or other in job.home.parents:
        return f"no stage writes it: check the configuration; of weights, {how_to_get_weights(path.name)}"
    command = f"{other.resolve() / 'run.sh'}"
    folder = path.relative_to(other).parts
    if folder[0].startswith("exp") and len(folder) > 2:  # exp/<system>/…
        command += f" --system {folder[1]}" + ("" if folder[0] == "exp" else f" --exp {folder[0]}")
    elif folder[0] == "dump":  # its features have other settings, or were not computed
        command += f" --stage 4 --stop_stage 4 --system {job.systems[0]}"
    else:
        command += " --stop_stage 3"
    return (
        f"it belongs to the recipe {other.resolve().name}: run `{command}` first, or leave it out of this one"
    )


def _run_wave(
    recipe: Recipe,
    stage: catalog.StageEntry,
    jobs: list[Job],
    states: dict[str, State],
    ledger: Ledger,
    submit: Submit,
    failures: Failures,
) -> None:
    tasks: list[Task] = []
    parts: dict[str, list[Path]] = {}  # job -> its shards
    left: dict[str, int] = {}  # job -> its shards that are not finished
    spent: dict[str, float] = {}

    def on_done(job: Job, seconds: float) -> None:
        spent[job.name] = spent.get(job.name, 0.0) + seconds
        left[job.name] -= 1
        if left[job.name] == 0:
            complete(job)

    def complete(job: Job) -> None:
        """Join the shards of a job, and stamp it."""
        start = time.monotonic()
        with _failing(stage, job, failures):
            if job.name in parts:
                one_thread()
                stage.module.merge(recipe.under(job.protocol), job, parts[job.name])
            seconds = spent.get(job.name, 0.0) + time.monotonic() - start
            finish(job, ledger, seconds, command_line())
            shutil.rmtree(parts_dir(job, states[job.name].digest), ignore_errors=True)

    for job in jobs:
        with _failing(stage, job, failures):
            _begin(job, states[job.name], recipe.options.force, ledger)
            made = _tasks(recipe, stage, job, states[job.name])
            if stage.cuts(job):
                parts[job.name] = [task.part for task in made if task.part is not None]
            todo = [task for task in made if task.part is None or not task.part.exists()]
            left[job.name] = len(todo)
            tasks += todo
    for job in jobs:
        if left.get(job.name) == 0:
            complete(job)
    _run_tasks(tasks, stage, submit, on_done, failures, _at_once(recipe, stage, tasks))


def _at_once(recipe: Recipe, stage: catalog.StageEntry, tasks: list[Task]) -> int | None:
    """Return how many of some tasks may run at once; None where a cluster or the number of GPUs decides."""
    if recipe.options.cmd != "local" or not tasks or on_gpu(tasks[0]):
        return None
    if is_distributed(tasks[0]):
        return 1
    jobs = {task.job.name: task.job for task in tasks}
    return most_processes(recipe, stage, list(jobs.values()))


@contextlib.contextmanager
def _failing(stage: catalog.StageEntry, job: Job, failures: Failures) -> Iterator[None]:
    """Record the failure of a job outside its tasks: of its preparation, its merge or its stamp."""
    try:
        with refusing_os_errors(job.home):
            yield
    except UserError as error:
        failures.add(job, type(error)(f"stage {stage.name}, {job.name}: {error}"))


def _begin(job: Job, state: State, force: bool, ledger: Ledger) -> None:
    """Mark a job as started. Remove first what belongs to another digest, and with --force everything."""
    made_before = ledger.made_before(job, state.digest)
    for folder in {
        job.home,
        job.home.parent,
        started_path(job).parent,
        *(output.parent for output in job.outputs),
    }:
        remove_stale(folder)
    before = read_stamp(started_path(job))
    if job.keep and job.home.exists() and (force or before is None or before["digest"] != state.digest):
        shutil.rmtree(job.home)
    if force:
        shutil.rmtree(parts_dir(job, state.digest), ignore_errors=True)
        stamp_path(job).unlink(missing_ok=True)
    started = {"digest": state.digest, "settings": plain(job.settings)}
    write_stamp(started_path(job), started | ({"before": made_before} if made_before else {}))


def _tasks(recipe: Recipe, stage: catalog.StageEntry, job: Job, state: State) -> list[Task]:
    """Return one task, or a task for each shard, finished or not."""
    logs = recipe.exp_root / "log" / stage.name
    if not stage.cuts(job):
        return [Task(recipe, stage.name, job, logs / f"{slug(job.name)}.log")]
    folder = parts_dir(job, state.digest)
    return [
        Task(
            recipe,
            stage.name,
            job,
            logs / f"{slug(job.name)}.{i:04d}.log",
            i,
            tuple(keys),
            folder / f"part.{i:04d}",
        )
        for i, keys in enumerate(stage.module.shards(recipe.under(job.protocol), job))
    ]


def _run_tasks(
    tasks: list[Task],
    stage: catalog.StageEntry,
    submit: Submit,
    on_done: Callable[[Job, float], None],
    failures: Failures,
    at_once: int | None,
) -> None:
    """Run tasks, log their progress, and call `on_done` with the job and the seconds of each that succeeds.

    At most `at_once` are submitted and not finished. Raise what ends the whole run: an interruption, or the
    death of the worker processes.
    """
    waiting: dict[concurrent.futures.Future, Task] = {}
    num_done, start = 0, time.monotonic()

    def settle(future: concurrent.futures.Future, task: Task) -> None:
        nonlocal num_done
        num_done += 1
        if (error := future.exception()) is not None:
            failure = _failure(stage, task, error)
            if isinstance(error, concurrent.futures.BrokenExecutor):
                for other in waiting:
                    other.cancel()
                raise failure
            failures.add(task.job, failure)
            return
        spent = future.result()
        left = (time.monotonic() - start) / num_done * (len(tasks) - num_done)
        log.info(
            "  %s: %s done in %.1f s (%d of %d, about %.0f s left)",
            stage.name,
            task.label,
            spent,
            num_done,
            len(tasks),
            left,
        )
        on_done(task.job, spent)

    def settle_finished() -> None:
        for future in concurrent.futures.wait(waiting, return_when=concurrent.futures.FIRST_COMPLETED).done:
            settle(future, waiting.pop(future))

    for task in tasks:
        while at_once is not None and len(waiting) >= at_once:
            settle_finished()
        try:
            future = submit(run_task, task)
        except concurrent.futures.BrokenExecutor as error:
            raise _failure(stage, task, error) from error
        if future.done():  # it ran in this process: write its stamp before the next task starts
            settle(future, task)
        else:
            waiting[future] = task
    while waiting:
        settle_finished()


def _failure(stage: catalog.StageEntry, task: Task, error: BaseException) -> DadaError:
    """Return the error of a task with its stage and job, and with the end of the log for a fault of the
    program.
    """
    if isinstance(error, UserError):
        return type(error)(f"stage {stage.name}, {task.label}: {error}")
    if isinstance(error, KeyboardInterrupt):
        raise error
    what = f"stage {stage.name}, {task.label} failed: {type(error).__name__}: {error}"
    return DadaError(f"{what}\nlast lines of {task.log}:\n{_tail(task.log)}")


def _tail(path: Path) -> str:
    try:
        lines: Iterable[str] = path.read_text(encoding="utf-8", errors="replace").splitlines()[-TAIL_LINES:]
    except OSError as error:
        lines = [f"(no log: {error})"]
    return "\n".join(f"  | {line}" for line in lines)


def command_line() -> str:
    """Return the command of this process for a shell."""
    return shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])
