"""Settings: layers of plain values, merged and checked against a dataclass. A later layer wins.

Mappings are merged key by key; lists and single values are replaced. Two mappings are replaced as well: an
empty mapping empties, and a mapping with another `name` drops the settings of the former plug-in. All errors
of all layers are reported in one message, each with its file and key, and the nearest right key.
"""

import contextlib
import copy
import dataclasses
import functools
import re
import types
import typing
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import yaml

from dada.errors import ConfigError, DataError
from dada.plugins import nearest
from dada.storage.reading import read_text

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Settings = TypeVar("Settings", bound="DataclassInstance")
Keys = tuple[str, ...]  # `train.optim.lr` taken apart
Layer = tuple[str, Mapping[str, Any]]  # where the values come from, and the values
FLOAT = re.compile(
    r"^[-+]?(?:\d[\d_]*(?:\.[\d_]*)?[eE][-+]?\d+|\d[\d_]*\.[\d_]*|\.\d+(?:[eE][-+]?\d+)?|\.inf|\.nan)$"
)


def resolve(schema: type[Settings], layers: Iterable[Layer]) -> Settings:
    """Merge layers over the defaults of `schema`. Raise one ConfigError that lists every error."""
    values = copy.deepcopy(_defaults(schema))
    errors: list[str] = []
    for source, layer in layers:
        leaves = list(_leaves(schema, layer, (), source, errors))
        errors += _type_errors(schema, leaves, source)
        for path, value in leaves:
            parent = _parent(values, path)
            parent[path[-1]] = merged(parent[path[-1]], value)
    raise_errors(errors)
    return _instance(schema, _typed(schema, values))


def build(schema: type[Settings], values: Mapping[str, Any], source: str, hint: str = "") -> Settings:
    """Build a dataclass from plain values. Raise ConfigError, with `hint` behind it, for wrong keys or types."""
    try:
        return resolve(schema, [(source, values)])
    except ConfigError as error:
        raise ConfigError(f"{error}: {hint}") from error if hint else error


def override(base: Settings, values: Mapping[str, Any], source: str) -> Settings:
    """Copy a dataclass with some keys replaced; lists and mappings below its fields are replaced as a whole.

    Raise ConfigError for wrong keys or types.
    """
    schema = type(base)
    errors: list[str] = []
    leaves = list(_leaves(schema, values, (), source, errors))
    raise_errors(errors + _type_errors(schema, leaves, source))
    changed = dataclasses.asdict(base)
    for path, value in leaves:
        _parent(changed, path)[path[-1]] = value
    return _instance(schema, _typed(schema, changed))


def key_errors(schema: type, values: Mapping[str, Any], source: str) -> list[str]:
    """Return a message for every key that `schema` does not have."""
    errors: list[str] = []
    list(_leaves(schema, values, (), source, errors))
    return errors


def raise_errors(errors: list[str]) -> None:
    """Raise one ConfigError for all messages; return where there are none."""
    if errors:
        several = f"{len(errors)} errors in the configuration:\n  " + "\n  ".join(errors)
        raise ConfigError(errors[0] if len(errors) == 1 else several)


def merged(below: Any, above: Any) -> Any:
    """Return `above` laid over `below`, by the rules at the head of this file."""
    if not isinstance(below, Mapping) or not isinstance(above, Mapping) or not above:
        return above
    if "name" in above and below.get("name") != above["name"]:
        return above
    return {
        **below,
        **{key: merged(below[key], value) if key in below else value for key, value in above.items()},
    }


def merge_layers(layers: Iterable[Layer]) -> dict[str, Any]:
    """Merge layers without a schema: no defaults, no checks."""
    values: dict[str, Any] = {}
    for _, layer in layers:
        values |= {key: merged(values.get(key), value) for key, value in layer.items()}
    return values


def flatten(settings: Mapping[str, Any], prefix: str = "") -> dict[str, object]:
    """Return nested dicts as a dict of dotted keys; lists are values."""
    flat: dict[str, object] = {}
    for key, value in settings.items():
        if isinstance(value, dict) and value:
            flat.update(flatten(value, f"{prefix}{key}."))
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def parse_overrides(overrides: Iterable[str]) -> dict[str, Any]:
    """Return `["train.optim.lr=1e-4"]` as nested values, each parsed as YAML. Raise ConfigError."""
    overrides = list(overrides)
    if not overrides:
        return {}
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    try:
        return typing.cast(dict, OmegaConf.to_container(OmegaConf.from_dotlist(overrides)))
    except (OmegaConfBaseException, yaml.YAMLError) as error:
        raise ConfigError(f"command line: {error}") from error


