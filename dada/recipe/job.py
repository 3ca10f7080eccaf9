"""The unit of work of a numbered stage.

A stage is one file of dada/stages, found by its name (`s02_transcribe.py`). It has

* a docstring whose first line is its summary,
* `plan(recipe) -> list[Job]`, which looks at the configuration only, so that it works before any data exists,
* `run(recipe, job)`, or for work that is cut into shards `shards(recipe, job)`, `run_shard(recipe, job, keys,
  out)` and `merge(recipe, job, parts)`. A stage with several kinds of jobs dispatches by a dict
  `{kind: function}`. Where only some kinds are cut into shards, `SHARDED` names them.

A stage that reads sound sets `NEEDS_AUDIO = True`, and passes over recipes that have none. A stage whose jobs
compute on a GPU where they see one sets `USES_GPU = True`: on a cluster, `--ngpu` requests one. A training
stage sets `DISTRIBUTED = True`: with several GPUs, torchrun starts its `run` once for each.

A change of the program after which a stage or a feature computes other results raises `VERSION` in its file
(default 1), so that what the old code wrote is computed again.

`run` and `merge` write their outputs atomically; the runner stamps a job only after all of them exist.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Job:
    """One unit of a stage.

    The outputs depend on `settings` (plain values: dict, list, str, number, None), the version and the inputs
    alone. `home` is the folder that keeps the stamp; where it is replaced, the job runs again. `kind` names
    the function of the stage that runs the job.
    """

    stage: str  # transcribe
    name: str  # unique within the stage: line/train, dada_audio/seed_1
    home: Path
    kind: str
    protocol: str
    inputs: tuple[Path, ...]
    outputs: tuple[Path, ...]
    optional_inputs: tuple[Path, ...] = ()  # count as inputs where they exist, and are not waited for
    systems: tuple[str, ...] = ()  # that the job serves; empty where it serves the corpus as a whole
    seed: int | None = None
    split: str | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    version: int = 1  # VERSION of the stage
    # refuse other settings instead of running again: a trained model is not thrown away by mistake
    keep: bool = False
    # jobs of the same stage that may save this job work: those planned before it run first, if they run
    after: tuple["Job", ...] = ()

    @property
    def all_inputs(self) -> tuple[Path, ...]:
        """The inputs, and those optional inputs that exist now."""
        return (*self.inputs, *(path for path in self.optional_inputs if path.exists()))

    @property
    def system(self) -> str:
        """The only system of the job. Raise ValueError where it serves none or several."""
        if len(self.systems) != 1:
            raise ValueError(f"job {self.name} of stage {self.stage} serves {len(self.systems)} systems")
        return self.systems[0]

    @property
    def training_seed(self) -> int:
        """The seed of the training run. Raise ValueError where the job has none."""
        if self.seed is None:
            raise ValueError(f"job {self.name} of stage {self.stage} has no seed")
        return self.seed
