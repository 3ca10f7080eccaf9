"""Jobs that compute the outputs of a trained system on train or dev, for the stages that train.

Outputs on dev serve calibration, and the fusions that are fitted on dev. Outputs on train are computed where
a planned system is fitted to them. With `train.folds` these are out of fold: a shard trains the model of one
fold, and holds its outputs on the utterances of that fold.
"""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from dada.experiment.folder import ExperimentFolder, merge_outputs, write_outputs
from dada.recipe import roles
from dada.recipe.job import Job
from dada.recipe.recipe import Recipe

if TYPE_CHECKING:
    from dada.experiment.config import SystemConfig
    from dada.train.folds import Material

OUTPUTS, FOLDS = "outputs", "folds"  # kinds of jobs, both in shards


def output_job(recipe: Recipe, stage: str, name: str, seed: int, split: str, inputs: Iterable[Path]) -> Job:
    """Return the job of the outputs of a system on a split.

    `inputs` are the files that it reads besides the weights: the split, and for folds the training data.
    """
    files = ExperimentFolder(recipe.seed_dir(name, seed))
    by_fold = recipe.system(name).train.folds and split == recipe.splits.train
    return Job(
        stage=stage,
        name=f"{recipe.protocol}/{name}/seed_{seed}/{split}",
        home=files.embeddings(split).parent,
        kind=FOLDS if by_fold else OUTPUTS,
        protocol=recipe.protocol,
        inputs=(files.weights, *inputs),
        outputs=tuple(files.outputs([split])),
        systems=(name,),
        seed=seed,
        split=split,
    )


def shards(recipe: Recipe, job: Job) -> list[list[str]]:
    """Return the number of every fold that has utterances, or the batches of every shard."""
    from dada.data.datadir import DataDir, sources_of
    from dada.experiment.trained import read_config
    from dada.score.shards import cut
    from dada.train.folds import folds_of

    config, data = read_config(_home(recipe, job)), recipe.data_dir(str(job.split))
    if job.kind == FOLDS:
        folds = folds_of(sources_of(DataDir.read(data)), config.train.folds)
        return [[str(fold)] for fold in sorted(set(folds))]
    return cut(config, data, _dump(recipe, job), recipe.root)


def run_shard(
    recipe: Recipe,
    job: Job,
    keys: list[str],
    out: Path,
    material_of: "Callable[[Recipe, SystemConfig, int], Material]",
) -> None:
    """Write the outputs of a shard. `material_of` returns the data of folds, of a system and seed."""
    from dada.score.shards import experiment_of
    from dada.score.shards import run_shard as run_batches
    from dada.train.folds import fold_outputs

    home, seed = _home(recipe, job), job.training_seed
    if job.kind == OUTPUTS:
        data, dump = recipe.data_dir(str(job.split)), _dump(recipe, job)
        write_outputs(out, run_batches(home, data, dump, recipe.root, keys))
        return
    experiment = experiment_of(home)
    config = experiment.config
    weights = recipe.weights_path(config.init) if config.init else None
    material = material_of(recipe, config, seed)
    write_outputs(out, fold_outputs(config, experiment.model, material, home, seed, int(keys[0]), weights))


def merge(recipe: Recipe, job: Job, parts: list[Path]) -> None:
    """Join the shards. Raise DataError unless every utterance of the split is there once."""
    from dada.data.datadir import DataDir

    merge_outputs(job.home, parts, DataDir.read(recipe.data_dir(str(job.split))).utts)


def _home(recipe: Recipe, job: Job) -> Path:
    return recipe.seed_dir(job.system, job.training_seed)


def _dump(recipe: Recipe, job: Job) -> Path | None:
    return roles.dump_of(recipe, recipe.system(job.system).input, str(job.split))