MAX_DEPTH, MAX_VALUES = 50, 100_000
# What yaml raises for values that do not fit their tag, such as `!!int x`, `!!bool x` and `!!timestamp x`.
WRONG_TAGS = (ValueError, KeyError, AttributeError, TypeError, IndexError)


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # the C loader is optional
    """Numbers as in YAML 1.2 (1e-4 is one), dates as text, and every key of a mapping once."""

    yaml_implicit_resolvers: typing.ClassVar = {
        first: [entry for entry in entries if not entry[0].endswith(("timestamp", "float"))]
        for first, entries in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Refuse a key that stands twice in a mapping."""
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode) and key.value != "<<"]
        repeated = next((key for key in keys if keys.count(key) > 1), None)
        if repeated is not None:
            raise yaml.constructor.ConstructorError(
                None, None, f"found duplicate key {repeated}", node.start_mark
            )
        return super().construct_mapping(node, deep)


_Loader.add_implicit_resolver("tag:yaml.org,2002:float", FLOAT, list("-+.0123456789"))


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML file, which must be a mapping, and fill in `${...}`. Raise ConfigError."""
    try:
        text = read_text(path)
        values = yaml.load(text, _Loader)  # noqa: S506 - a SafeLoader
        values = {} if values is None else values
        _check_size(values)
        if isinstance(values, dict) and "${" in text:
            values = _interpolated(values)
    except DataError as error:
        raise ConfigError(str(error)) from error
    except (yaml.YAMLError, ConfigError, *WRONG_TAGS, RecursionError) as error:
        raise ConfigError(f"{path} is not valid YAML: {error}") from error
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: expected `key: value` lines at the top")
    return values


def _check_size(values: object) -> None:
    """Raise ConfigError for values that are nested too deep or too many, as aliases of aliases make them."""
    waiting, num_values = [(values, 0)], 0
    while waiting:
        value, depth = waiting.pop()
        num_values += 1
        if depth > MAX_DEPTH or num_values > MAX_VALUES:
            raise ConfigError(f"more than {MAX_VALUES:,} values, or more than {MAX_DEPTH} levels")
        below = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        waiting += [(item, depth + 1) for item in below]


def _interpolated(values: dict[str, Any]) -> dict[str, Any]:
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    try:
        return typing.cast(dict, OmegaConf.to_container(OmegaConf.create(values), resolve=True))
    except OmegaConfBaseException as error:
        raise ConfigError(str(error)) from error


def _leaves(
    schema: type, values: Mapping[str, Any], above: Keys, source: str, errors: list[str]
) -> Iterator[tuple[Keys, Any]]:
    """Yield (key path, value) down to where the schema ends; append a message for every unknown key."""
    hints = _types(schema)
    for key, value in values.items():
        path = (*above, str(key))
        if key not in hints:
            errors.append(f"{source}: unknown key {'.'.join(path)!r}{nearest(str(key), list(hints))}")
        elif not dataclasses.is_dataclass(hints[key]):
            yield path, value
        elif isinstance(value, Mapping):
            yield from _leaves(typing.cast(type, hints[key]), value, path, source, errors)
        else:
            errors.append(f"{source}: {'.'.join(path)}: expected keys below it, got {value!r}")


@functools.cache
def _types(schema: type) -> dict[str, Any]:
    hints = typing.get_type_hints(schema)
    return {field.name: hints[field.name] for field in dataclasses.fields(schema)}


@functools.cache
def _structured(schema: type) -> Any:
    """Return the schema for OmegaConf; mappings are empty, for OmegaConf would merge their defaults in again."""
    from omegaconf import OmegaConf

    config = OmegaConf.structured(schema)
    for path, value in _leaves(schema, _defaults(schema), (), "", []):
        if isinstance(value, Mapping):
            OmegaConf.update(config, ".".join(path), {}, merge=False)
    return config


@functools.cache
def _defaults(schema: type) -> dict[str, Any]:
    return dataclasses.asdict(schema())


def _typed(schema: type, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values with the types of the schema; right values never raise."""
    with contextlib.suppress(_Unsure):
        return _checked_keys(schema, values)
    from omegaconf import OmegaConf

    return typing.cast(dict, OmegaConf.to_container(OmegaConf.merge(_structured(schema), values)))


class _Unsure(Exception):
    """A value that may have to be converted or refused."""


def _checked_keys(schema: type, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values of which each has the type of its field. Raise _Unsure for any other.

    Nearly all values do. OmegaConf, which takes seconds for a recipe, decides on the rest.
    """
    hints = _types(schema)
    return {
        key: _checked_keys(hints[key], value)
        if dataclasses.is_dataclass(hints[key]) and isinstance(value, Mapping)
        else _checked(hints[key], value)
        for key, value in values.items()
    }


def _checked(hint: Any, value: Any) -> Any:
    """Return a copy of a value of a type; whole numbers become floats where floats are meant."""
    kind, arguments = typing.get_origin(hint) or hint, typing.get_args(hint)
    if kind in (types.UnionType, typing.Union) and type(None) in arguments and len(arguments) == 2:
        return (
            None
            if value is None
            else _checked(next(each for each in arguments if each is not type(None)), value)
        )
    if kind is float and type(value) is int:
        return float(value)
    if hint is Any:
        kind = type(value)
    if kind is not type(value) or (kind is str and ("${" in value or value == "???")):
        raise _Unsure
    if kind is list:
        return [_checked(arguments[0] if arguments else Any, item) for item in value]
    if kind is dict:
        of_key, of_value = arguments or (Any, Any)
        return {_checked(of_key, key): _checked(of_value, item) for key, item in value.items()}
    if kind not in (bool, int, float, str, type(None)):
        raise _Unsure
    return value


def _type_errors(schema: type, leaves: list[tuple[Keys, Any]], source: str) -> list[str]:
    """Return a message for every value of a wrong type."""
    from omegaconf.errors import OmegaConfBaseException

    try:
        _typed(schema, _nested(leaves))
        return []
    except OmegaConfBaseException:
        pass
    errors = []
    for path, value in leaves:
        try:
            _typed(schema, _nested([(path, value)]))
        except OmegaConfBaseException as error:
            errors.append(f"{source}: {'.'.join(path)}: {str(error).splitlines()[0]}")
    return errors


def _nested(leaves: list[tuple[Keys, Any]]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for path, value in leaves:
        below = values
        for key in path[:-1]:
            below = below.setdefault(key, {})
        below[path[-1]] = value
    return values


def _parent(values: dict[str, Any], path: Keys) -> dict[str, Any]:
    for key in path[:-1]:
        values = values[key]
    return values


def _instance(schema: type[Settings], values: Mapping[str, Any]) -> Settings:
    hints = _types(schema)
    return schema(
        **{
            key: _instance(hints[key], value) if dataclasses.is_dataclass(hints[key]) else value
            for key, value in values.items()
        }
    )
