"""Stage 7 for systems on top of others: ensembles, which are fitted on dev, and open-set systems, on a
classifier's train and dev.
"""

import logging
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from dada.data import BONAFIDE
from dada.data.datadir import UNKNOWN, class_table
from dada.errors import ConfigError
from dada.experiment.folder import ExperimentFolder
from dada.recipe import roles
from dada.recipe.job import Job

MEMBERS = (
    "audio",
    "ensemble",
)  # tasks whose systems have spoken of train and dev by the end of their training

log = logging.getLogger(__name__)


def ensemble_job(recipe, name: str, seed: int) -> Job:
    """One seed of an ensemble. Of countermeasures it reads dev alone; of classifiers it also says what it
    makes of train.
    """
    config, home = recipe.system(name), recipe.seed_dir(name, seed)
    _check_branches(recipe, config)
    splits = _said_splits(recipe, config)
    labels = (
        () if roles.names_attacks(recipe, config) else (recipe.data_dir(recipe.splits.dev) / "utt2label",)
    )
    files = ExperimentFolder(home)
    return _job(
        recipe,
        config,
        seed,
        (*_said(recipe, config, seed, splits), *labels),
        (files.fitted("ensemble"), *files.outputs(splits)),
    )


def run_ensemble(recipe, job: Job) -> None:
    """Fit one seed of an ensemble on dev, and write what it says."""
    import numpy as np

    from dada import models
    from dada.data import DataDir
    from dada.experiment.folder import ExperimentFolder
    from dada.experiment.trained import save_experiment
    from dada.score.ensemble import fit_ensemble, read_members, score_ensemble

    config, seed = recipe.system(job.system), job.seed
    folders = {name: recipe.seed_dir(system, seed) for name, system in config.branches.items()}
    splits = _said_splits(recipe, config)
    rows = {split: read_members(folders, split, config.labels) for split in splits}
    dev, bonafide = rows[recipe.splits.dev], None
    config = replace(config, labels=dev.labels, model={**config.model, "members": list(config.branches)})
    if class_table(config.labels) == "utt2label":
        labels = DataDir.read(recipe.data_dir(recipe.splits.dev), require=("utt2label",))["utt2label"]
        bonafide = np.array([labels[utt] == BONAFIDE for utt in dev.utts])
    model = models.build("ensemble", config.model, len(config.labels))
    fitted = fit_ensemble(model, dev, bonafide)
    log.info(
        "%s: %s",
        config.name,
        ", ".join(f"{name} {100 * m['share']:.0f} %" for name, m in fitted["members"].items()),
    )
    for split in splits:
        ExperimentFolder(job.home).write_outputs(split, score_ensemble(model, rows[split]))
    save_experiment(job.home, config, model, fitted)


def open_set_job(recipe, name: str, seed: int) -> Job:
    """One seed of an open-set system."""
    config, home = recipe.system(name), recipe.seed_dir(name, seed)
    _check_branches(recipe, config)
    splits = _fit_splits(recipe, config)
    tables = [recipe.data_dir(split) / "utt2attack" for split in splits]
    return _job(
        recipe,
        config,
        seed,
        (*_said(recipe, config, seed, splits), *tables),
        (ExperimentFolder(home).fitted("open_set"),),
    )


def run_open_set(recipe, job: Job) -> None:
    """Fit OpenMax to the classifier's logits; where it is to be tuned, choose its tail and threshold on dev
    first.
    """
    from dada import models
    from dada.experiment.trained import save_experiment
    from dada.score.openmax import best_of, fit_openmax, sweep

    config, seed = recipe.system(job.system), job.seed
    folder = recipe.seed_dir(config.branches["classifier"], seed)
    labels = ExperimentFolder(folder).read_labels()
    train, dev = recipe.splits.train, recipe.splits.dev
    says = {
        split: _logits_and_classes(recipe, folder, split, labels) for split in _fit_splits(recipe, config)
    }
    config = replace(config, labels=[*labels, UNKNOWN])
    fitted = {}
    if config.model["tune"]:
        tried = sweep(
            models.build("open_set", config.model, len(config.labels)).config, says[train], says[dev], labels
        )
        best = best_of(tried)
        config = replace(config, model={**config.model, "tail": best["tail"], "threshold": best["threshold"]})
        fitted["sweep"] = tried
        log.info(
            "%s: tail %d and threshold %g are best on dev, of %d tried",
            config.name,
            best["tail"],
            best["threshold"],
            len(tried),
        )
    model = models.build("open_set", config.model, len(config.labels))
    parts = list(says.values()) if config.model["fit_on"] == "train_dev" else [says[train]]
    logits, classes = (_cat([part[i] for part in parts]) for i in (0, 1))
    save_experiment(job.home, config, model, {**fit_openmax(model, logits, classes, labels), **fitted})


