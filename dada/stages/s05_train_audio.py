"""Train the audio countermeasures, one job per system and seed, and compute their outputs on dev.

Outputs on train are computed where a fusion or an open-set system reads them. Where a recipe has no train or
no dev, a system without epochs is the weights of its `init`.
"""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from dada.data.datadir import class_table
from dada.errors import ConfigError
from dada.experiment.config import SystemConfig
from dada.experiment.folder import ExperimentFolder
from dada.recipe import outputs, roles
from dada.recipe.job import Job
from dada.recipe.recipe import Recipe
from dada.recipe.training import keeps_weights, required_split, training_job

if TYPE_CHECKING:
    from dada.data.datadir import DataDir
    from dada.data.dataset import Dataset
    from dada.train.folds import Material

NEEDS_AUDIO = True
USES_GPU = True
DISTRIBUTED = True  # torchrun starts `run` once for each GPU
SHARDED = (outputs.OUTPUTS, outputs.FOLDS)
STAGE = "train_audio"


def plan(recipe: Recipe) -> list[Job]:
    """Return the training of each audio system and seed of this recipe, with jobs for its outputs."""
    names = roles.of_task(recipe, "audio")
    return [job for name in names for seed in recipe.seeds_of(name) for job in _jobs(recipe, name, seed)]


def _jobs(recipe: Recipe, name: str, seed: int) -> list[Job]:
    config = recipe.system(name)
    splits, table = _splits(recipe, config), class_table(config.labels)
    read = {split: roles.audio_files(recipe, config.input, split) for split in splits}
    inputs = [path for split in splits for path in (*read[split], recipe.data_dir(split) / table)]
    if config.init:
        inputs.append(recipe.weights_path(config.init))
    jobs = [training_job(recipe, STAGE, name, seed, inputs, ())]
    for split in splits:
        if split == recipe.splits.dev:
            jobs.append(outputs.output_job(recipe, STAGE, name, seed, split, read[split]))
        elif roles.feeds_on_train(recipe, name):
            files = inputs if config.train.folds else read[split]
            jobs.append(outputs.output_job(recipe, STAGE, name, seed, split, files))
    return jobs


def _splits(recipe: Recipe, config: SystemConfig) -> list[str]:
    """Return train and dev, or nothing for published weights in a recipe without both. Raise ConfigError."""
    if keeps_weights(config) and not (recipe.splits.train and recipe.splits.dev):
        if not config.labels:
            raise ConfigError(
                f"{config.name} has the classes of train, and this recipe has no train: set `labels`"
            )
        return []
    return [required_split(recipe, config.name, role) for role in ("train", "dev")]


def run(recipe: Recipe, job: Job) -> None:
    """Train one seed."""
    from dada.data import DataDir
    from dada.data.dataset import class_indices
    from dada.data.vectors import write_list
    from dada.features import with_model_folders
    from dada.train.checkpoint import is_main_process
    from dada.train.fit import adopt_weights, fit

    seed, config = job.training_seed, recipe.system(job.system)
    config = replace(config, model=with_model_folders(config.model, recipe.root))
    weights = recipe.weights_path(config.init) if config.init else None
    splits = _splits(recipe, config)
    if not splits:
        adopt_weights(config, job.home, seed, weights)
        return
    table = class_table(config.labels)
    data = [DataDir.read(recipe.data_dir(split), require=(table,)) for split in splits]
    if not config.labels:
        config = replace(config, labels=data[0].attack_classes)
    class_indices(data[1], config.labels, required=True)
    train, dev = (
        _dataset(recipe, config, part, split, training, seed)
        for part, split, training in zip(data, splits, (True, False), strict=True)
    )
    fit(config, train, dev, job.home, seed, weights)
    for split, part in zip(splits, data, strict=True):
        if is_main_process():
            write_list(ExperimentFolder(job.home).trained_on(split), part.utts)


shards, merge = outputs.shards, outputs.merge


def run_shard(recipe: Recipe, job: Job, keys: list[str], out: Path) -> None:
    """Write the outputs of some utterances."""
    outputs.run_shard(recipe, job, keys, out, _material)


def _material(recipe: Recipe, config: SystemConfig, seed: int) -> "Material":
    """Return the data of folds. Anchors are cut as in scoring, where training cuts at random."""
    from dada.data.datadir import DataDir
    from dada.train.folds import Material

    splits = _splits(recipe, config)
    in_train, in_dev = (DataDir.read(recipe.data_dir(split)) for split in splits)
    train, uncut = (_dataset(recipe, config, in_train, splits[0], cut, seed) for cut in (True, False))
    return Material(train, _dataset(recipe, config, in_dev, splits[1], False, seed), uncut, uncut)


def _dataset(
    recipe: Recipe, config: SystemConfig, data: "DataDir", split: str, training: bool, seed: int
) -> "Dataset":
    from dada.data.dataset import audio_dataset
    from dada.features._compute import features_of

    dump = roles.dump_of(recipe, config.input, split)
    features = features_of(config.input, dump, data["wav.scp"], recipe.root)
    return audio_dataset(data, config, features, training, seed)


if __name__ == "__main__":
    from dada.recipe.command import stage_main

    raise SystemExit(stage_main(__file__))
