"""Train the audio countermeasures, one job per system and seed, and compute their outputs on dev.

Outputs on train are computed where a fusion or an open-set system reads them. Where a recipe has no train or
no dev, a system without epochs is the weights of its `init`. A system with `train_on` learns from the train
of several recipes.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from dada.data.datadir import BONAFIDE, class_table
from dada.errors import ConfigError
from dada.experiment.config import SystemConfig
from dada.experiment.folder import ExperimentFolder
from dada.recipe import outputs, roles
from dada.recipe.job import Job
from dada.recipe.leakage import trained_name
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
    splits = _splits(recipe, config)
    read = {split: roles.audio_files(recipe, config.input, split) for split in splits}
    inputs = [path for view, split in _material_of(recipe, config) for path in _files(view, config, split)]
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
    """Return train and dev of this recipe, or nothing for published weights in a recipe without both; train
    only where it is there, if others are learnt from. Raise ConfigError.
    """
    if keeps_weights(config) and not (recipe.splits.train and recipe.splits.dev):
        if not config.labels:
            raise ConfigError(
                f"{config.name} has the classes of train, and this recipe has no train: set `labels`"
            )
        return []
    needed = ("dev",) if config.train_on and not recipe.splits.train else ("train", "dev")
    return [required_split(recipe, config.name, role) for role in needed]


def _material_of(recipe: Recipe, config: SystemConfig) -> list[tuple[Recipe, str]]:
    """Return the recipes and splits that a system learns from, and at the end that of dev."""
    if not _splits(recipe, config):
        return []
    trains = [(view, required_split(view, config.name, "train")) for view in recipe.training_recipes(config)]
    return [*trains, (recipe, required_split(recipe, config.name, "dev"))]


def _files(recipe: Recipe, config: SystemConfig, split: str) -> list[Path]:
    """Return the files of a split that a training reads."""
    labels = recipe.data_dir(split) / class_table(config.labels)
    return [*roles.audio_files(recipe, config.input, split), labels]


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
    material = _material_of(recipe, config)
    if not material:
        adopt_weights(config, job.home, seed, weights)
        return
    table = class_table(config.labels)
    data = [DataDir.read(view.data_dir(split), require=(table,)) for view, split in material]
    if not config.labels:
        names = {name for part in data[:-1] for name in part.attack_classes}
        config = replace(config, labels=sorted(names, key=lambda name: (name != BONAFIDE, name.encode())))
    class_indices(data[-1], config.labels, required=True)
    train = _joined(recipe, config, list(zip(material[:-1], data[:-1], strict=True)), True, seed)
    dev = _dataset(recipe, config, data[-1], material[-1], False, seed)
    fit(config, train, dev, job.home, seed, weights)
    for (view, split), part in zip(material, data, strict=True):
        if is_main_process():
            write_list(ExperimentFolder(job.home).trained_on(trained_name(recipe, view, split)), part.utts)


shards, merge = outputs.shards, outputs.merge


def run_shard(recipe: Recipe, job: Job, keys: list[str], out: Path) -> None:
    """Write the outputs of some utterances."""
    outputs.run_shard(recipe, job, keys, out, _material)


def _material(recipe: Recipe, config: SystemConfig, seed: int) -> "Material":
    """Return the data of folds. Anchors are cut as in scoring, where training cuts at random."""
    from dada.data.datadir import DataDir
    from dada.train.folds import Material

    material = _material_of(recipe, config)
    data = [DataDir.read(view.data_dir(split)) for view, split in material]
    train = _joined(recipe, config, list(zip(material[:-1], data[:-1], strict=True)), True, seed)
    own = required_split(recipe, config.name, "train")
    uncut = _dataset(recipe, config, DataDir.read(recipe.data_dir(own)), (recipe, own), False, seed)
    return Material(train, _dataset(recipe, config, data[-1], material[-1], False, seed), uncut, uncut)


def _joined(
    recipe: Recipe,
    config: SystemConfig,
    parts: Sequence[tuple[tuple[Recipe, str], "DataDir"]],
    training: bool,
    seed: int,
) -> "Dataset":
    """Return the training data of one recipe, or of several as one."""
    from dada.data.joined import Joined

    datasets = [
        (
            "" if view is recipe else f"{view.root.resolve().name}/",
            _dataset(recipe, config, part, (view, split), training, seed),
        )
        for (view, split), part in parts
    ]
    return Joined(datasets) if config.train_on else datasets[0][1]


def _dataset(
    recipe: Recipe,
    config: SystemConfig,
    data: "DataDir",
    place: tuple[Recipe, str],
    training: bool,
    seed: int,
) -> "Dataset":
    """Return the utterances of a split of this recipe or of another, by the settings of this one."""
    from dada.data.dataset import audio_dataset
    from dada.features._compute import features_of

    dump = roles.dump_of(place[0], config.input, place[1])
    features = features_of(config.input, dump, data["wav.scp"], recipe.root)
    return audio_dataset(data, config, features, training, seed)


if __name__ == "__main__":
    from dada.recipe.command import stage_main

    raise SystemExit(stage_main(__file__))
