"""Detectors from the flags of a command: a trained experiment, or published weights."""

from collections.abc import Sequence
from pathlib import Path

from dada import checkpoints, models
from dada.checkpoints import Checkpoint, Consent
from dada.detect.detector import Detector
from dada.detect.origin import Origin
from dada.errors import ConfigError, DataError, UserError
from dada.experiment.folder import ExperimentFolder
from dada.experiment.trained import Experiment
from dada.export import is_exported, load_exported
from dada.recipe.config import load_system_config
from dada.score.clip import System

NO_CONSENT = Consent()


def detector_of(
    model: Path | None, seed: int | None, system: str | None, init: Path | None, consent: Consent = NO_CONSENT
) -> Detector:
    """Return the detector that the flags name: with none of them, the published one that is proposed.

    Published weights are fetched where `consent` allows it. Raise UserError for flags that do not go
    together.
    """
    if model is not None and system is None and init is None:
        return of_experiment(model, seed)
    if model is None and seed is None and system is not None and init is not None:
        return of_weights(system, init)
    if model is None and seed is None and init is None:
        return of_checkpoint(checkpoints.choose(system) if system else checkpoints.proposed(), consent)
    raise UserError(
        "say what to score with: --model exp/<system> (and --seed) for a trained experiment, --system NAME "
        "for published weights, or --system NAME --init FILE for a file of weights"
    )


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
    fitted = ExperimentFolder(folder).read_calibration()
    origin = Origin(seed=int(folder.name.partition("_")[2]), calibration=fitted)
    return Detector(System.load(folder, recipe_root(folder)), origin)


def of_exported(folder: Path, seed: int | None = None) -> Detector:
    """Return the detector of a folder that `dada export` wrote. Raise DataError for a damaged one."""
    if seed is not None:
        raise UserError(f"{folder} is an exported system, of one training run: leave out --seed")
    exported = load_exported(folder)
    record = exported.record
    origin = Origin(weights=str(folder), calibration=record["calibration"], caveat=record["caveat"])
    return Detector(exported.system, origin)


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
