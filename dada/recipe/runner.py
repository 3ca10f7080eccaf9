"""Run stages: jobs that are up to date are skipped, the others run, and the log gives the reasons."""

import concurrent.futures
import logging
import shlex
import shutil
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from dada.errors import ConfigError, DadaError, DataError, UserError
from dada.recipe import catalog
from dada.recipe.foreign_systems import is_foreign
from dada.recipe.job import Job
from dada.recipe.launch import Submit, executor
from dada.recipe.recipe import Recipe
from dada.recipe.stamps import Ledger, State, plain, read_stamp, slug, stamp_path, started_path, write_stamp
from dada.recipe.tasks import Task, finish, parts_dir, run_task
from dada.storage.atomic import remove_stale

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
    """Run the selected stages in order. Raise UserError or DadaError at the first stage that fails."""
    start = time.monotonic()
    ledger = make_ledger(recipe)
    with executor(recipe) as submit:
        for stage in selection.stages(recipe):
            run_stage(recipe, stage, ledger, submit)
    log.info("all done in %.0f s", time.monotonic() - start)


def make_ledger(recipe: Recipe) -> Ledger:
    """Return the jobs of all stages and systems, selected or not, so that the maker of every input is known."""
    return Ledger([job for stage in catalog.stages() for job in stage.plan(recipe)])


def jobs_to_run(recipe: Recipe, stage: catalog.StageEntry, ledger: Ledger) -> list[Job]:
    """Return the jobs of a stage that serve the requested systems."""
    selected = set(recipe.requested)
    return [
        job
        for job in ledger.jobs
        if job.stage == stage.name and (not job.systems or selected.intersection(job.systems))
    ]


def run_stage(recipe: Recipe, stage: catalog.StageEntry, ledger: Ledger, submit: Submit) -> None:
    """Run the jobs of a stage that are not up to date, in waves where a job reads outputs of the same stage."""
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
    for wave in waves(jobs):
        states = {job.name: ledger.state(job, recipe.options.force) for job in wave}
        reasons = {job.name: reason for job in wave if (reason := states[job.name].reason)}
        todo = [job for job in wave if job.name in reasons]
        _check(stage, wave, states, ledger)
        if todo:
            shown = "; ".join(sorted(set(reasons.values()))[:3])
            log.info("%s: START %d of %d jobs (%s)", title, len(todo), len(jobs), shown)
            _run_wave(recipe, stage, todo, states, ledger, submit)
            num_run += len(todo)
    if num_run:
        log.info("%s: DONE %d jobs in %.1f s", title, num_run, time.monotonic() - start)
    else:
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


def _check(stage: catalog.StageEntry, jobs: list[Job], states: dict[str, State], ledger: Ledger) -> None:
    """Raise DataError for missing inputs and ConfigError for experiments with other settings."""
    for job in jobs:
        state = states[job.name]
        if state.missing:
            path = state.missing[0]
            maker = ledger.maker_of(path)
            advice = (
                f"stage {catalog.find(maker.stage).number} {maker.stage} writes it"
                if maker
                else _advice(path)
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


def _advice(path: Path) -> str:
    """Return how to get an input that no stage of this recipe writes: another recipe may write it."""
    other = next((folder for folder in path.parents if (folder / "recipe.yaml").is_file()), None)
    if other is None:
        return "no stage writes it: check the configuration"
    return (
        f"it belongs to the recipe {other.resolve().name}: run {other.resolve() / 'run.sh'} "
        "--stop_stage 3 first, or leave it out of this recipe"
    )


def _run_wave(
    recipe: Recipe,
    stage: catalog.StageEntry,
    jobs: list[Job],
    states: dict[str, State],
    ledger: Ledger,
    submit: Submit,
) -> None:
    tasks: dict[str, list[Task]] = {}
    for job in jobs:
        _begin(job, states[job.name], recipe.options.force, ledger)
        tasks[job.name] = _tasks(recipe, stage, job, states[job.name])

    def on_done(job: Job, spent: float) -> None:
        if not stage.sharded:
            finish(job, ledger, spent, command_line())

    seconds = _run_tasks([task for group in tasks.values() for task in group], stage, submit, on_done)
    for job in jobs if stage.sharded else ():
        start = time.monotonic()
        folder = parts_dir(job, states[job.name].digest)
        view = recipe.under(job.protocol)
        num_parts = len(stage.module.shards(view, job))
        stage.module.merge(view, job, [folder / f"part.{i:04d}" for i in range(num_parts)])
        finish(job, ledger, seconds.get(job.name, 0.0) + time.monotonic() - start, command_line())
        shutil.rmtree(folder, ignore_errors=True)


def _begin(job: Job, state: State, force: bool, ledger: Ledger) -> None:
    """Mark a job as started. Remove first what belongs to another digest, and with --force everything."""
    made_before = ledger.made_before(job, state.digest)
    for folder in {job.home, started_path(job).parent, *(output.parent for output in job.outputs)}:
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
    """Return one task, or a task for each shard that is not finished."""
    logs = recipe.exp_root / "log" / stage.name
    if not stage.sharded:
        return [Task(recipe, stage.name, job, logs / f"{slug(job.name)}.log")]
    folder = parts_dir(job, state.digest)
    tasks = []
    for i, keys in enumerate(stage.module.shards(recipe.under(job.protocol), job)):
        part = folder / f"part.{i:04d}"
        if not part.exists():
            tasks.append(
                Task(recipe, stage.name, job, logs / f"{slug(job.name)}.{i:04d}.log", i, tuple(keys), part)
            )
    return tasks


def _run_tasks(
    tasks: list[Task], stage: catalog.StageEntry, submit: Submit, on_done: Callable[[Job, float], None]
) -> dict[str, float]:
    """Run tasks, log their progress, and return the seconds by job. Raise the first failure and cancel the rest."""
    seconds: dict[str, float] = {}
    waiting: dict[concurrent.futures.Future, Task] = {}
    num_done, start = 0, time.monotonic()

    def settle(future: concurrent.futures.Future, task: Task) -> None:
        nonlocal num_done
        if (error := future.exception()) is not None:
            for other in waiting:
                other.cancel()
            raise _failure(stage, task, error)
        spent = future.result()
        seconds[task.job.name] = seconds.get(task.job.name, 0.0) + spent
        num_done += 1
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

    for task in tasks:
        future = submit(run_task, task)
        if future.done():  # it ran in this process: write its stamp before the next task starts
            settle(future, task)
        else:
            waiting[future] = task
    for future in concurrent.futures.as_completed(waiting):
        settle(future, waiting[future])
    return seconds


def _failure(stage: catalog.StageEntry, task: Task, error: BaseException) -> DadaError:
    """Return the error of a task with its stage and job, and with the end of the log for a fault of the program."""
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
