"""Train the text systems on the author corpus, and write their outputs on the transcripts of train and dev.

With `train.folds` the outputs on train are out-of-fold: the model of an utterance saw no text of the source
that the utterance was spoken from, neither in training nor for early stopping. Where a recipe has no audio,
and so no fusion, only the outputs on dev are written.
"""

import logging
from dataclasses import replace

from dada.experiment.folder import ExperimentFolder
from dada.recipe import roles
from dada.recipe.job import Job
from dada.recipe.recipe import Recipe
from dada.recipe.training import required_split, training_job

USES_GPU = True

log = logging.getLogger(__name__)


def plan(recipe: Recipe) -> list[Job]:
    """Return a job for each text system that is trained in this recipe, and each seed."""
    return [
        _job(recipe, name, seed) for name in roles.of_task(recipe, "text") for seed in recipe.seeds_of(name)
    ]


def _job(recipe: Recipe, name: str, seed: int) -> Job:
    config, transcribed = recipe.system(name), _output_splits(recipe)
    inputs = [
        *(recipe.text_dir(recipe.text.name, split) for split in _text_splits(recipe, name)),
        *(recipe.data_dir(split) / "text" for split in transcribed),
    ]
    if config.input.kind == "text_features":
        splits = (*(_dump_split(recipe, split) for split in _text_splits(recipe, name)), *transcribed)
        inputs += [recipe.dump_dir(config.input, split) / "feats.scp" for split in splits]
    outputs = ExperimentFolder(recipe.seed_dir(name, seed)).outputs(transcribed)
    return training_job(recipe, "train_text", name, seed, inputs, outputs)


def run(recipe: Recipe, job: Job) -> None:
    """Train one seed and its folds, and write embed/<train> and embed/<dev>."""
    from dada.data import DataDir
    from dada.data.dataset import Dataset
    from dada.features import with_model_folders
    from dada.models.inference import run_model
    from dada.text.dataset import text_dataset
    from dada.train.fit import fit
    from dada.train.folds import Material, cross_fit

    seed, config, splits = job.training_seed, recipe.system(job.system), _text_splits(recipe, job.system)
    texts = [
        DataDir.read(recipe.text_dir(recipe.text.name, split), require=("text", "utt2spk"))
        for split in splits
    ]
    config = replace(config, labels=sorted(set(texts[0]["utt2spk"].values())))
    if config.input.kind == "text":
        config = replace(config, model=with_model_folders(config.model, recipe.root))

    def dataset(data: DataDir, split: str, training: bool = False) -> Dataset:
        return text_dataset(data, config, roles.dump_of(recipe, config.input, split), training)

    train, dev = (
        dataset(data, _dump_split(recipe, split), True) for data, split in zip(texts, splits, strict=True)
    )
    if config.input.kind == "text_features":
        config = replace(config, model={**config.model, "input_size": len(train[0][1])})
    speech = {
        split: dataset(DataDir.read(recipe.data_dir(split), require=("text",)), split)
        for split in _output_splits(recipe)
    }
    model = fit(config, train, dev, job.home, seed)
    files, size = ExperimentFolder(job.home), config.train.batch_size
    for split, texts_of_split in speech.items():
        if split != recipe.splits.train:
            outputs = run_model(model, texts_of_split, size)
        elif config.train.folds:
            material = Material(train, dev, texts_of_split, train)
            outputs = cross_fit(config, model, material, job.home, seed)
        else:
            log.warning(
                "%s: train.folds is 0, so its outputs on train are in-sample: a fusion will trust "
                "them too much",
                config.name,
            )
            outputs = run_model(model, texts_of_split, size)
        files.write_outputs(split, outputs)


def _text_splits(recipe: Recipe, name: str) -> list[str]:
    """Return the train and dev splits of the texts."""
    if recipe.corpus.audio:
        return ["train", "dev"]
    return [required_split(recipe, name, role) for role in ("train", "dev")]


def _output_splits(recipe: Recipe) -> list[str]:
    """Return the splits whose outputs training writes."""
    splits = (recipe.splits.train, recipe.splits.dev) if recipe.corpus.audio else (recipe.splits.dev,)
    return [split for split in splits if split]


def _dump_split(recipe: Recipe, split: str) -> str:
    """Return the name of a split of texts among the dumps."""
    return f"text_{recipe.text.name}/{split}" if recipe.corpus.audio else split


if __name__ == "__main__":
    from dada.recipe.command import stage_main

    raise SystemExit(stage_main(__file__))
