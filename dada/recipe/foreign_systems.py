"""Systems that another recipe trained: in a recipe, `asvspoof2019:aasist` is the system aasist as trained in
the folder beside it.

`RECIPE:SYSTEM`, or `RECIPE:PROTOCOL/SYSTEM` for a protocol that is not the other recipe's default. RECIPE is
the name of a folder beside this recipe's, or with a slash a path from this recipe's folder or from the
current one. Such a system is scored here and never trained.
"""

import functools
import os
import shlex
from dataclasses import dataclass, replace
from pathlib import Path

from dada.errors import ConfigError, DataError
from dada.experiment.config import SystemConfig
from dada.experiment.folder import ExperimentFolder
from dada.plugins import nearest
from dada.settings import build
from dada.storage.json_file import read_json

MARK = ":"
FOLDER = "from_"  # before the other recipe's name, in the experiments' folder


def is_foreign(system: str) -> bool:
    """Whether a name stands for a system of another recipe."""
    return MARK in system


@dataclass(frozen=True)
class ForeignSystem:
    """Where such a system comes from: the other recipe, under the protocol that it was trained with."""

    recipe: object  # dada.recipe.recipe.Recipe
    system: str  # its name there
    prefix: str  # of its name here: `asvspoof2019:`, `asvspoof2019:PA/`
    here: Path  # the folder of the recipe that scores it
    asked: tuple[int, ...]  # seeds of the recipe that scores it

    @property
    def below(self) -> Path:
        """Its folder among the experiments of the recipe that scores it."""
        below = "" if self.recipe.protocol == self.recipe.config.protocols[0] else self.recipe.protocol
        return Path(f"{FOLDER}{self.recipe.root.name}") / below / self.system

    @property
    def seeds(self) -> list[int]:
        """The seeds that are asked for and that the other recipe trained; all that are asked for where it
        trained none.
        """
        return [seed for seed in self.asked if self.trained_dir(seed).is_dir()] or list(self.asked)

    def trained_dir(self, seed: int) -> Path:
        """The experiment folder of one training run."""
        return self.recipe.seed_dir(self.system, seed)

    def config(self) -> SystemConfig:
        """Its configuration as it was trained, or as it would be; its branches and its pretrained model named
        from here.
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
            features["model"] = os.path.relpath(model.resolve(), self.here.resolve())
        return replace(
            config,
            name=self.prefix + self.system,
            branches=branches,
            input=replace(config.input, features=features),
        )

    def require_trained(self) -> None:
        """Raise DataError, with the command that trains it, unless every seed that is asked for is finished."""
        folders = [self.trained_dir(seed) for seed in self.seeds]
        unfinished = [folder for folder in folders if ExperimentFolder(folder).missing()]
        if unfinished:
            state = "is not finished" if unfinished[0].is_dir() else "does not exist"
            raise DataError(
                f"{self.prefix}{self.system} is not trained: {unfinished[0]} {state}. Train it with\n  "
                f"{self.command()}"
            )

    def command(self) -> str:
        """What trains it."""
        other, words = self.recipe, ["--stop_stage", "7", "--system", self.system]
        if other.options.exp != "exp":
            words += ["--exp", other.options.exp]
        if other.protocol != (other.config.protocol or other.config.protocols[0]):
            words.append(f"protocol={other.protocol}")
        if not set(self.asked) & set(other.seeds):
            words.append(f"seeds=[{','.join(map(str, self.asked))}]")
        return shlex.join([str(other.root / "run.sh"), *words])


@functools.lru_cache(maxsize=256)
def _saved_config(path: Path, _modified: int) -> SystemConfig:
    """The configuration that a training saved, read once for each state of the file."""
    return build(SystemConfig, read_json(path), str(path))


def find_foreign_system(recipe, name: str) -> ForeignSystem:
    """Where a system of another recipe comes from. Raises ConfigError for a name of another form, or no such
    recipe or protocol.
    """
    from dada.recipe.config import load_recipe_config

    place, _, path = name.partition(MARK)
    protocol, _, system = path.rpartition("/")
    if not place or not system or MARK in path:
        form = "write RECIPE:SYSTEM, e.g. asvspoof2019:aasist, or RECIPE:PROTOCOL/SYSTEM"
        raise ConfigError(f"{name!r} is no system of another recipe: {form}")
    root = _find_recipe(recipe.root, place, name)
    config = load_recipe_config(root)
    if protocol and protocol not in config.protocols:
        known = f"{nearest(protocol, config.protocols)}; known: {', '.join(config.protocols)}"
        raise ConfigError(f"{name!r}: {root} has no protocol {protocol!r}{known}")
    if root.resolve() == recipe.root.resolve() and not protocol:
        raise ConfigError(
            f"{name!r}: {place} is this recipe: write {system}, or {place}:PROTOCOL/{system} for another "
            "of its protocols"
        )
    other = type(recipe)(root, config, protocol or config.protocol or config.protocols[0], (), recipe.options)
    return ForeignSystem(other, system, name.removesuffix(system), recipe.root, tuple(recipe.seeds))


def _find_recipe(here: Path, place: str, name: str) -> Path:
    """The folder of the other recipe."""
    beside = here.resolve().parent
    tried = [here / place, Path(place)] if "/" in place else [beside / place]
    found = next((path for path in tried if (path / "recipe.yaml").is_file()), None)
    if found is None:
        known = sorted(
            path.parent.name for path in beside.glob("*/recipe.yaml") if path.parent != here.resolve()
        )
        where = " or ".join(map(str, tried))
        raise ConfigError(
            f"{name!r}: no recipe in {where}{nearest(place, known)}; recipes beside this one: "
            f"{', '.join(known) or 'none'}"
        )
    return Path(os.path.normpath(found))
