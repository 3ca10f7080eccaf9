"""Refuse a plan that cannot be carried out: jobs whose inputs no stage of the recipe makes."""

from collections.abc import Iterable
from pathlib import Path

from dada.errors import ConfigError
from dada.recipe.catalog import StageEntry
from dada.recipe.job import Job
from dada.recipe.recipe import Recipe


def check_plan(recipe: Recipe, stages: Iterable[StageEntry], jobs: Iterable[Job]) -> None:
    """Raise ConfigError where a job of a requested system reads a file of the recipe's own folders `data`,
    `dump` or `exp` that does not exist and that no job writes.

    `stages` are all stages, `jobs` all their jobs. Files of other recipes, corpora and weights are looked for
    when a job runs.
    """
    applicable = {stage.name for stage in stages if stage.applies_to(recipe)}
    requested = set(recipe.requested)
    maker: dict[Path, Job] = {}
    for job in jobs:
        for output in job.outputs:
            if job.stage in applicable or output not in maker:
                maker[output] = job
    own = [recipe.root / "data", recipe.root / "dump", recipe.exp_root]
    problems: dict[tuple[str, str], str] = {}
    for job in jobs:
        if job.stage not in applicable or (job.systems and requested.isdisjoint(job.systems)):
            continue
        for path in job.inputs:
            places = (path, *path.parents)
            makers = [maker[place] for place in places if place in maker]
            if any(m.stage in applicable for m in makers) or path.exists():
                continue
            if any(folder in places for folder in own):
                why = makers[0].stage if makers else ""
                problems.setdefault((job.stage, why), _problem(recipe, job, path, why))
    if problems:
        raise ConfigError(*problems.values())


def _problem(recipe: Recipe, job: Job, path: Path, maker: str) -> str:
    """Return which job cannot run, and what to do."""
    named = [name for name in job.systems if name in recipe.requested]
    what = (
        f"{named[0] if named else job.name}: stage {job.stage} reads {path.relative_to(recipe.root)}, which "
    )
    if maker:
        return (
            f"{what}stage {maker} writes, and `stages` of {recipe.root / 'recipe.yaml'} leaves that stage "
            "out: add it there, or leave the system out"
        )
    return (
        f"{what}no stage writes: name the author corpora in `text.corpora` of {recipe.root / 'recipe.yaml'}, "
        "put the folder there, or leave the system out"
    )
