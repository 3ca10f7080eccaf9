"""Train the audio countermeasures, one job per system and seed, and write their outputs on train and dev.

Where a recipe has no train or no dev, a system without epochs is the weights of its `init`.
"""

from dataclasses import replace

from dada.data.datadir import class_table
from dada.errors import ConfigError
from dada.experiment.config import SystemConfig
from dada.experiment.folder import ExperimentFolder
from dada.recipe import roles
from dada.recipe.job import Job
from dada.recipe.recipe import Recipe
from dada.recipe.training import keeps_weights, required_split, training_job

NEEDS_AUDIO = True
USES_GPU = True
DISTRIBUTED = True  # torchrun starts `run` once for each GPU


def plan(recipe: Recipe) -> list[Job]:
    """Return a job for each audio system that is trained in this recipe, and each seed."""
    return [
        _job(recipe, name, seed) for name in roles.of_task(recipe, "audio") for seed in recipe.seeds_of(name)
    ]


def _job(recipe: Recipe, name: str, seed: int) -> Job:
    config = recipe.system(name)
    splits = _splits(recipe, config)
    inputs = [
        path
        for split in splits
        for path in (
            *roles.audio_files(recipe, config.input, split),
            recipe.data_dir(split) / class_table(config.labels),
        )
    ]
    if config.init:
        inputs.append(recipe.weights_path(config.init))
    outputs = ExperimentFolder(recipe.seed_dir(name, seed)).outputs(splits)
    return training_job(recipe, "train_audio", name, seed, inputs, outputs)


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
    """Train, and write embed/<train> (out of fold where train.folds is set) and embed/<dev>."""
    from dada.data import DataDir
    from dada.data.dataset import Dataset, audio_dataset, class_indices
    from dada.features import with_model_folders
    from dada.models.inference import run_model
    from dada.train.checkpoint import is_main_process
    from dada.train.fit import adopt_weights, fit
    from dada.train.folds import Material, cross_fit

    seed, config = job.training_seed, recipe.system(job.system)
    config = replace(config, model=with_model_folders(config.model, recipe.root))
    weights = recipe.weights_path(config.init) if config.init else None
    splits = _splits(recipe, config)
    if not splits:
        adopt_weights(config, job.home, seed, weights)
        return
    table = class_table(config.labels)
    in_train, in_dev = (DataDir.read(recipe.data_dir(split), require=(table,)) for split in splits)
    if not config.labels:
        config = replace(config, labels=in_train.attack_classes)
    class_indices(in_dev, config.labels, required=True)

    def dataset(data: DataDir, split: str, training: bool) -> Dataset:
        return audio_dataset(data, config, roles.dump_of(recipe, config.input, split), training, seed)

    train, dev = dataset(in_train, splits[0], True), dataset(in_dev, splits[1], False)
    model = fit(config, train, dev, job.home, seed, weights)
    uncut = dataset(in_train, splits[0], False)  # as it would be scored, where training cuts at random
    size = config.train.batch_size
    if config.train.folds:
        outputs = cross_fit(config, model, Material(train, dev, uncut, uncut), job.home, seed, weights)
    else:
        outputs = run_model(model, uncut, size)
    if is_main_process():
        files = ExperimentFolder(job.home)
        files.write_outputs(splits[0], outputs)
        files.write_outputs(splits[1], run_model(model, dev, size))


if __name__ == "__main__":
    from dada.recipe.command import stage_main

    raise SystemExit(stage_main(__file__))
