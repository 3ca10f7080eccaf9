"""Reading configuration: dataclasses are the schema, YAML holds the values, later layers win.

schema < dada/conf/<system>.yaml < recipe.yaml < the recipe's conf/<system>.yaml < local.yaml < key=value. All
errors of all layers are reported in one message, each with its file and key, and the nearest right key.
"""

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from dada import augment, features, losses, models
from dada.data.input import KINDS
from dada.data.length import RULES
from dada.errors import ConfigError
from dada.experiment.config import SystemConfig, TrainConfig
from dada.plugins import nearest
from dada.recipe.schema import RecipeConfig
from dada.settings import build, key_errors, parse_overrides, raise_errors, read_yaml, resolve
from dada.system_files import system_layers


def load_recipe_config(root: Path, overrides: Iterable[str] = ()) -> RecipeConfig:
    """`recipe.yaml` of a recipe folder, then its `local.yaml`, then `key=value` overrides."""
    path = root / "recipe.yaml"
    if not path.is_file():
        raise ConfigError(f"{path} does not exist: name the folder of a recipe, e.g. egs/mini")
    layers = [(str(path), read_yaml(path))]
    if (root / "local.yaml").is_file():
        layers.append((str(root / "local.yaml"), read_yaml(root / "local.yaml")))
    layers.append(("command line", parse_overrides(overrides)))
    return resolve(RecipeConfig, layers)


def load_system_config(
    name: str, recipe_root: Path | None = None, overrides: Iterable[str] = ()
) -> SystemConfig:
    """A system by name, with the plug-ins that it names (features, model, losses) checked against their own
    schemas.
    """
    layers = system_layers(name, recipe_root)
    where = " / ".join(path for path, _ in layers)
    errors: list[str] = []
    config = resolve(
        SystemConfig, [("", {"name": name}), *layers, ("command line", parse_overrides(overrides))]
    )
    _check_choices(config, where, errors)
    config.input.features = _plugin(
        config.input.features, "input.features", _input_schema(config), where, errors
    )
    config.model = _plugin(
        config.model, "model", lambda kind: models.config_class(config.task, kind), where, errors
    )
    config.train.loss = _plugin(config.train.loss, "train.loss", losses.config_class, where, errors)
    config.train.augment = _augmentations(
        config.train.augment, "train.augment", config.input.kind, where, errors
    )
    phases = enumerate(config.train.phases)
    config.train.phases = [
        _phase(config.input.kind, phase, f"train.phases[{i}]", where, errors) for i, phase in phases
    ]
    raise_errors(errors)
    return config


def split_overrides(overrides: Iterable[str]) -> tuple[list[str], list[str]]:
    """Overrides of the recipe and overrides of a system, told apart by their first key."""
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


def _plugin(
    settings: Mapping, key: str, schema_of: Callable[[str], type], where: str, errors: list[str]
) -> dict:
    """`{name: lcnn, ...}` completed with the defaults of the named plug-in's own `Config`."""
    if not settings:
        return {}
    rest = dict(settings)
    name = rest.pop("name", None)
    if name is None:
        errors.append(f"{where}: {key}.name is missing")
        return dict(settings)
    try:
        schema = schema_of(str(name))
        known = {f.name for f in dataclasses.fields(schema)}
        for unknown in [k for k in rest if k not in known]:
            errors.append(f"{where}: unknown key {f'{key}.{unknown}'!r}{nearest(unknown, sorted(known))}")
            rest.pop(unknown)
        return {"name": name, **dataclasses.asdict(resolve(schema, [(f"{where}: {key}", rest)]))}
    except ConfigError as error:
        errors.append(f"{where}: {key}: {error}")
        return dict(settings)


def _augmentations(entries: list, key: str, kind: str, where: str, errors: list[str]) -> list[dict]:
    """Every `{name: mixup, ...}` completed with its defaults, and checked against the kind of input."""
    completed = []
    for i, entry in enumerate(entries):
        if "name" not in entry:
            errors.append(f"{where}: {key}[{i}].name is missing")
            continue
        before = len(errors)
        done = _plugin(entry, f"{key}[{i}]", augment.config_class, where, errors)
        problem = augment.misfit(str(entry["name"]), kind) if len(errors) == before else None
        if problem:
            errors.append(f"{where}: {key}[{i}]: {problem}")
        if "choices" in done and len(errors) == before:  # augmentations of which it takes one
            choices = enumerate(done["choices"])
            done["choices"] = [
                _augmentations(choice, f"{key}[{i}].choices[{k}]", kind, where, errors)
                for k, choice in choices
            ]
        completed.append(done)
    return completed


def _phase(kind: str, phase: Mapping, key: str, where: str, errors: list[str]) -> dict:
    """Check one entry of `phases` as an override of the whole training, and complete its loss and
    augmentations.
    """
    wrong = key_errors(TrainConfig, phase, f"{where}: {key}")
    wrong += [
        f"{where}: {key}.{k} belongs to train, not to a phase" for k in ("phases", "folds") if k in phase
    ]
    if wrong:
        errors.extend(wrong)
        return dict(phase)
    try:
        build(TrainConfig, phase, f"{where}: {key}")
    except ConfigError as error:
        errors.append(str(error))
    completed = dict(phase)
    if phase.get("loss"):
        completed["loss"] = _plugin(phase["loss"], f"{key}.loss", losses.config_class, where, errors)
    if phase.get("augment"):
        completed["augment"] = _augmentations(phase["augment"], f"{key}.augment", kind, where, errors)
    return completed


def _input_schema(config: SystemConfig) -> Callable[[str], type]:
    if config.input.kind == "text_features":
        return _text_encoder_schema
    return features.config_class


def _text_encoder_schema(name: str) -> type:
    from dada.text import encoder

    if name != "text_encoder":
        raise ConfigError(f"unknown text feature {name!r}; known: text_encoder")
    return encoder.Config


def _check_choices(config: SystemConfig, where: str, errors: list[str]) -> None:
    """Values that have a short list of right ones."""
    for key, value, known in (
        ("task", config.task, models.TASKS),
        ("input.kind", config.input.kind, KINDS),
        ("input.length_rule", config.input.length_rule, RULES),
        ("train.keep", config.train.keep, ("best", "last", "swa")),
    ):
        if value not in known:
            errors.append(f"{where}: {key} is {value!r}; known: {', '.join(known)}")
    raise_errors(errors if config.task not in models.TASKS else [])
