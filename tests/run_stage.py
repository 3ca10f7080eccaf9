"""Jobs of a stage, run in this process without the runner."""

from types import ModuleType

from dada.recipe.catalog import find
from dada.recipe.job import Job
from dada.recipe.recipe import Recipe


def run_job(stage: ModuleType, recipe: Recipe, job: Job) -> None:
    """Run a whole job, or all its shards and their merge."""
    if not find(job.stage).cuts(job):
        stage.run(recipe, job)
        return
    parts = []
    for i, keys in enumerate(stage.shards(recipe, job)):
        parts.append(job.home / ".parts" / f"part.{i:04d}")
        stage.run_shard(recipe, job, list(keys), parts[-1])
    stage.merge(recipe, job, parts)
