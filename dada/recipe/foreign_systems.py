"""Systems of another recipe: `asvspoof2019:aasist` is the system aasist that the recipe asvspoof2019 trained.

Such a system is named `RECIPE:SYSTEM`, or `RECIPE:PROTOCOL/SYSTEM` for a protocol that is not the other
recipe's default. RECIPE is the name of a neighbouring folder, or with a slash a path from the folder of this
recipe or from the current folder. The system is scored and never trained.
"""

import functools
import os
import shlex
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dada.errors import ConfigError, DataError
from dada.experiment.config import SystemConfig
from dada.experiment.folder import TRAIN_AGAIN, ExperimentFolder
from dada.plugins import nearest
from dada.recipe.config import load_recipe_config
from dada.recipe.schema import RecipeConfig
from dada.recipe_view import RecipeView
from dada.settings import build
from dada.storage.atomic import write_text
from dada.storage.json_file import read_json
from dada.storage.reading import read_text

MARK = ":"
FOLDER = "from_"  # before the other recipe's name, in the experiments' folder


def is_foreign(system: str) -> bool:
    """Whether a name stands for a system of another recipe."""
    return MARK in system


@dataclass(frozen=True)
class ForeignSystem:
    """A system of another recipe, under the protocol that it was trained with."""

    recipe: RecipeView  # the other recipe
    system: str  # name in the other recipe
    prefix: str  # of its name in the recipe that scores it: `asvspoof2019:`, `asvspoof2019:PA/`
    scoring_root: Path  # folder of the recipe that scores it
    scoring_seeds: tuple[int, ...]  # seeds of the recipe that scores it
    exp: str  # folder of the experiments, below either recipe's

    @property
    def folder(self) -> Path:
        """Its folder among the experiments of the recipe that scores it."""
        below = "" if self.recipe.protocol == self.recipe.config.protocols[0] else self.recipe.protocol
        return Path(f"{FOLDER}{self.recipe.root.name}") / below / self.system

    @property
    def seeds(self) -> list[int]:
        """The seeds of the scoring recipe that the other recipe trained; all of them where it trained
        none.
        """
        trained = [seed for seed in self.scoring_seeds if self.trained_dir(seed).is_dir()]
        return trained or list(self.scoring_seeds)

    def trained_dir(self, seed: int) -> Path:
        """The experiment folder of one training run."""
        return self.recipe.seed_dir(self.system, seed)

    def config(self) -> SystemConfig:
        """The configuration that it was trained with, or else would be trained with.

        Branches have the names, and the pretrained model has the path, that hold for the scoring recipe.
        """
        configs = (ExperimentFolder(self.trained_dir(seed)).config for seed in self.seeds)
        saved = next((path for path in configs if path.is_file()), None)
        config = (
            self.recipe.system(self.system)
            if saved is None
            else _saved_config(saved, saved.stat().st_mtime_ns)
        )
        branches = {name: self.prefix + system for name, system in config.branches.items()}
        features = dict(config.input.features)
        model = self.recipe.root / str(features.get("model"))
        if model.is_dir():
            features["model"] = os.path.relpath(model.resolve(), self.scoring_root.resolve())
        return replace(
            config,
            name=self.prefix + self.system,
            branches=branches,
            input=replace(config.input, features=features),
        )

    def require_trained(self) -> None:
        """Raise DataError, with the command that trains it, unless the training of every seed is finished."""
        folders = [self.trained_dir(seed) for seed in self.seeds]
        unfinished = next((folder for folder in folders if ExperimentFolder(folder).missing()), None)
        if unfinished is not None:
            state = "is not finished" if unfinished.is_dir() else "does not exist"
            raise DataError(
                f"{self.prefix}{self.system} is not trained: {unfinished} {state}. Train it with\n  "
                f"{self.command()}"
            )

    def copy_settings(self, seed: int, files: ExperimentFolder) -> dict[str, Any]:
        """Copy the settings and labels of one training run to the folder of its scores; return its origin.

        The origin includes the calibration, which was fitted on dev of the other recipe.
        """
        source = ExperimentFolder(self.trained_dir(seed))
        write_text(files.config, read_text(source.config, TRAIN_AGAIN))
        write_text(files.labels, read_text(source.labels, TRAIN_AGAIN))
        calibration, recipe = source.read_calibration(), self.recipe.root.name
        if calibration:
            calibration["fitted_on"] = f"{calibration['fitted_on']} of {recipe}"
        origin = {"recipe": recipe, "corpus": self.recipe.corpus.name, "protocol": self.recipe.protocol}
        return {"system": self.prefix + self.system, "trained": origin | {"calibration": calibration}}

    def command(self) -> str:
        """The command that trains it."""
        other, words = self.recipe, ["--stop_stage", "7", "--system", self.system]
        if self.exp != "exp":
            words += ["--exp", self.exp]
        if other.protocol != other.config.protocols_to_run[0]:
            words.append(f"protocol={other.protocol}")
        if not set(self.scoring_seeds) & set(other.seeds):
            words.append(f"seeds=[{','.join(map(str, self.scoring_seeds))}]")
        return shlex.join([str(other.root / "run.sh"), *words])