def _logits_and_classes(recipe, folder: Path, split: str, labels: Sequence[str]):
    """A classifier's logits (N, K) of a split and the true classes (N,), in the same order."""
    import torch

    from dada.data import DataDir
    from dada.data.dataset import class_indices
    from dada.experiment.folder import ExperimentFolder

    outputs = ExperimentFolder(folder).read_outputs(split)
    data = DataDir.read(recipe.data_dir(split), require=("utt2attack",))
    classes = dict(zip(data.utts, class_indices(data, labels, required=True).tolist(), strict=True))
    return outputs.logits, torch.tensor([classes[utt] for utt in outputs.utts])


def _cat(parts):
    import torch

    return torch.cat(parts)


def _job(recipe, config, seed: int, inputs, outputs) -> Job:
    home = recipe.seed_dir(config.name, seed)
    return Job(
        stage="train_fusion",
        name=f"{recipe.protocol}/{config.name}/seed_{seed}",
        home=home,
        kind=config.task,
        protocol=recipe.protocol,
        inputs=tuple(inputs),
        outputs=(ExperimentFolder(home).weights, *outputs),
        settings={**asdict(config), "seed": seed},
        keep=True,
        systems=(config.name,),
        seed=seed,
    )


def _said(recipe, config, seed: int, splits: Sequence[str]) -> list[Path]:
    """What the branches said of some splits."""
    return [
        ExperimentFolder(recipe.seed_dir(branch, seed)).embeddings(split)
        for branch in config.branches.values()
        for split in splits
    ]


def _said_splits(recipe, config) -> list[str]:
    """The splits that an ensemble speaks of once it is fitted: an open-set system on top of classifiers wants
    train as well.
    """
    return (
        [recipe.splits.train, recipe.splits.dev]
        if roles.names_attacks(recipe, config)
        else [recipe.splits.dev]
    )


def _fit_splits(recipe, config) -> list[str]:
    """The splits that an open-set system learns from."""
    more = config.model["tune"] or config.model["fit_on"] == "train_dev"
    return [recipe.splits.train, recipe.splits.dev] if more else [recipe.splits.train]


def _check_branches(recipe, config) -> None:
    """Raise ConfigError for branches that cannot be what the system stands on."""
    tasks = {name: recipe.system(system).task for name, system in config.branches.items()}
    wrong = [name for name, task in tasks.items() if task not in MEMBERS]
    if wrong:
        raise ConfigError(
            f"{config.name}: branches.{wrong[0]} is a {tasks[wrong[0]]} system; only audio systems and "
            "ensembles can be one"
        )
    if config.task == "ensemble" and not tasks:
        raise ConfigError(
            f"{config.name}: `branches` must name the members, e.g. {{lcnn: cqt_lcnn, gmm: lfcc_gmm}}"
        )
    if config.task == "open_set":
        if set(tasks) != {"classifier"}:
            raise ConfigError(
                f"{config.name}: `branches` must name the classifier that OpenMax is put on, e.g. "
                "{classifier: lfcc_lcnn_attacks}"
            )
        if not roles.names_attacks(recipe, config):
            raise ConfigError(
                f"{config.name}: {config.branches['classifier']} tells spoof from bonafide; OpenMax wants "
                "one of attacks (labels: [])"
            )
