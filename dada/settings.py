"""Settings: layers of plain values, merged and checked against a dataclass. A later layer wins.

Mappings are merged key by key; lists and single values are replaced. Two mappings are replaced as well: an
empty mapping empties, and a mapping with another `name` drops the settings of the former plug-in. All errors
of all layers are reported in one message, each with its file and key, and the nearest right key.
"""

import dataclasses
import functools
import typing
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from dada.errors import ConfigError
from dada.limits import checked
from dada.plugins import nearest
from dada.storage.yaml_file import parse_yaml

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Settings = TypeVar("Settings", bound="DataclassInstance")
Keys = tuple[str, ...]  # `train.optim.lr` taken apart
Layer = tuple[str, Mapping[str, Any]]  # where the values come from, and the values


def resolve(schema: type[Settings], layers: Iterable[Layer], prefix: str = "") -> Settings:
    """Merge layers over the defaults of `schema`. Raise one ConfigError that lists every error.

    `prefix` stands before the keys in messages: `train.loss.`.
    """
    values = dataclasses.asdict(schema())
    errors: list[str] = []
    for source, layer in layers:
        for path, value in _leaves(schema, layer, source, errors, prefix):
            parent = _parent(values, path)
            parent[path[-1]] = merged(parent[path[-1]], value)
    raise_errors(errors)
    return _instance(schema, values)


def build(schema: type[Settings], values: Mapping[str, Any], source: str, hint: str = "") -> Settings:
    """Build a dataclass from plain values. Raise ConfigError, with `hint` behind it, for wrong keys or
    values.
    """
    try:
        return resolve(schema, [(source, values)])
    except ConfigError as error:
        if hint:
            raise ConfigError(f"{error}: {hint}") from error
        raise


def override(base: Settings, values: Mapping[str, Any], source: str) -> Settings:
    """Copy a dataclass with some keys replaced; lists and mappings below its fields are replaced as a whole.

    Raise ConfigError for wrong keys or values.
    """
    errors: list[str] = []
    changed = dataclasses.asdict(base)
    for path, value in _leaves(type(base), values, source, errors):
        _parent(changed, path)[path[-1]] = value
    raise_errors(errors)
    return _instance(type(base), changed)


def key_errors(schema: type, values: Mapping[str, Any], source: str) -> list[str]:
    """Return a message for every key that `schema` does not have."""
    errors: list[str] = []
    list(_leaves(schema, values, source, errors))
    return errors


def raise_errors(errors: list[str]) -> None:
    """Raise one ConfigError for all messages; return where there are none."""
    if errors:
        raise ConfigError(*errors)


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
    values: dict[str, Any] = {}
    for override in overrides:
        key, _, text = override.partition("=")
        try:
            value = _nested(key.split("."), parse_yaml(text))
        except ConfigError as error:
            raise ConfigError(f"command line: {override}: {error}") from error
        values = merged(values, value)
    return values


def _leaves(
    schema: type,
    values: Mapping[str, Any],
    source: str,
    errors: list[str],
    prefix: str = "",
    above: Keys = (),
) -> Iterator[tuple[Keys, Any]]:
    """Yield (key path, checked value) down to where the schema ends; append a message for every error."""
    hints, defaults = _types(schema), vars(schema())
    for key, value in values.items():
        path, name, problems = (*above, str(key)), f"{prefix}{key}", []
        if key not in hints:
            problems.append(f"unknown key {name!r}{nearest(str(key), list(hints))}")
        elif not dataclasses.is_dataclass(hints[key]):
            yield path, checked(hints[key], defaults[key], value, name, problems)
        elif isinstance(value, Mapping):
            yield from _leaves(typing.cast(type, hints[key]), value, source, errors, f"{name}.", path)
        else:
            problems.append(f"{name} is {value!r}, and must hold keys of its own")
        errors += [f"{source}: {problem}" for problem in problems]


@functools.cache
def _types(schema: type) -> dict[str, Any]:
    hints = typing.get_type_hints(schema, include_extras=True)
    return {field.name: hints[field.name] for field in dataclasses.fields(schema)}


def _nested(path: Iterable[str], value: Any) -> dict[str, Any]:
    for key in reversed(list(path)):
        value = {key: value}
    return value


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
