"""Score dev and every test split with each trained system and seed; fusions read the outputs of their
branches.

A system that another recipe trained is scored in a folder of its own, after a check that it was not trained
on the evaluation data.
"""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from dada.experiment.config import SystemConfig
from dada.experiment.folder import ExperimentFolder
from dada.recipe import leakage, roles
from dada.recipe.foreign_systems import is_foreign
from dada.recipe.job import Job
from dada.recipe.recipe import Recipe

KIND = "score"


def plan(recipe: Recipe) -> list[Job]:
    """Return a job for each system and seed, and one for each recipe that trained some of them."""
    return [
        *leakage.jobs(recipe),
        *(_job(recipe, name, seed) for name in recipe.planned for seed in recipe.seeds_of(name)),
    ]


def _job(recipe: Recipe, name: str, seed: int) -> Job:
    config, splits = recipe.system(name), recipe.scored_splits
    files = ExperimentFolder(recipe.seed_dir(name, seed))
    before = (leakage.report_path(recipe, name),) if is_foreign(name) else ()
    outputs = [files.config, files.labels] if is_foreign(name) else []
    outputs += files.outputs([split for split in splits if not _embedded_by_training(recipe, config, split)])
    outputs += [files.scores(split) for split in splits if roles.gives_scores(recipe, config)]
    outputs += [files.classes(split) for split in splits if roles.names_attacks(recipe, config)]
    return Job(
        stage="score",
        name=f"{recipe.protocol}/{name}/seed_{seed}",
        home=files.path / "scores",
        kind=KIND,
        protocol=recipe.protocol,
        inputs=(
            ExperimentFolder(roles.trained_dir(recipe, name, seed)).weights,
            *before,
            *(path for split in splits for path in _inputs(recipe, config, seed, split)),
        ),
        outputs=tuple(outputs),
        settings={
            "input": asdict(config.input),
            "labels": list(config.labels),
            "branches": dict(config.branches),
        },
        systems=(name,),
        seed=seed,
    )


def _embedded_by_training(recipe: Recipe, config: SystemConfig, split: str) -> bool:
    """Return whether the training of a system in this recipe wrote its outputs on a split."""
    if split != recipe.splits.dev or is_foreign(config.name):
        return False
    # without train, the weights of an audio system were adopted
    return config.task in ("text", "ensemble") or (config.task == "audio" and bool(recipe.splits.train))


def _inputs(recipe: Recipe, config: SystemConfig, seed: int, split: str) -> Iterator[Path]:
    """Yield the files that the scores of a split depend on, besides the weights."""
    for branch in config.branches.values():
        yield ExperimentFolder(recipe.seed_dir(branch, seed)).embeddings(split)
    if config.task == "audio":
        yield from roles.audio_files(recipe, config.input, split)
    if config.task == "text":
        dump = roles.dump_of(recipe, config.input, split)
        yield recipe.data_dir(split) / "text" if dump is None else dump / "feats.scp"
    if config.task in ("text", "fusion") and recipe.corpus.purported_speakers:
        yield recipe.data_dir(split) / "utt2spk"


def run(recipe: Recipe, job: Job) -> None:
    """Run a job of either kind."""
    {KIND: _score, leakage.KIND: leakage.run}[job.kind](recipe, job)


def _score(recipe: Recipe, job: Job) -> None:
    """Write embed/<split>, scores/<split>.txt, classes/<split>.txt, and calibration.json, fitted on dev."""
    import torch

    from dada.data import DataDir, write_table
    from dada.experiment.trained import load_experiment
    from dada.score.calibration import calibrate
    from dada.score.outputs import compute_outputs, decisions, finite_scores
    from dada.score.scores import provenance, write_scores

    name, seed, config = job.system, job.training_seed, recipe.system(job.system)
    trained = roles.trained_dir(recipe, name, seed)
    files = ExperimentFolder(recipe.seed_dir(name, seed))
    torch.set_num_threads(config.threads)
    experiment = load_experiment(trained)
    origin = recipe.origin(name).copy_settings(seed, files) if is_foreign(name) else {}
    branches = {branch: recipe.seed_dir(system, seed) for branch, system in config.branches.items()}
    for split in recipe.scored_splits:
        data = DataDir.read(recipe.data_dir(split))
        if _embedded_by_training(recipe, config, split):
            outputs = files.read_outputs(split)
        else:
            outputs = compute_outputs(experiment, data, branches, roles.dump_of(recipe, config.input, split))
            files.write_outputs(split, outputs)
        if roles.gives_scores(recipe, config):
            scores = finite_scores(experiment, outputs, data.speakers)
            facts = provenance(trained, experiment, split, _inputs(recipe, config, seed, split)) | origin
            write_scores(files.scores(split), outputs.utts, scores, facts)
            if split == recipe.splits.dev and not is_foreign(name):
                calibrate(files, outputs.utts, scores, data)
        if roles.names_attacks(recipe, config):
            classes = decisions(experiment, outputs)
            write_table(files.classes(split), dict(zip(outputs.utts, classes, strict=True)))


if __name__ == "__main__":
    from dada.recipe.command import stage_main

    raise SystemExit(stage_main(__file__))
