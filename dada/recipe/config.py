"""Reading configuration: dataclasses are the schema, YAML holds the values, later layers win.

schema < dada/conf/<system>.yaml < recipe.yaml < the recipe's conf/<system>.yaml < local.yaml < key=value. All
errors of all layers are reported in one message, each with its file and key, and the nearest right key.
"""

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from dada.data.input import misfit
from dada.errors import ConfigError
from dada.experiment.config import SystemConfig, TrainConfig
from dada.plugin_schema import class_constant, config_class
from dada.plugins import nearest
from dada.recipe.schema import MISSING, RecipeConfig
from dada.settings import build, key_errors, parse_overrides, raise_errors, resolve
from dada.storage.yaml_file import read_yaml
from dada.system_files import system_layers


def load_recipe_config(root: Path, overrides: Iterable[str] = ()) -> RecipeConfig:
    """`recipe.yaml` of a recipe folder, then its `local.yaml`, then `key=value` overrides."""
    path = root / "recipe.yaml"
    if not path.is_file():
        raise ConfigError(f"{path} does not exist: name the folder of a recipe, e.g. egs/mini")
    layers = [(str(path), read_yaml(path))]
    if (root / "local.yaml").exists():
        layers.append((str(root / "local.yaml"), read_yaml(root / "local.yaml")))
    layers.append(("command line", parse_overrides(overrides)))
    config = resolve(RecipeConfig, layers)
    if config.corpus.name == MISSING:
        raise ConfigError(f"{path}: corpus.name is missing")
    return config


def load_system_config(
    name: str, recipe_root: Path | None = None, overrides: Iterable[str] = ()
) -> SystemConfig:
    """A system by name, with the plug-ins that it names (features, model, losses) checked against their own
    schemas.
    """
    layers = system_layers(name, recipe_root)
    config = resolve(
        SystemConfig, [("", {"name": name}), *layers, ("command line", parse_overrides(overrides))]
    )
    check = _Plugins(config, " / ".join(path for path, _ in layers), [])
    if config.input.features or config.input.kind in ("features", "text_features"):
        config.input.features = check.plugin(config.input.features, "input.features", check.feature)
    config.model = check.plugin(config.model, "model", check.model)
    config.train.loss = check.loss(config.train.loss, "train.loss")
    config.train.augment = check.augmentations(config.train.augment, "train.augment")
    config.train.phases = [
        check.phase(phase, f"train.phases[{i}]") for i, phase in enumerate(config.train.phases)
    ]
    raise_errors(check.errors)
    return config


def split_overrides(overrides: Iterable[str]) -> tuple[list[str], list[str]]:
    """Return the overrides of the recipe and those of a system, by their first key. Raise ConfigError."""
    recipe_keys = {f.name for f in dataclasses.fields(RecipeConfig)}
    system_keys = {f.name for f in dataclasses.fields(SystemConfig)}
    recipe, system, errors = [], [], []
    for override in overrides:
        key, equals, _ = override.partition("=")
        head = key.split(".")[0]
        if not equals or not key:
            errors.append(f"{override!r}: expected key=value")
        elif head in recipe_keys:
            recipe.append(override)
        elif head in system_keys:
            system.append(override)
        else:
            errors.append(
                f"command line: unknown key {key!r}{nearest(head, sorted(recipe_keys | system_keys))}"
            )
    raise_errors(errors)
    return recipe, system


def _loss(name: str) -> type:
    return config_class("dada.losses", name, "loss")


def _augmentation(name: str) -> type:
    return config_class("dada.augment", name, "augmentation")


@dataclasses.dataclass
class _Plugins:
    """Completes the settings of the plug-ins of a system with their defaults, and collects the errors."""

    config: SystemConfig
    where: str  # files of the system, for messages
    errors: list[str]

    def model(self, name: str) -> type:
        """Return the schema of a model."""
        return config_class(f"dada.models.{self.config.task}", name, f"{self.config.task} model")

    def feature(self, name: str) -> type:
        """Return the schema of a feature, or of the text encoder."""
        if self.config.input.kind != "text_features":
            return config_class("dada.features", name, "feature")
        if name != "text_encoder":
            raise ConfigError(f"unknown text feature {name!r}; known: text_encoder")
        return config_class("dada.text", "encoder", "text feature")

    def plugin(self, settings: Mapping, key: str, schema_of: Callable[[str], type]) -> dict:
        """Return `{name: lcnn, ...}` completed with the defaults of the plug-in's own `Config`."""
        rest = dict(settings)
        name = rest.pop("name", None)
        if name is None:
            self.errors.append(f"{self.where}: {key}.name is missing")
            return dict(settings)
        try:
            schema = schema_of(str(name))
        except ConfigError as error:
            self.errors.append(f"{self.where}: {key}: {error}")
            return dict(settings)
        try:
            completed: Any = resolve(schema, [(self.where, rest)], f"{key}.")
        except ConfigError as error:
            self.errors += error.args
            return dict(settings)
        return {"name": name, **dataclasses.asdict(completed)}

    def loss(self, settings: Mapping, key: str) -> dict:
        """Return a loss completed, and the losses that it sums."""
        done = self.plugin(settings, key, _loss)
        if "terms" in done:
            done["terms"] = [self.loss(term, f"{key}.terms[{i}]") for i, term in enumerate(done["terms"])]
        return done

    def augmentations(self, entries: list, key: str) -> list[dict]:
        """Return every `{name: mixup, ...}` completed, and checked against the kind of input."""
        completed = []
        for i, entry in enumerate(entries):
            if "name" not in entry:
                self.errors.append(f"{self.where}: {key}[{i}].name is missing")
                continue
            before, name = len(self.errors), str(entry["name"])
            done = self.plugin(entry, f"{key}[{i}]", _augmentation)
            completed.append(done)
            if len(self.errors) > before:
                continue
            kinds = class_constant("dada.augment", name, "augmentation", "Augment", "INPUTS")
            if problem := misfit(name, kinds, self.config.input.kind):
                self.errors.append(f"{self.where}: {key}[{i}]: {problem}")
            elif "choices" in done:  # augmentations of which it takes one
                choices = enumerate(done["choices"])
                done["choices"] = [
                    self.augmentations(each, f"{key}[{i}].choices[{k}]") for k, each in choices
                ]
        return completed

    def phase(self, phase: Mapping, key: str) -> dict:
        """Check an entry of `phases` as an override of the whole training; complete its loss and
        augmentations.
        """
        wrong = key_errors(TrainConfig, phase, f"{self.where}: {key}")
        wrong += [
            f"{self.where}: {key}.{k} belongs to train, not to a phase"
            for k in ("phases", "folds")
            if k in phase
        ]
        if wrong:
            self.errors.extend(wrong)
            return dict(phase)
        try:
            build(TrainConfig, phase, f"{self.where}: {key}")
        except ConfigError as error:
            self.errors += error.args
        completed = dict(phase)
        if phase.get("loss"):
            completed["loss"] = self.loss(phase["loss"], f"{key}.loss")
        if phase.get("augment"):
            completed["augment"] = self.augmentations(phase["augment"], f"{key}.augment")
        return completed
