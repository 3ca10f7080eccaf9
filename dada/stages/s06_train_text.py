"""Train the text systems on the author corpus, and write what they say of the transcripts of the audio's
train and dev splits.

With `train.folds` the outputs for the train split are out-of-fold: each utterance is judged by a model that
never saw, neither in training nor for early stopping, a text of the source the utterance was spoken from.
Where a recipe has no audio, and so no fusion, a system speaks of dev alone.
"""

import logging
from dataclasses import asdict, replace
from pathlib import Path

from dada.experiment.folder import ExperimentFolder
from dada.recipe import roles
from dada.recipe.job import Job

USES_GPU = True
KIND = "train"

log = logging.getLogger(__name__)


def plan(recipe) -> list[Job]:
    """One job per text system that is trained here, and seed."""
    return [
        _job(recipe, name, seed) for name in roles.of_task(recipe, "text") for seed in recipe.seeds_of(name)
    ]


def _job(recipe, name: str, seed: int) -> Job:
    config, home, corpus = recipe.system(name), recipe.seed_dir(name, seed), recipe.text.name
    said = _said_splits(recipe)
    inputs = [
        *(recipe.text_dir(corpus, split) for split in _learnt(recipe)),
        *(recipe.data_dir(split) / "text" for split in said),
    ]
    if config.input.kind == "text_features":
        splits = (*(_dump_split(recipe, split) for split in _learnt(recipe)), *said)
        inputs += [recipe.dump_dir(config.input, split) / "feats.scp" for split in splits]
    return Job(
        stage="train_text",
        name=f"{recipe.protocol}/{name}/seed_{seed}",
        home=home,
        kind=KIND,
        protocol=recipe.protocol,
        inputs=tuple(inputs),
        outputs=(ExperimentFolder(home).weights, *ExperimentFolder(home).outputs(said)),
        settings={**asdict(config), "seed": seed},
        keep=True,
        systems=(name,),
        seed=seed,
    )


def run(recipe, job: Job) -> None:
    """Train one seed, its folds, and write embed/<train> and embed/<dev>."""
    from dada.data import DataDir
    from dada.experiment.folder import ExperimentFolder
    from dada.models.inference import run_model
    from dada.text.dataset import text_dataset
    from dada.train.fit import fit
    from dada.train.folds import Material, cross_fit

    seed, corpus = job.seed, recipe.text.name
    texts = {
        split: DataDir.read(recipe.text_dir(corpus, split), require=("text", "utt2spk"))
        for split in _learnt(recipe)
    }
    config = resolve(
        recipe, recipe.system(job.system), sorted(set(next(iter(texts.values()))["utt2spk"].values()))
    )
    train, dev = (
        text_dataset(texts[split], config, _dump(recipe, config, _dump_split(recipe, split)), training=True)
        for split in texts
    )
    if config.input.kind == "text_features":
        config = replace(config, model={**config.model, "input_size": len(train[0][1])})
    speech = {
        split: text_dataset(
            DataDir.read(recipe.data_dir(split), require=("text",)), config, _dump(recipe, config, split)
        )
        for split in _said_splits(recipe)
    }
    model = fit(config, train, dev, job.home, seed)
    files = ExperimentFolder(job.home)
    files.write_outputs(
        recipe.splits.dev, run_model(model, speech[recipe.splits.dev], config.train.batch_size)
    )
    if not recipe.corpus.audio:
        return
    if config.train.folds:
        outputs = cross_fit(
            config, model, Material(train, dev, speech[recipe.splits.train], train), job.home, seed
        )
    else:
        log.warning(
            "%s: train.folds is 0, so what it says of the train split is in-sample: a fusion will trust it "
            "too much",
            config.name,
        )
        outputs = run_model(model, speech[recipe.splits.train], config.train.batch_size)
    files.write_outputs(recipe.splits.train, outputs)


def _learnt(recipe) -> tuple[str, str]:
    """The train and dev splits of the texts."""
    return ("train", "dev") if recipe.corpus.audio else (recipe.splits.train, recipe.splits.dev)


def _said_splits(recipe) -> list[str]:
    """The splits that a system speaks of at the end of its training."""
    return [recipe.splits.train, recipe.splits.dev] if recipe.corpus.audio else [recipe.splits.dev]


def _dump_split(recipe, split: str) -> str:
    """The name of a split of texts among the dumps."""
    return f"text_{recipe.text.name}/{split}" if recipe.corpus.audio else split


def resolve(recipe, config, authors: list[str]):
    """The configuration with what only the data and the recipe's folder tell: the authors, and where the
    encoder lies.
    """
    tuned = config.input.kind == "text" and "encoder" in config.model
    encoder = recipe.root / config.model["encoder"] if tuned else None
    model = {**config.model, "encoder": str(encoder)} if encoder and encoder.is_dir() else config.model
    return replace(config, labels=authors, model=model)


def _dump(recipe, config, split: str) -> Path | None:
    return recipe.dump_dir(config.input, split) if config.input.kind == "text_features" else None


if __name__ == "__main__":
    from dada.recipe.command import stage_main

    raise SystemExit(stage_main(__file__))
