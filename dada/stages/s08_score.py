"""Score dev and every test split with each trained system, branches before the fusions that read them."""

from dataclasses import asdict

from dada.recipe.stage import Job
from dada.stages import _systems


def plan(recipe) -> list[Job]:
    """A job for each system and seed; a fusion comes after its branches. Systems that give no countermeasure score only embed."""
    return [_job(recipe, name, seed) for name in _systems.ordered(recipe) for seed in recipe.seeds]


def _splits(recipe) -> list[str]:
    return [recipe.splits.dev, *recipe.splits.test]


def _job(recipe, name: str, seed: int) -> Job:
    config, home = recipe.system(name), recipe.seed_dir(name, seed)
    splits = _splits(recipe)
    outputs = [home / "embed" / split / "embed.scp" for split in splits]
    if gives_scores(config):
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


def gives_scores(config) -> bool:
    """Whether a system tells bona fide from spoof; an author model does not."""
    from dada.data.datadir import BONAFIDE, SPOOF

    return config.task == "fusion" or {BONAFIDE, SPOOF} <= set(config.labels)


def _inputs(recipe, config, seed: int, split: str) -> tuple:
    """The files that scores of a split depend on, besides the weights."""
    if config.task == "fusion":
        return tuple(recipe.seed_dir(branch, seed) / "embed" / split / "embed.scp" for branch in config.branches.values())
    if config.task == "text":
        if config.input.kind == "text_features":
            return (recipe.dump_dir(config.input, split) / "feats.scp",)
        return (recipe.data_dir(split) / "text",)
    return _systems.input_files(recipe, config.input, split, labelled=False)


def run(recipe, job: Job) -> None:
    """Write embed/<split> and scores/<split>.txt for dev and the test splits."""
    import torch

    from dada.score.experiment import load_experiment
    from dada.score.infer import run_model, scores_from_logits, write_outputs
    from dada.score.scores import provenance, write_scores

    name, seed = job.args["system"], job.args["seed"]
    config, folder = recipe.system(name), recipe.seed_dir(name, seed)
    torch.set_num_threads(config.threads)
    experiment = load_experiment(folder)
    for split in _splits(recipe):
        if config.task == "fusion":
            from dada.score.fuse import score_fusion

            outputs = score_fusion(recipe, name, seed, split)
        else:
            outputs = run_model(experiment.model, _dataset(recipe, experiment.config, split), config.train.batch_size)
        write_outputs(folder / "embed" / split, outputs)
        if gives_scores(config):
            scores = scores_from_logits(outputs.logits, experiment.labels)
            facts = provenance(folder, experiment, split, _inputs(recipe, config, seed, split))
            write_scores(folder / "scores" / f"{split}.txt", outputs.utts, scores.numpy(), facts)


def _dataset(recipe, config, split: str):
    """The utterances of a split as the system was trained to read them."""
    from dada.data import DataDir
    from dada.data.dataset import audio_dataset

    data = DataDir.read(recipe.data_dir(split))
    dump = recipe.dump_dir(config.input, split)
    if config.task == "audio":
        return audio_dataset(data, config, dump, training=False)
    from dada.text.dataset import text_dataset

    return text_dataset(data, config, dump, training=False)


if __name__ == "__main__":
    from dada.recipe.command import stage_main

    raise SystemExit(stage_main(__file__))
