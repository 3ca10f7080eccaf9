"""Detectors from the flags of a command: a trained experiment, or published weights."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from dada import checkpoints, models
from dada.checkpoints import Checkpoint, Consent
from dada.data import BONAFIDE, SPOOF, read_table
from dada.data.sound import Trained, trained_on
from dada.detect.detector import Detector
from dada.detect.origin import KnownScores, Origin
from dada.errors import ConfigError, DataError, UserError
from dada.experiment.folder import ExperimentFolder
from dada.experiment.trained import Experiment
from dada.export import is_exported, load_exported
from dada.export.hub import fetched, is_hub_name
from dada.recipe.config import load_recipe_config, load_system_config
from dada.recipe.schema import RecipeConfig
from dada.score.clip import System
from dada.score.scores import read_scores

NO_CONSENT = Consent()


def detector_of(
    model: Path | None, seed: int | None, system: str | None, init: Path | None, consent: Consent = NO_CONSENT
) -> Detector:
    """Return the detector that the flags name: with none of them, the published one that is proposed.

    Published weights are fetched where `consent` allows it. Raise UserError for flags that do not go
    together.
    """
    if model is not None and system is None and init is None:
        return of_experiment(fetched(model, consent) if is_hub_name(model) else model, seed)
    if model is None and seed is None and system is not None and init is not None:
        return of_weights(system, init)
    if model is None and seed is None and init is None:
        return of_checkpoint(checkpoints.choose(system) if system else checkpoints.proposed(), consent)
    raise UserError(
        "say what to score with: --model exp/<system> (and --seed) for a trained experiment, --system NAME "
        "for published weights, or --system NAME --init FILE for a file of weights"
    )


def detectors_of(
    experiments: Sequence[Path],
    seed: int | None,
    systems: Sequence[str],
    inits: Sequence[Path],
    consent: Consent = NO_CONSENT,
) -> list[Detector]:
    """Return the detectors that repeated flags name, experiments first; the n-th of `inits` is of the n-th of
    `systems`. The errors are those of `detector_of`.
    """
    if len(inits) > 1 and len(inits) != len(systems):
        raise UserError(f"{len(systems)} --system and {len(inits)} --init: give each system its file")
    if len(experiments) + len(systems) < 2:
        one = (*experiments, None)[0], seed, (*systems, None)[0], (*inits, None)[0]
        return [detector_of(*one, consent)]
    if len(inits) == 1 and len(systems) != 1:
        raise UserError("--init without one --system of its own: say which system the file is of")
    files: Sequence[Path | None] = inits or [None] * len(systems)
    return [
        *(detector_of(model, seed, None, None, consent) for model in experiments),
        *(detector_of(None, None, name, file, consent) for name, file in zip(systems, files, strict=True)),
    ]


def of_checkpoint(checkpoint: Checkpoint, consent: Consent) -> Detector:
    """Return the detector of published weights. Raise UserError where they may not be fetched, or cannot."""
    path = checkpoints.locate(checkpoint, consent)
    origin = Origin(weights=checkpoint.name, caveat=checkpoint.caveat)
    return Detector(_system_of_weights(checkpoint.system, path, checkpoint.overrides()), origin)


def of_experiment(model: Path, seed: int | None = None) -> Detector:
    """Return the detector of exp/<system>, of exp/<system>/seed_<k>, or of an exported folder."""
    if is_exported(model):
        return of_exported(model, seed)
    folder = seed_folder(Path(model), seed)
    root = recipe_root(folder)
    system = System.load(folder, root)
    config = load_recipe_config(root)
    origin = _trained(folder, root, config)
    if system.config.task == "fusion" and "audio" in system.config.branches:
        audio = folder.parent.parent / system.config.branches["audio"] / folder.name
        origin = replace(origin, without_words=_trained(audio, root, config))
    return Detector(system, origin)


def _trained(folder: Path, root: Path, config: RecipeConfig) -> Origin:
    """Return where a training run below the recipe `root` comes from."""
    files = ExperimentFolder(folder)
    fitted = files.read_calibration()
    split = str((fitted or {}).get("fitted_on") or config.splits.dev)
    population = f"{split} of {config.corpus.name}"
    return Origin(
        seed=int(folder.name.partition("_")[2]),
        calibration=fitted,
        population=population,
        known=known_scores(files, split, population, _data_folders(folder, root, config, split)),
        caveat=config.caveat,
        trained=_heard(_data_folders(folder, root, config, config.splits.train)),
    )


def _heard(folders: Sequence[Path]) -> Trained | None:
    return next(filter(None, map(trained_on, folders)), None)


def _data_folders(folder: Path, root: Path, config: RecipeConfig, split: str | None) -> list[Path]:
    """Return where the data directory of a split may lie: below the protocol of the run, or for the first."""
    if split is None:
        return []
    below = folder.resolve().parts[len(root.resolve().parts) :]
    named = [name for name in config.protocols[1:] if name in below]
    return [root / "data" / name / split for name in named] + [root / "data" / split]


def known_scores(
    files: ExperimentFolder, split: str, population: str, folders: Sequence[Path]
) -> KnownScores | None:
    """Return the scores of a training run on a split whose classes are known; None without them."""
    tables = [folder / "utt2label" for folder in folders if (folder / "utt2label").is_file()]
    if not files.scores(split).is_file() or not tables:
        return None
    scores, labels = read_scores(files.scores(split)), read_table(tables[0])
    by_label = {
        label: np.sort(np.array([score for utt, score in scores.items() if labels.get(utt) == label]))
        for label in (BONAFIDE, SPOOF)
    }
    return KnownScores(population, by_label[BONAFIDE], by_label[SPOOF])


def of_exported(folder: Path, seed: int | None = None) -> Detector:
    """Return the detector of a folder that `dada export` wrote. Raise DataError for a damaged one."""
    if seed is not None:
        raise UserError(f"{folder} is an exported system, of one training run: leave out --seed")
    exported = load_exported(folder)
    origin = _recorded(folder, exported.record, exported.record)
    if "without_words" in exported.record:
        audio = _recorded(folder, exported.record, exported.record["without_words"])
        origin = replace(origin, without_words=audio)
    return Detector(exported.system, replace(origin, transcribe=exported.transcribe))


def _recorded(folder: Path, record: Mapping[str, Any], part: Mapping[str, Any]) -> Origin:
    """Return where an exported system comes from, with the calibration and the scores of a part of it."""
    fitted = part["calibration"]
    population = f"{(fitted or {}).get('fitted_on', 'dev')} of {record['provenance']['corpus']}"
    scores = [np.sort(np.array(part["known_scores"].get(label, []))) for label in (BONAFIDE, SPOOF)]
    return Origin(
        weights=str(folder),
        calibration=fitted,
        population=population if fitted else "",
        known=KnownScores(population, *scores) if all(map(len, scores)) else None,
        caveat=record["caveat"],
        trained=_trained_of(record.get("trained")),
    )


def _trained_of(record: Mapping[str, Any] | None) -> Trained | None:
    if record is None:
        return None
    seconds = record["seconds"]
    return Trained(record["bandwidth"], None if seconds is None else (seconds[0], seconds[1]))


def of_weights(name: str, weights: Path) -> Detector:
    """Return the detector of a configuration of dada/conf and a file of weights, the authors' own or ours."""
    system, known = _system_of_weights(name, weights), checkpoints.recognise(weights)
    return Detector(system, Origin(weights=str(weights), caveat=known.caveat if known else ""))


