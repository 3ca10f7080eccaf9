"""Reading configuration: dataclasses are the schema, YAML holds the values, later layers win.

schema < dada/conf/<system>.yaml < recipe.yaml < the recipe's conf/<system>.yaml < local.yaml < key=value. All
errors of all layers are reported in one message, each with its file and key, and the nearest right key.
"""

import dataclasses
import typing
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from dada import augment, features, losses, models
from dada.data.input import KINDS
from dada.data.length import RULES
from dada.errors import ConfigError
from dada.experiment.config import SystemConfig, TrainConfig
from dada.plugins import nearest
from dada.recipe.schema import RecipeConfig

Layer = tuple[str, Mapping]  # where the values come from, and the values
SYSTEMS = Path(__file__).parent.parent / "conf"


def load_recipe_config(root: Path, overrides: Iterable[str] = ()) -> RecipeConfig:
    """`recipe.yaml` of a recipe folder, then its `local.yaml`, then `key=value` overrides."""
    path = root / "recipe.yaml"
    if not path.is_file():
        raise ConfigError(f"{path} does not exist: name the folder of a recipe, e.g. egs/mini")
    layers = [(str(path), read_yaml(path))]
    if (root / "local.yaml").is_file():
        layers.append((str(root / "local.yaml"), read_yaml(root / "local.yaml")))
    layers.append(("command line", parse_overrides(overrides)))
    return _resolve(RecipeConfig, layers)


def load_system_config(
    name: str, recipe_root: Path | None = None, overrides: Iterable[str] = ()
) -> SystemConfig:
    """A system by name, with the plug-ins that it names (features, model, losses) checked against their own
    schemas.
    """
    folders = [SYSTEMS] + ([recipe_root / "conf"] if recipe_root else [])
    layers = _files_of(name, folders)
    where = " / ".join(path for path, _ in layers)
    errors: list[str] = []
    config = _resolve(
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
    _raise(errors)
    return config


def _files_of(name: str, folders: list[Path], above: tuple[str, ...] = ()) -> list[Layer]:
    """The YAML files of a system, `like: OTHER` at the head of one standing for all files of another system."""
    paths = [folder / f"{name}.yaml" for folder in folders if (folder / f"{name}.yaml").is_file()]
    if not paths:
        known = sorted({p.stem for folder in folders for p in folder.glob("*.yaml")})
        raise ConfigError(f"unknown system {name!r}{nearest(name, known)}; known: {', '.join(known)}")
    if name in above:
        raise ConfigError(f"{paths[0]}: {' is like '.join([*above, name])}: a system cannot be like itself")
    layers: list[Layer] = []
    for path in paths:
        values = read_yaml(path)
        other = values.pop("like", None)
        layers += [*(_files_of(str(other), folders, (*above, name)) if other else []), (str(path), values)]
    return layers


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
    _raise(errors)
    return recipe, system


def parse_overrides(overrides: Iterable[str]) -> dict:
    """`["train.optim.lr=1e-4"]` to nested values, each parsed as YAML."""
    try:
        return OmegaConf.to_container(OmegaConf.from_dotlist(list(overrides)))
    except (OmegaConfBaseException, YAMLError) as error:
        raise ConfigError(f"command line: {error}") from error


def read_yaml(path: Path) -> dict:
    """The values of a YAML file, which must be a mapping (ConfigError)."""
    try:
        values = OmegaConf.to_container(OmegaConf.load(path), resolve=True)
    except (YAMLError, OmegaConfBaseException, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not valid YAML: {error}") from error
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: expected `key: value` lines at the top")
    return values


def build(schema: type, values: Mapping, where: str):
    """An instance of a dataclass from plain values, with the same checks and messages as a file."""
    return _resolve(schema, [(where, values)])


def _resolve(schema: type, layers: list[Layer]):
    """Merge layers into an instance of `schema`, or raise one ConfigError with all that is wrong."""
    found: list[str] = []
    config = OmegaConf.structured(schema)
    for source, values in layers:
        for path, value in _leaves(schema, values, (), source, found):
            nested = value
            for key in reversed(path):
                nested = {key: nested}
            if value == {} or _names_another(OmegaConf.select(config, ".".join(path)), value):
                # An empty mapping empties; and the settings of one plug-in mean nothing to another.
                OmegaConf.update(config, ".".join(path), {}, merge=False)
            try:
                config = OmegaConf.merge(config, nested)
            except OmegaConfBaseException as error:
                found.append(f"{source}: {'.'.join(path)}: {str(error).splitlines()[0]}")
    _raise(found)
    return _instance(schema, OmegaConf.to_container(config))


def _names_another(old, new) -> bool:
    return (
        isinstance(new, Mapping)
        and isinstance(old, Mapping)
        and "name" in new
        and old.get("name") != new["name"]
    )


def _leaves(schema: type, values: Mapping, path: tuple[str, ...], source: str, errors: list[str]):
    """Yield (key path, value) down to where the schema ends; a key that the schema does not have is an error."""
    fields = {f.name: f.type for f in dataclasses.fields(schema)}
    hints = typing.get_type_hints(schema)
    for key, value in values.items():
        here = (*path, str(key))
        if key not in fields:
            errors.append(f"{source}: unknown key {'.'.join(here)!r}{nearest(str(key), list(fields))}")
        elif dataclasses.is_dataclass(hints[key]):
            if not isinstance(value, Mapping):
                errors.append(f"{source}: {'.'.join(here)}: expected keys below it, got {value!r}")
            else:
                yield from _leaves(hints[key], value, here, source, errors)
        else:
            yield here, value


def _instance(schema: type, values: Mapping):
    hints = typing.get_type_hints(schema)
    return schema(
        **{
            key: _instance(hints[key], value) if dataclasses.is_dataclass(hints[key]) else value
            for key, value in values.items()
        }
    )


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
        return {"name": name, **dataclasses.asdict(_resolve(schema, [(f"{where}: {key}", rest)]))}
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
    found: list[str] = []
    for path, _ in _leaves(TrainConfig, phase, (), f"{where}: {key}", found):
        if path[0] in ("phases", "folds"):
            found.append(f"{where}: {key}.{path[0]} belongs to train, not to a phase")
    errors.extend(found)
    if found:
        return dict(phase)
    try:
        _resolve(TrainConfig, [(f"{where}: {key}", phase)])
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
    _raise(errors if config.task not in models.TASKS else [])


def _raise(errors: list[str]) -> None:
    if errors:
        raise ConfigError(
            errors[0]
            if len(errors) == 1
            else f"{len(errors)} errors in the configuration:\n  " + "\n  ".join(errors)
        )
