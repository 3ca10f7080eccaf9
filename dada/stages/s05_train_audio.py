"""Train the audio countermeasures, one job a system and seed, and write their embeddings of train and dev."""

from dataclasses import asdict, replace

from dada.data.datadir import class_table
from dada.experiment.folder import ExperimentFolder
from dada.recipe import roles
from dada.recipe.job import Job

NEEDS_AUDIO = True
USES_GPU = True
DISTRIBUTED = True  # torchrun starts `run` once for each GPU
KIND = "train"


def plan(recipe) -> list[Job]:
    """A job for each audio system that is trained here, and seed."""
    return [
        _job(recipe, name, seed) for name in roles.of_task(recipe, "audio") for seed in recipe.seeds_of(name)
    ]


def _job(recipe, name: str, seed: int) -> Job:
    config, home = recipe.system(name), recipe.seed_dir(name, seed)
    train, dev = recipe.splits.train, recipe.splits.dev
    weights = (recipe.weights_path(config.init),) if config.init else ()
    return Job(
        stage="train_audio",
        name=f"{recipe.protocol}/{name}/seed_{seed}",
        home=home,
        kind=KIND,
        protocol=recipe.protocol,
        inputs=(
            *(
                path
                for split in (train, dev)
                for path in (
                    *roles.audio_files(recipe, config.input, split),
                    recipe.data_dir(split) / class_table(config.labels),
                )
            ),
            *weights,
        ),
        outputs=(ExperimentFolder(home).weights, *ExperimentFolder(home).outputs((train, dev))),
        settings={**asdict(config), "seed": seed},
        keep=True,
        systems=(name,),
        seed=seed,
    )


def run(recipe, job: Job) -> None:
    """Train, and write embed/<train> (out of fold where train.folds says so) and embed/<dev>."""
    from dada.data import DataDir
    from dada.data.dataset import audio_dataset, class_indices
    from dada.experiment.folder import ExperimentFolder
    from dada.features import with_model_folders
    from dada.models.inference import run_model
    from dada.train.checkpoint import is_main_process
    from dada.train.fit import fit
    from dada.train.folds import Material, cross_fit

    name, seed = job.system, job.seed
    config = recipe.system(name)
    config = replace(config, model=with_model_folders(config.model, recipe.root))
    table = class_table(config.labels)
    data = {
        split: DataDir.read(recipe.data_dir(split), require=(table,))
        for split in (recipe.splits.train, recipe.splits.dev)
    }
    if not config.labels:
        config = replace(config, labels=data[recipe.splits.train].attack_classes)
    class_indices(data[recipe.splits.dev], config.labels, required=True)

    def dataset(split: str, training: bool):
        return audio_dataset(data[split], config, roles.dump_of(recipe, config.input, split), training, seed)

    train, dev = dataset(recipe.splits.train, True), dataset(recipe.splits.dev, False)
    weights = recipe.weights_path(config.init) if config.init else None
    model = fit(config, train, dev, job.home, seed, weights)
    uncut = dataset(recipe.splits.train, False)  # as it would be scored, where training cuts at random
    size = config.train.batch_size
    if config.train.folds:
        outputs = cross_fit(config, model, Material(train, dev, uncut, uncut), job.home, seed, weights)
    else:
        outputs = run_model(model, uncut, size)
    if is_main_process():
        ExperimentFolder(job.home).write_outputs(recipe.splits.train, outputs)
        ExperimentFolder(job.home).write_outputs(recipe.splits.dev, run_model(model, dev, size))


if __name__ == "__main__":
    from dada.recipe.command import stage_main

    raise SystemExit(stage_main(__file__))