def _system_of_weights(name: str, weights: Path, overrides: Sequence[str] = ()) -> System:
    config = load_system_config(name, None, overrides)
    if config.task != "audio":
        raise ConfigError(
            f"{name} is no audio system, and a file of weights alone does not make it: give --model, "
            "its experiment"
        )
    if not config.labels:
        raise ConfigError(
            f"{name} has the classes of its training data, which a file of weights does not name: "
            "give --model"
        )
    model = models.build(config.task, config.model, len(config.labels))
    models.load_weights(model, config.task, config.model["name"], weights)
    return System(Experiment(config, config.labels, model.eval()), None)


def seed_folder(model: Path, seed: int | None) -> Path:
    """Return exp/<system>/seed_<k> of an experiment folder: `model` itself, that of `seed`, or the first.

    Raise DataError where there is none.
    """
    if not model.is_dir():
        raise DataError(
            f"{model} does not exist: name the folder of a trained system, e.g. egs/mini/exp/lfcc_lcnn"
        )
    folders = [model] if model.name.startswith("seed_") else model.glob("seed_*")
    seeds = [path for path in folders if path.is_dir() and path.name.removeprefix("seed_").isdecimal()]
    seeds.sort(key=lambda path: int(path.name.removeprefix("seed_")))
    chosen = [path for path in seeds if seed is None or path.name == f"seed_{seed}"]
    if not chosen:
        wanted = "trained seed" if seed is None else f"seed_{seed}"
        raise DataError(f"{model} has no {wanted}; there: {', '.join(p.name for p in seeds) or 'none'}")
    return chosen[0]


def recipe_root(folder: Path) -> Path:
    """The recipe that an experiment belongs to: its recipe.yaml says how to transcribe, and pretrained models
    lie below it.
    """
    for parent in folder.resolve().parents:
        if (parent / "recipe.yaml").is_file():
            return parent
    raise ConfigError(
        f"{folder} does not lie in the folder of a recipe (no recipe.yaml above it): keep exp/ where the "
        "recipe made it"
    )
