"""Score dev and every test split with each trained system and seed, fusions from what their branches said.

A system that another recipe trained is scored in a folder of its own, after a look at whether it was trained
on what it is asked about.
"""

import logging
from dataclasses import asdict

from dada.experiment.folder import ExperimentFolder
from dada.recipe import leakage, roles
from dada.recipe.foreign_systems import is_foreign
from dada.recipe.job import Job
from dada.storage.json_file import write_json

KIND = "score"

log = logging.getLogger(__name__)


def plan(recipe) -> list[Job]:
    """A job for each system and seed, and one for each recipe that trained some of them."""
    return [
        *leakage.jobs(recipe),
        *(_job(recipe, name, seed) for name in recipe.planned for seed in recipe.seeds_of(name)),
    ]


def _job(recipe, name: str, seed: int) -> Job:
    config, home = recipe.system(name), recipe.seed_dir(name, seed)
    splits = recipe.scored_splits
    embedded = [split for split in splits if not _embedded_by_training(recipe, config, split)]
    before = (leakage.report_path(recipe, name),) if is_foreign(name) else ()
    files = ExperimentFolder(home)
    outputs = [files.config, files.labels] if is_foreign(name) else []
    outputs += files.outputs(embedded)
    outputs += [files.scores(split) for split in splits if roles.gives_scores(recipe, config)]
    outputs += [files.classes(split) for split in splits if roles.names_attacks(recipe, config)]
    return Job(
        stage="score",
        name=f"{recipe.protocol}/{name}/seed_{seed}",
        home=home / "scores",
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


def _embedded_by_training(recipe, config, split: str) -> bool:
    """Training already wrote what audio and text systems and ensembles say of dev, where it was done here."""
    return (
        split == recipe.splits.dev
        and config.task not in ("fusion", "open_set")
        and not is_foreign(config.name)
    )


def _inputs(recipe, config, seed: int, split: str) -> tuple:
    """The files that the scores of a split depend on, besides the weights."""
    speakers = (recipe.data_dir(split) / "utt2spk",) if recipe.corpus.purported_speakers else ()
    if config.branches:
        said = [
            ExperimentFolder(recipe.seed_dir(branch, seed)).embeddings(split)
            for branch in config.branches.values()
        ]
        return (*said, *(speakers if config.task == "fusion" else ()))
    if config.task == "audio":
        return roles.audio_files(recipe, config.input, split)
    dump = roles.dump_of(recipe, config.input, split)
    return (recipe.data_dir(split) / "text" if dump is None else dump / "feats.scp", *speakers)


def run(recipe, job: Job) -> None:
    """Run a job of either kind."""
    {KIND: _score, leakage.KIND: leakage.run}[job.kind](recipe, job)


def _score(recipe, job: Job) -> None:
    """Write embed/<split>, scores/<split>.txt and classes/<split>.txt for dev and the test splits; and
    calibration.json, fitted on dev.
    """
    import torch

    from dada.data import DataDir, write_table
    from dada.experiment.folder import ExperimentFolder
    from dada.experiment.trained import load_experiment
    from dada.score.scores import provenance, write_scores

    name, seed = job.system, job.seed
    config, folder, trained = (
        recipe.system(name),
        recipe.seed_dir(name, seed),
        roles.trained_dir(recipe, name, seed),
    )
    torch.set_num_threads(config.threads)
    experiment = load_experiment(trained)
    if is_foreign(name):
        _copy(trained, folder)
    for split in recipe.scored_splits:
        data = DataDir.read(recipe.data_dir(split))
        outputs = _outputs(recipe, experiment, config, seed, data, split)
        if not _embedded_by_training(recipe, config, split):
            ExperimentFolder(folder).write_outputs(split, outputs)
        if roles.gives_scores(recipe, config):
            scores = _scores(experiment, outputs, data)
            facts = provenance(
                trained, experiment, split, _inputs(recipe, config, seed, split)
            ) | _trained_elsewhere(recipe, name, trained)
            write_scores(ExperimentFolder(folder).scores(split), outputs.utts, scores, facts)
            if split == recipe.splits.dev and not is_foreign(name):
                _calibrate(folder, outputs.utts, scores, data)
        if roles.names_attacks(recipe, config):
            write_table(ExperimentFolder(folder).classes(split), _classes(experiment, outputs))


def _copy(trained, folder) -> None:
    from dada.storage.atomic import write_text

    """Copy configuration and labels, so that a folder of scores tells by itself what gave them."""
    old, new = ExperimentFolder(trained), ExperimentFolder(folder)
    for source, target in ((old.config, new.config), (old.labels, new.labels)):
        write_text(target, source.read_text(encoding="utf-8"))


def _trained_elsewhere(recipe, name: str, trained) -> dict:
    """Of a system that another recipe trained: where, and the calibration of its scores, which was fitted on
    that recipe's dev.
    """

    if not is_foreign(name):
        return {}
    other = recipe.origin(name).recipe
    calibration = ExperimentFolder(trained).read_calibration()
    if calibration:
        calibration["fitted_on"] = f"{calibration['fitted_on']} of {other.root.name}"
    found = {
        "recipe": other.root.name,
        "corpus": other.corpus.name,
        "protocol": other.protocol,
        "calibration": calibration,
    }
    return {"system": name, "trained": found}


def _outputs(recipe, experiment, config, seed: int, data, split: str):
    """What a system says of a split (`Outputs`). `config` names its branches and features as this recipe
    does.
    """
    from dada.data.dataset import audio_dataset
    from dada.experiment.folder import ExperimentFolder
    from dada.models.inference import run_model

    if _embedded_by_training(recipe, config, split):
        return ExperimentFolder(recipe.seed_dir(config.name, seed)).read_outputs(split)
    if config.branches:
        from dada.score.on_top import combine

        folders = {name: recipe.seed_dir(system, seed) for name, system in config.branches.items()}
        said = {name: ExperimentFolder(folder).read_outputs(split) for name, folder in folders.items()}
        labels = {name: ExperimentFolder(folder).read_labels() for name, folder in folders.items()}
        return combine(experiment, said, labels, data.speakers)
    dump = roles.dump_of(recipe, config.input, split)
    if config.task == "audio":
        dataset = audio_dataset(data, experiment.config, dump, training=False)
    else:
        from dada.text.dataset import text_dataset

        dataset = text_dataset(data, experiment.config, dump)
    return run_model(experiment.model, dataset, experiment.config.train.batch_size)


def _scores(experiment, outputs, data):
    """Scores (N,): of an author model, the log-odds that the purported speaker said the words.

    A speaker whom it does not know gets the log-odds of chance, since there is no evidence either way.
    """
    import numpy as np

    from dada.score.on_top import scores_of

    scores = scores_of(experiment, outputs, data.speakers)
    if experiment.config.task != "text":
        return scores
    unknown = np.isnan(scores)
    if unknown.any():
        log.warning(
            "%s: %d of %d purported speakers are not among its authors",
            experiment.config.name,
            unknown.sum(),
            len(scores),
        )
    return np.where(unknown, -np.log(max(len(experiment.labels) - 1, 1)), scores)


def _classes(experiment, outputs) -> dict[str, str]:
    """Utterance -> the name of the class that the system decides for."""
    from dada.score.on_top import decisions

    return dict(zip(outputs.utts, decisions(experiment, outputs), strict=True))


def _calibrate(folder, utts: list[str], scores, data) -> None:
    """Fit scores to log-likelihood ratios on dev, for whoever wants a probability; the score files keep the
    scores as they are.
    """

    import numpy as np

    from dada.data import BONAFIDE
    from dada.score.calibration import fit_platt

    if data.labels is None or len(set(data.labels.values())) < 2:
        return
    platt = fit_platt(scores, np.array([data.labels[utt] == BONAFIDE for utt in utts]))
    fitted = {"slope": platt.slope, "offset": platt.offset, "fitted_on": data.path.name}
    write_json(ExperimentFolder(folder).calibration, fitted)


if __name__ == "__main__":
    from dada.recipe.command import stage_main

    raise SystemExit(stage_main(__file__))
