"""Score dev and every test split with each trained system, branches before the fusions that read them."""

import logging
from dataclasses import asdict

from dada.recipe.stage import Job
from dada.stages import _systems

log = logging.getLogger(__name__)


def plan(recipe) -> list[Job]:
    """A job for each system and seed; a fusion comes after its branches. Systems that give no countermeasure score only embed."""
    return [_job(recipe, name, seed) for name in _systems.ordered(recipe) for seed in recipe.seeds]


def _job(recipe, name: str, seed: int) -> Job:
    config, home = recipe.system(name), recipe.seed_dir(name, seed)
    splits = recipe.scored_splits
    outputs = [home / "embed" / split / "embed.scp" for split in splits]
    if gives_scores(recipe, config):
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


def gives_scores(recipe, config) -> bool:
    """Whether a system tells bona fide from spoof. A text system does where the corpus says who is supposed to speak."""
    return config.task != "text" or recipe.corpus.purported_speakers


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
    """Write embed/<split> and scores/<split>.txt for dev and the test splits, and calibration.json, fitted on dev."""
    import torch

    from dada.data import DataDir
    from dada.score.experiment import load_experiment
    from dada.score.infer import write_outputs
    from dada.score.scores import provenance, write_scores

    name, seed = job.args["system"], job.args["seed"]
    config, folder = recipe.system(name), recipe.seed_dir(name, seed)
    torch.set_num_threads(config.threads)
    experiment = load_experiment(folder)
    for split in recipe.scored_splits:
        data = DataDir.read(recipe.data_dir(split))
        outputs, scores = _outputs_and_scores(recipe, experiment, seed, data)
        write_outputs(folder / "embed" / split, outputs)
        if gives_scores(recipe, config):
            facts = provenance(folder, experiment, split, _inputs(recipe, config, seed, split))
            write_scores(folder / "scores" / f"{split}.txt", outputs.utts, scores, facts)
            if split == recipe.splits.dev:
                _calibrate(folder, outputs.utts, scores, data)


def _outputs_and_scores(recipe, experiment, seed: int, data):
    """What a system says of a split (`Outputs`), and its scores (N,), None for an author model without purported speakers."""
    from dada.score.fuse import claim_scores, read_branches, score_fusion
    from dada.score.infer import run_model, scores_from_logits

    config = experiment.config
    if config.task == "fusion":
        folders = (recipe.seed_dir(config.branches[branch], seed) for branch in ("audio", "text"))
        fused = score_fusion(experiment.model, config, read_branches(*folders, data.path.name, data.speakers))
        return fused.outputs, fused.scores
    outputs = run_model(experiment.model, _dataset(recipe, config, data), config.train.batch_size)
    if config.task == "text":
        return outputs, _claims(claim_scores(outputs, experiment.labels, data.speakers), config.name) if gives_scores(recipe, config) else None
    return outputs, scores_from_logits(outputs.logits, experiment.labels).numpy()


def _claims(scores, name: str):
    """Log-odds of the purported speaker, 0 (no evidence either way) for one that the text model does not know."""
    import numpy as np

    unknown = np.isnan(scores)
    if unknown.any():
        log.warning("%s: %d of %d utterances have a purported speaker without training texts: their score is 0", name, unknown.sum(), len(scores))
    return np.where(unknown, 0.0, scores)


def _calibrate(folder, utts: list[str], scores, data) -> None:
    """Fit scores to log-likelihood ratios on dev, for whoever wants a probability; the score files keep the scores as they are."""
    import json

    import numpy as np

    from dada.data import BONAFIDE, write_text
    from dada.score.calibration import fit_platt

    if data.labels is None or len(set(data.labels.values())) < 2:
        return
    platt = fit_platt(scores, np.array([data.labels[utt] == BONAFIDE for utt in utts]))
    write_text(folder / "calibration.json", json.dumps({"slope": platt.slope, "offset": platt.offset, "fitted_on": data.path.name}, indent=1) + "\n")


def _dataset(recipe, config, data):
    """The utterances of a split as the system was trained to read them."""
    from dada.data.dataset import audio_dataset
    from dada.text.dataset import text_dataset

    dump = recipe.dump_dir(config.input, data.path.name) if config.input.features else None
    return (audio_dataset if config.task == "audio" else text_dataset)(data, config, dump, training=False)


if __name__ == "__main__":
    from dada.recipe.command import stage_main

    raise SystemExit(stage_main(__file__))
