"""The numbered stages: the files of dada/stages."""

import importlib
import pkgutil
import re
from dataclasses import dataclass, replace
from types import ModuleType

from dada.errors import ConfigError
from dada.plugins import nearest
from dada.recipe.job import Job
from dada.recipe.recipe import Recipe

PACKAGE = "dada.stages"


@dataclass(frozen=True)
class StageEntry:
    """Number and name of a stage, from the name of its file."""

    number: int
    name: str

    @property
    def module(self) -> ModuleType:
        """The module of the stage, imported on first use."""
        return importlib.import_module(f"{PACKAGE}.s{self.number:02d}_{self.name}")

    @property
    def summary(self) -> str:
        """First line of the stage's docstring."""
        return (self.module.__doc__ or "").strip().splitlines()[0]

    def cuts(self, job: Job) -> bool:
        """Whether a job is cut into shards: of a stage with `shards` all, or those of the kinds SHARDED."""
        return hasattr(self.module, "shards") and job.kind in getattr(self.module, "SHARDED", (job.kind,))

    @property
    def uses_gpu(self) -> bool:
        """Whether its jobs compute on a GPU where they have one."""
        return getattr(self.module, "USES_GPU", False)

    @property
    def distributed(self) -> bool:
        """Whether one of its jobs can use several GPUs."""
        return getattr(self.module, "DISTRIBUTED", False)

    def applies_to(self, recipe: Recipe) -> bool:
        """Whether the stage is part of the recipe. A stage with `NEEDS_AUDIO = True` needs a corpus with
        audio.
        """
        listed = not recipe.config.stages or self.name in recipe.config.stages
        return listed and self._has_input(recipe)

    def _has_input(self, recipe: Recipe) -> bool:
        return recipe.corpus.audio or not getattr(self.module, "NEEDS_AUDIO", False)

    def plan(self, recipe: Recipe) -> list[Job]:
        """Return the jobs of this stage under every protocol, each job once."""
        views = recipe.views if self._has_input(recipe) else []
        jobs: dict[str, Job] = {}
        version = getattr(self.module, "VERSION", 1)
        for job in (job for view in views for job in self.module.plan(view)):
            jobs.setdefault(job.name, replace(job, version=version))
        return list(jobs.values())


def stages() -> list[StageEntry]:
    """Return all stages in order."""
    entries = []
    for info in pkgutil.iter_modules(importlib.import_module(PACKAGE).__path__):
        match = re.fullmatch(r"s(\d\d)_(\w+)", info.name)
        if match:
            entries.append(StageEntry(int(match[1]), match[2]))
    return sorted(entries, key=lambda stage: stage.number)


def find(name: str) -> StageEntry:
    """Return a stage by number or name. Raise ConfigError for an unknown stage."""
    known = stages()
    for stage in known:
        if name in (stage.name, str(stage.number)) or (name.isdigit() and int(name) == stage.number):
            return stage
    raise ConfigError(
        f"unknown stage {name!r}{nearest(name, [stage.name for stage in known])}; "
        f"known: {', '.join(f'{stage.number} {stage.name}' for stage in known)}"
    )
