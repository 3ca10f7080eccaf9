"""Train the text systems on the author corpus, and write what they say of the transcripts of the audio's train and dev splits.

With `train.folds` the outputs for the train split are out-of-fold: each utterance is judged by a model that never saw, neither in
training nor for early stopping, a text of the source the utterance was spoken from.
"""

import logging
from dataclasses import asdict, replace
from pathlib import Path

from dada.recipe.stage import Job

TABLES = ("embed.scp", "logits.scp")

log = logging.getLogger(__name__)


def plan(recipe) -> list[Job]:
    """One job per text system and seed."""
    return [_job(recipe, name, seed) for name in recipe.systems if recipe.system(name).task == "text" for seed in recipe.seeds]


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
        outputs = out_of_fold(config, train, dev, speech[recipe.splits.train], job.home, seed)
    else:
        log.warning("%s: train.folds is 0, so what it says of the train split is in-sample: a fusion will trust it too much", config.name)
        outputs = run_model(model, speech[recipe.splits.train], config.train.batch_size)
    write_outputs(job.home / "embed" / recipe.splits.train, outputs)


def resolve(recipe, config, authors: list[str]):
    """The configuration with what only the data and the recipe's folder tell: the authors, and where the encoder lies."""
    encoder = recipe.root / config.model.get("encoder", "")
    model = {**config.model, "encoder": str(encoder)} if config.input.kind == "text" and encoder.is_dir() else config.model
    return replace(config, labels=authors, model=model)


def out_of_fold(config, train, dev, speech, folder: Path, seed: int):
    """Outputs for `speech`, each utterance by the model that was trained without its source's fold (`Outputs`, in its order).

    `train` and `dev` are texts of authors; a fold's sources are taken out of both. Raises DataError where nothing is left.
    """
    import torch

    from dada.data.dataset import restrict
    from dada.errors import DataError
    from dada.models.inference import Outputs, run_model
    from dada.train.folds import fold_of
    from dada.train.loop import fit

    folds = [[fold_of(source, config.train.folds) for source in dataset.sources] for dataset in (train, dev, speech)]
    parts = []
    for fold in sorted(set(folds[2])):
        rest = [restrict(dataset, [i for i, k in enumerate(of) if k != fold]) for dataset, of in zip((train, dev), folds, strict=False)]
        if not all(len(dataset) for dataset in rest):
            raise DataError(f"{config.name}: without fold {fold} of {config.train.folds} no text is left to learn from: set train.folds: 0")
        held = [i for i, k in enumerate(folds[2]) if k == fold]
        log.info("%s: fold %d of %d, %d utterances judged without their texts", config.name, fold + 1, config.train.folds, len(held))
        model = fit(config, *rest, folder / f"fold_{fold}", seed)
        parts.append((held, run_model(model, restrict(speech, held), config.train.batch_size)))
    order = torch.argsort(torch.tensor([i for held, _ in parts for i in held]))
    rows = [torch.cat([getattr(outputs, name) for _, outputs in parts])[order] for name in ("logits", "embeddings")]
    return Outputs(list(speech.utts), *rows)


def _dump(recipe, config, split: str) -> Path | None:
    return recipe.dump_dir(config.input, split) if config.input.kind == "text_features" else None


if __name__ == "__main__":
    from dada.recipe.command import stage_main

    raise SystemExit(stage_main(__file__))
