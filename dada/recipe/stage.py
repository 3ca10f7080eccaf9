"""What a numbered stage is made of.

A stage is one file of dada/stages, found by its name (`s02_transcribe.py`). It has

* a docstring whose first line says what it does,
* `plan(recipe) -> list[Job]`, which looks at the configuration only, so that it works before any data is
  there,
* `run(recipe, job)`, or for work that is cut into shards `shards(recipe, job)`, `run_shard(recipe, job, keys,
  out)` and `merge(recipe, job, parts)`.

A stage that reads sound sets `NEEDS_AUDIO = True`, and passes over recipes that have none. A stage whose jobs
compute on a GPU where they see one sets `USES_GPU = True`: on a cluster, `--ngpu` asks for one. A training
stage sets `DISTRIBUTED = True`: with several GPUs, torchrun starts its `run` once for each.

`run` and `merge` write their outputs atomically; the runner stamps a job only after all of them are there.
"""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Job:
    """One unit of a stage.

    `settings` are plain values (dict, list, str, number, None): all that the outputs depend on besides
    `inputs`. `home` is the folder that keeps the stamp; where it is replaced, the job is to be done again.
    """

    stage: str  # transcribe
    name: str  # unique within the stage: line/train, dada_audio/seed_1
    home: Path
    inputs: tuple[Path, ...]
    outputs: tuple[Path, ...]
    settings: dict = field(default_factory=dict)
    # refuse other settings instead of doing the work again: a trained model is not thrown away by mistake
    keep: bool = False
    args: dict = field(default_factory=dict)  # what run() needs to know of this job: {"split": "train"}
    after: tuple[
        "Job", ...
        # jobs of the same stage that may save this one work: those planned before it run first, if they run
    ] = ()
