"""`--list` and `--dry_run`: inputs, outputs and state of the stages, and the command of each."""

import shlex
from pathlib import Path

from dada.recipe.recipe import Recipe
from dada.recipe.runner import Selection, jobs_to_run, make_ledger


def list_stages(recipe: Recipe, selection: Selection) -> str:
    """Return the stages with their jobs, inputs, outputs and states as text."""
    ledger = make_ledger(recipe)
    lines = []
    for stage in selection.stages(recipe):
        lines.append(f"{stage.number:2d} {stage.name}: {stage.summary}")
        for job in jobs_to_run(recipe, stage, ledger):
            state = ledger.state(job)
            status = (
                f"waits for {short(recipe, state.missing[0])}"
                if state.missing
                else state.reason or "up to date"
            )
            lines.append(f"     {job.name}: {status}")
            lines.append(f"       from {_paths(recipe, job.all_inputs)}")
            lines.append(f"       to   {_paths(recipe, job.outputs)}")
    return "\n".join(lines)


def dry_run(recipe: Recipe, selection: Selection, flags: list[str]) -> str:
    """Return, for each stage, the reason why it would run, and a command that runs it alone."""
    ledger = make_ledger(recipe)
    lines = []
    for stage in selection.stages(recipe):
        jobs = jobs_to_run(recipe, stage, ledger)
        todo = [reason for job in jobs if (reason := ledger.state(job).reason)]
        state = (
            f"{len(todo)} of {len(jobs)} jobs to do ({todo[0]})"
            if todo
            else "up to date"
            if jobs
            else "nothing to do in this recipe"
        )
        lines.append(f"# stage {stage.number} {stage.name}: {state}")
        lines.append(
            shlex.join(
                [
                    "python",
                    "-m",
                    stage.module.__name__,
                    "--recipe",
                    str(recipe.root),
                    *flags,
                    *recipe.overrides,
                ]
            )
        )
    return "\n".join(lines)


def short(recipe: Recipe, path: Path) -> str:
    """Return a path relative to the recipe's folder where it is below it."""
    return str(path.relative_to(recipe.root)) if path.is_relative_to(recipe.root) else str(path)


def _paths(recipe: Recipe, paths: tuple[Path, ...]) -> str:
    names = [short(recipe, path) for path in paths[:4]]
    return ", ".join(names) + (f", … {len(paths) - 4} more" if len(paths) > 4 else "") or "the corpus"
