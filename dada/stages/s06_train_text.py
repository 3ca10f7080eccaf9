"""Train the text systems on the author corpus, and write what they say of the transcripts of the audio's train and dev splits.

With `train.folds` the outputs for the train split are out-of-fold: each utterance is judged by a model that never saw, neither in
training nor for early stopping, a text of the source the utterance was spoken from.
"""

import logging
from dataclasses import asdict, replace
from pathlib import Path

from dada.recipe.stage import Job
from dada.stages import _systems

TABLES = ("embed.scp", "logits.scp")

log = logging.getLogger(__name__)


def plan(recipe) -> list[Job]:
    """One job per text system that is trained here, and seed."""
    return [_job(recipe, name, seed) for name in _systems.of_task(recipe, "text") for seed in recipe.seeds]


def _job(recipe, name: str, seed: int) -> Job:
    config, home, corpus = recipe.system(name), recipe.seed_dir(name, seed), recipe.text.name
    audio = (recipe.splits.train, recipe.splits.dev)
    inputs = [*(recipe.text_dir(corpus, split) for split in ("train", "dev")), *(recipe.data_dir(split) / "text" for split in audio)]
    if config.input.kind == "text_features":
        splits = (f"text_{corpus}/train", f"text_{corpus}/dev", *audio)
        inputs += [recipe.dump_dir(config.input, split) / "feats.scp" for split in splits]
    return Job(
        stage="train_text",
        name=f"{recipe.protocol}/{name}/seed_{seed}",
        home=home,
        inputs=tuple(inputs),
        outputs=(home / "weights.pt", *(home / "embed" / split / table for split in audio for table in TABLES)),
        settings={**asdict(config), "seed": seed},
        keep=True,
        args={"system": name, "seed": seed},
    )


def run(recipe, job: Job) -> None:
    """Train one seed, its folds, and write embed/<train> and embed/<dev>."""
    from dada.data import DataDir
    from dada.models.inference import run_model
    from dada.score.infer import write_outputs
    from dada.text.dataset import text_dataset
    from dada.train.folds import Material, cross_fit
    from dada.train.loop import fit

    seed, corpus = job.args["seed"], recipe.text.name
    texts = {split: DataDir.read(recipe.text_dir(corpus, split), require=("text", "utt2spk")) for split in ("train", "dev")}
    config = resolve(recipe, recipe.system(job.args["system"]), sorted(set(texts["train"]["utt2spk"].values())))
    train, dev = (text_dataset(texts[split], config, _dump(recipe, config, f"text_{corpus}/{split}"), training=True) for split in texts)
    if config.input.kind == "text_features":
        config = replace(config, model={**config.model, "input_size": len(train[0][1])})
    speech = {
        split: text_dataset(DataDir.read(recipe.data_dir(split), require=("text",)), config, _dump(recipe, config, split))
        for split in (recipe.splits.train, recipe.splits.dev)
    }
    model = fit(config, train, dev, job.home, seed)
    write_outputs(job.home / "embed" / recipe.splits.dev, run_model(model, speech[recipe.splits.dev], config.train.batch_size))
    if config.train.folds:
        outputs = cross_fit(config, model, Material(train, dev, speech[recipe.splits.train], train), job.home, seed)
    else:
        log.warning("%s: train.folds is 0, so what it says of the train split is in-sample: a fusion will trust it too much", config.name)
        outputs = run_model(model, speech[recipe.splits.train], config.train.batch_size)
    write_outputs(job.home / "embed" / recipe.splits.train, outputs)


def resolve(recipe, config, authors: list[str]):
    """The configuration with what only the data and the recipe's folder tell: the authors, and where the encoder lies."""
    encoder = recipe.root / config.model.get("encoder", "")
    model = {**config.model, "encoder": str(encoder)} if config.input.kind == "text" and encoder.is_dir() else config.model
    return replace(config, labels=authors, model=model)


def _dump(recipe, config, split: str) -> Path | None:
    return recipe.dump_dir(config.input, split) if config.input.kind == "text_features" else None


if __name__ == "__main__":
    from dada.recipe.command import stage_main

    raise SystemExit(stage_main(__file__))