@functools.lru_cache(maxsize=256)
def _saved_config(path: Path, _modified: int) -> SystemConfig:
    """Return the configuration that a training saved; a file is read again after a change."""
    return build(SystemConfig, read_json(path), str(path))


def find_foreign_system(scoring_root: Path, name: str) -> tuple[Path, RecipeConfig, str, str]:
    """Return the folder, configuration and protocol of the other recipe, and the name of the system there.

    Raise ConfigError for a name of another form, and for an unknown recipe or protocol.
    """
    place, _, path = name.partition(MARK)
    protocol, _, system = path.rpartition("/")
    if not place or not system or MARK in path:
        form = "write RECIPE:SYSTEM, e.g. asvspoof2019:aasist, or RECIPE:PROTOCOL/SYSTEM"
        raise ConfigError(f"{name!r} is no system of another recipe: {form}")
    root, config, _ = find_recipe(scoring_root, f"{place}{MARK}{protocol}")
    if root.resolve() == scoring_root.resolve() and not protocol:
        raise ConfigError(
            f"{name!r}: {place} is this recipe: write {system}, or {place}:PROTOCOL/{system} for another "
            "of its protocols"
        )
    return root, config, protocol or config.protocols_to_run[0], system


def find_recipe(root: Path, name: str) -> tuple[Path, RecipeConfig, str]:
    """Return the folder, configuration and protocol of RECIPE, or of RECIPE:PROTOCOL, seen from a recipe.

    Raise ConfigError for an unknown recipe or protocol.
    """
    place, _, protocol = name.partition(MARK)
    other = _find_recipe(root, place, name)
    config = load_recipe_config(other)
    if protocol and protocol not in config.protocols:
        known = f"{nearest(protocol, config.protocols)}; known: {', '.join(config.protocols)}"
        raise ConfigError(f"{name!r}: {other} has no protocol {protocol!r}{known}")
    return other, config, protocol


def _find_recipe(scoring_root: Path, place: str, name: str) -> Path:
    """Return the folder of the other recipe. Raise ConfigError where there is none."""
    neighbours = scoring_root.resolve().parent
    candidates = [scoring_root / place, Path(place)] if "/" in place else [neighbours / place]
    root = next((path for path in candidates if (path / "recipe.yaml").is_file()), None)
    if root is None:
        folders = sorted(path.parent for path in neighbours.glob("*/recipe.yaml"))
        known = [path.name for path in folders if path != scoring_root.resolve()]
        raise ConfigError(
            f"{name!r}: no recipe in {' or '.join(map(str, candidates))}{nearest(place, known)}; "
            "recipes beside "
            f"this one: {', '.join(known) or 'none'}"
        )
    return Path(os.path.normpath(root))
