"""Score dev and every test split with each trained system and seed, in shards; fusions read the outputs of
their branches. Scores, calibration and decisions follow from the outputs of all shards.

A system that another recipe trained is scored in a folder of its own, after a check that it was not trained
on the evaluation data.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from dada.experiment.config import OF_SCORES, SystemConfig
from dada.experiment.folder import ExperimentFolder
from dada.recipe import leakage, roles
from dada.recipe.foreign_systems import is_foreign
from dada.recipe.job import Job
from dada.recipe.recipe import Recipe

KIND = "score"
SHARDED = (KIND,)
USES_GPU = True
DEFAULTS = {name: getattr(SystemConfig(), name) for name in OF_SCORES}


def plan(recipe: Recipe) -> list[Job]:
    """Return a job for each system and seed, and one for each set of other recipes that trained some."""
    return [
        *leakage.jobs(recipe),
        *(_job(recipe, name, seed) for name in recipe.planned for seed in recipe.seeds_of(name)),
    ]


def _job(recipe: Recipe, name: str, seed: int) -> Job:
    config, splits = recipe.system(name), recipe.scored_splits
    files = ExperimentFolder(recipe.seed_dir(name, seed))
    before = leakage.reports(recipe, name)
    outputs = [files.config, files.labels] if is_foreign(name) else []
    computed = _computed_here(recipe, config)
    outputs += files.outputs(computed)
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
            *files.outputs([split for split in splits if split not in computed]),
        ),
        outputs=tuple(outputs),
        settings={
            "input": config.input.result_settings(),
            "labels": list(config.labels),
            "branches": dict(config.branches),
            **{name: value for name in OF_SCORES if (value := getattr(config, name)) != DEFAULTS[name]},
        },
        systems=(name,),
        seed=seed,
    )


def _computed_here(recipe: Recipe, config: SystemConfig) -> list[str]:
    """Return the splits on which a system has no outputs before it scores."""
    before = recipe.splits.dev if roles.has_outputs_on_dev(recipe, config) else None
    return [split for split in recipe.scored_splits if split != before]


def _inputs(recipe: Recipe, config: SystemConfig, seed: int, split: str) -> Iterator[Path]:
    """Yield the files that the scores of a split depend on, besides the weights."""
    for branch in config.branches.values():
        yield from ExperimentFolder(recipe.seed_dir(branch, seed)).outputs([split])
    if config.task == "audio":
        yield from roles.audio_files(recipe, config.input, split)
    if config.task == "text":
        yield roles.text_files(recipe, config.input, split)[-1]
    if config.task in ("text", "fusion") and recipe.corpus.purported_speakers:
        yield recipe.data_dir(split) / "utt2spk"


def run(recipe: Recipe, job: Job) -> None:
    """Check the audio that systems of another recipe are scored on."""
    leakage.run(recipe, job)


def shards(recipe: Recipe, job: Job) -> list[list[str]]:
    """Return split and batches of every shard; a system with branches has one shard a split."""
    from dada.experiment.trained import read_config
    from dada.score.shards import cut

    config = recipe.system(job.system)
    splits = _computed_here(recipe, config)
    if config.branches:
        return [[split] for split in splits]
    trained = read_config(roles.trained_dir(recipe, job.system, job.training_seed))
    dumps = {split: roles.dump_of(recipe, config.input, split) for split in splits}
    return [
        [split, *batches]
        for split in splits
        for batches in cut(trained, recipe.data_dir(split), dumps[split], recipe.root)
    ]


def run_shard(recipe: Recipe, job: Job, keys: list[str], out: Path) -> None:
    """Write the outputs of some utterances of a split to out/<split>."""
    from dada.experiment.folder import write_outputs
    from dada.score.outputs import outputs_from_branches
    from dada.score.shards import run_shard as run_batches

    split, *batches = keys
    config, seed = recipe.system(job.system), job.training_seed
    folder, data = roles.trained_dir(recipe, job.system, seed), recipe.data_dir(split)
    if config.branches:
        branches = {branch: recipe.seed_dir(system, seed) for branch, system in config.branches.items()}
        outputs = outputs_from_branches(folder, branches, data)
    else:
        dump = roles.dump_of(recipe, config.input, split)
        outputs = run_batches(folder, data, dump, recipe.root, batches)
    write_outputs(out / split, outputs)


def merge(recipe: Recipe, job: Job, parts: list[Path]) -> None:
    """Write embed/<split>, scores/<split>.txt, classes/<split>.txt, and calibration.json, fitted on dev."""
    from dada.data import DataDir, write_table
    from dada.experiment.folder import merge_outputs
    from dada.experiment.trained import load_experiment, without_weights
    from dada.score.calibration import calibrate
    from dada.score.outputs import decisions, finite_scores
    from dada.score.scores import provenance, write_scores

    name, seed, config = job.system, job.training_seed, recipe.system(job.system)
    trained, files = roles.trained_dir(recipe, name, seed), ExperimentFolder(recipe.seed_dir(name, seed))
    experiment = (load_experiment if config.task == "open_set" else without_weights)(trained)
    how = {name: getattr(config, name) for name in OF_SCORES}  # as they are now, not when it was trained
    experiment = replace(experiment, config=replace(experiment.config, **how))
    origin = recipe.origin(name).copy_settings(seed, files) if is_foreign(name) else {}
    computed = _computed_here(recipe, config)
    for split in recipe.scored_splits:
        data = DataDir.read(recipe.data_dir(split))
        if split in computed:
            own = [part / split for part in parts if (part / split).is_dir()]
            merge_outputs(files.embeddings(split).parent, own, data.utts)
        outputs = files.read_outputs(split)
        if roles.gives_scores(recipe, config):
            scores = finite_scores(experiment, outputs, data.speakers)
            read = _inputs(recipe, config, seed, split)
            facts = provenance(trained, experiment, split, read, recipe.root) | origin
            write_scores(files.scores(split), outputs.utts, scores, facts)
            if split == recipe.splits.dev and not is_foreign(name):
                calibrate(files, outputs.utts, scores, data)
        if roles.names_attacks(recipe, config):
            classes = decisions(experiment, outputs)
            write_table(files.classes(split), dict(zip(outputs.utts, classes, strict=True)))


if __name__ == "__main__":
    from dada.recipe.command import stage_main

    raise SystemExit(stage_main(__file__))
