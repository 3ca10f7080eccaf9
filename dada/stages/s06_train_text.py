"""Train the text systems on the author corpus, and compute their outputs on the transcripts of dev.

Outputs on train are computed where a fusion reads them. With `train.folds` they are out-of-fold: the model of
an utterance saw no text of the source that the utterance was spoken from, neither in training nor for early
stopping.
"""

import logging
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from dada.experiment.config import SystemConfig
from dada.recipe import outputs, roles
from dada.recipe.job import Job
from dada.recipe.recipe import Recipe
from dada.recipe.training import required_split, training_job

if TYPE_CHECKING:
    from dada.data.dataset import Dataset
    from dada.train.folds import Material

USES_GPU = True
SHARDED = (outputs.OUTPUTS, outputs.FOLDS)
STAGE = "train_text"

log = logging.getLogger(__name__)


def plan(recipe: Recipe) -> list[Job]:
    """Return the training of each text system and seed of this recipe, with jobs for its outputs."""
    names = roles.of_task(recipe, "text")
    return [job for name in names for seed in recipe.seeds_of(name) for job in _jobs(recipe, name, seed)]


def _jobs(recipe: Recipe, name: str, seed: int) -> list[Job]:
    config, splits = recipe.system(name), _text_splits(recipe, name)
    inputs = [recipe.text_dir(recipe.text.name, split) for split in splits]
    if config.input.kind == "text_features":
        dumps = [recipe.dump_dir(config.input, _dump_split(recipe, split)) for split in splits]
        inputs += [dump / "feats.scp" for dump in dumps]
    jobs = [training_job(recipe, STAGE, name, seed, inputs, ())]
    for split in _output_splits(recipe, name):
        files = roles.text_files(recipe, config.input, split)
        if config.train.folds and split == recipe.splits.train:
            files = (*inputs, *files)
        jobs.append(outputs.output_job(recipe, STAGE, name, seed, split, files))
    return jobs


def run(recipe: Recipe, job: Job) -> None:
    """Train one seed."""
    from dada.data import read_table
    from dada.features import with_model_folders
    from dada.train.fit import fit

    seed, config = job.training_seed, recipe.system(job.system)
    in_train, in_dev = _text_splits(recipe, job.system)
    authors = read_table(recipe.text_dir(recipe.text.name, in_train) / "utt2spk").values()
    config = replace(config, labels=sorted(set(authors)))
    if config.input.kind == "text":
        config = replace(config, model=with_model_folders(config.model, recipe.root))
    train, dev = (_texts(recipe, config, split) for split in (in_train, in_dev))
    if config.input.kind == "text_features":
        config = replace(config, model={**config.model, "input_size": len(train[0][1])})
    fit(config, train, dev, job.home, seed)


def shards(recipe: Recipe, job: Job) -> list[list[str]]:
    """Return the folds or the batches of a job. Warn of outputs on what a system has learned from."""
    if job.kind == outputs.OUTPUTS and job.split == recipe.splits.train:
        log.warning(
            "%s: train.folds is 0, so its outputs on train are in-sample: a fusion will trust them too much",
            job.system,
        )
    return outputs.shards(recipe, job)


def run_shard(recipe: Recipe, job: Job, keys: list[str], out: Path) -> None:
    """Write the outputs of some utterances."""
    outputs.run_shard(recipe, job, keys, out, _material)


merge = outputs.merge


def _material(recipe: Recipe, config: SystemConfig, seed: int) -> "Material":
    """Return the data of folds: the author corpus, and the transcripts of train."""
    from dada.data import DataDir
    from dada.text.dataset import text_dataset
    from dada.train.folds import Material

    train, dev = (_texts(recipe, config, split) for split in _text_splits(recipe, config.name))
    split = str(recipe.splits.train)
    spoken = DataDir.read(recipe.data_dir(split), require=("text",))
    speech = text_dataset(spoken, config, roles.dump_of(recipe, config.input, split))
    return Material(train, dev, speech, train)


def _texts(recipe: Recipe, config: SystemConfig, split: str) -> "Dataset":
    """Return a split of the author corpus, as a system learns from it."""
    from dada.data import DataDir
    from dada.text.dataset import text_dataset

    data = DataDir.read(recipe.text_dir(recipe.text.name, split), require=("text", "utt2spk"))
    return text_dataset(data, config, roles.dump_of(recipe, config.input, _dump_split(recipe, split)), True)


def _text_splits(recipe: Recipe, name: str) -> list[str]:
    """Return the train and dev splits of the texts."""
    if recipe.corpus.audio:
        return ["train", "dev"]
    return [required_split(recipe, name, role) for role in ("train", "dev")]


def _output_splits(recipe: Recipe, name: str) -> list[str]:
    """Return the splits of speech on which a system has outputs before it scores; without audio dev alone."""
    train = recipe.corpus.audio and roles.feeds_on_train(recipe, name)
    return [split for split in (recipe.splits.train if train else None, recipe.splits.dev) if split]


def _dump_split(recipe: Recipe, split: str) -> str:
    """Return the name of a split of texts among the dumps."""
    return f"text_{recipe.text.name}/{split}" if recipe.corpus.audio else split


if __name__ == "__main__":
    from dada.recipe.command import stage_main

    raise SystemExit(stage_main(__file__))
