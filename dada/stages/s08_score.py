"""Score dev and every test split with each trained system and seed, fusions from what their branches said."""

import logging
from dataclasses import asdict

from dada.recipe.stage import Job
from dada.stages import _systems

TABLES = ("embed.scp", "logits.scp")

log = logging.getLogger(__name__)


def plan(recipe) -> list[Job]:
    """A job for each system and seed."""
    return [_job(recipe, name, seed) for name in recipe.systems for seed in recipe.seeds]


def _splits(recipe) -> list[str]:
    return [split for split in (recipe.splits.dev, *recipe.splits.test) if split]


def _job(recipe, name: str, seed: int) -> Job:
    config, home = recipe.system(name), recipe.seed_dir(name, seed)
    splits = _splits(recipe)
    embedded = [split for split in splits if not _embedded_by_training(recipe, config, split)]
    outputs = [home / "embed" / split / table for split in embedded for table in TABLES]
    outputs += [home / "scores" / f"{split}.txt" for split in splits]
    return Job(
        stage="score",
        name=f"{recipe.protocol}/{name}/seed_{seed}",
        home=home / "scores",
        inputs=(home / "weights.pt", *(path for split in splits for path in _inputs(recipe, config, seed, split))),
        outputs=tuple(outputs),
        settings={"input": asdict(config.input), "labels": list(config.labels), "branches": dict(config.branches)},
        args={"system": name, "seed": seed},
    )


def _embedded_by_training(recipe, config, split: str) -> bool:
    """Training already wrote what audio and text systems say of dev."""
    return split == recipe.splits.dev and config.task != "fusion"


def _inputs(recipe, config, seed: int, split: str) -> tuple:
    """The files that the scores of a split depend on, besides the weights."""
    speakers = recipe.data_dir(split) / "utt2spk"
    if config.task == "fusion":
        return (*(recipe.seed_dir(branch, seed) / "embed" / split / "embed.scp" for branch in config.branches.values()), speakers)
    if config.task == "audio":
        return _systems.audio_files(recipe, config.input, split)
    dump = _systems.dump_of(recipe, config.input, split)
    return (recipe.data_dir(split) / "text" if dump is None else dump / "feats.scp", speakers)


def run(recipe, job: Job) -> None:
    """Write embed/<split> and scores/<split>.txt for dev and the test splits."""
    import torch

    from dada.data import DataDir
    from dada.score.experiment import load_experiment
    from dada.score.infer import write_outputs
    from dada.score.scores import provenance, write_scores

    config, seed = recipe.system(job.args["system"]), job.args["seed"]
    folder = recipe.seed_dir(job.args["system"], seed)
    torch.set_num_threads(config.threads)
    experiment = load_experiment(folder)
    for split in _splits(recipe):
        data = DataDir.read(recipe.data_dir(split))
        outputs = _outputs(recipe, experiment, seed, data, split)
        if not _embedded_by_training(recipe, config, split):
            write_outputs(folder / "embed" / split, outputs)
        facts = provenance(folder, experiment, split, _inputs(recipe, config, seed, split))
        write_scores(folder / "scores" / f"{split}.txt", outputs.utts, _scores(experiment, outputs, data), facts)


def _outputs(recipe, experiment, seed: int, data, split: str):
    """What a system says of a split (`Outputs`)."""
    from dada.data.dataset import audio_dataset
    from dada.score.infer import read_outputs, run_model

    config = experiment.config
    if _embedded_by_training(recipe, config, split):
        return read_outputs(recipe.seed_dir(config.name, seed) / "embed" / split)
    if config.task == "fusion":
        from dada.score.fuse import read_branches, score_fusion

        audio, text = (recipe.seed_dir(config.branches[branch], seed) for branch in ("audio", "text"))
        return score_fusion(experiment.model, config, read_branches(audio, text, split, data.speakers)).outputs
    dump = _systems.dump_of(recipe, config.input, split)
    if config.task == "audio":
        dataset = audio_dataset(data, config, dump, training=False)
    else:
        from dada.text.dataset import text_dataset

        dataset = text_dataset(data, config, dump)
    return run_model(experiment.model, dataset, config.train.batch_size)


def _scores(experiment, outputs, data):
    """Scores (N,): of an author model, the log-odds that the purported speaker said the words.

    A speaker whom it does not know gets the log-odds of chance, since there is no evidence either way.
    """
    import numpy as np

    from dada.score.infer import scores_from_logits

    if experiment.config.task != "text":
        return scores_from_logits(outputs.logits, experiment.labels).numpy()
    from dada.score.fuse import claim_scores

    scores = claim_scores(outputs, experiment.labels, data.speakers)
    unknown = np.isnan(scores)
    if unknown.any():
        log.warning("%s: %d of %d purported speakers are not among its authors", experiment.config.name, unknown.sum(), len(scores))
    return np.where(unknown, -np.log(max(len(experiment.labels) - 1, 1)), scores)


if __name__ == "__main__":
    from dada.recipe.command import stage_main

    raise SystemExit(stage_main(__file__))
