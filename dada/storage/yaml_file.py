"""Reading YAML: the plain values of YAML 1.2, from a file or from the command line."""

import re
import typing
from pathlib import Path
from typing import Any

import yaml

from dada.errors import ConfigError, DataError
from dada.storage.reading import read_text

MAX_DEPTH, MAX_VALUES = 50, 100_000  # of a document
# What yaml raises for values that do not fit their tag, such as `!!int x`, `!!bool x` and `!!timestamp x`.
WRONG_TAGS = (ValueError, KeyError, AttributeError, TypeError, IndexError)
BOOL = re.compile("^(?:true|True|TRUE|false|False|FALSE)$")
INT = re.compile("^[-+]?(?:0|[1-9][0-9_]*)$")
FLOAT = re.compile(
    r"^[-+]?(?:\d[\d_]*(?:\.[\d_]*)?[eE][-+]?\d+|\d[\d_]*\.[\d_]*|\.\d+(?:[eE][-+]?\d+)?|\.inf|\.nan)$"
)


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # the C loader is optional
    """1e-4 is a number; `no`, 4:00:00, 007 and dates are text. A key stands once in a mapping."""

    yaml_implicit_resolvers: typing.ClassVar = {
        first: [entry for entry in entries if not entry[0].endswith(("timestamp", "float", "bool", "int"))]
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


_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", BOOL, list("tTfF"))
_Loader.add_implicit_resolver("tag:yaml.org,2002:int", INT, list("-+0123456789"))
_Loader.add_implicit_resolver("tag:yaml.org,2002:float", FLOAT, list("-+.0123456789"))


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML file, which must be a mapping, and fill in `${...}`. Raise ConfigError."""
    try:
        text = read_text(path)
    except DataError as error:
        raise ConfigError(str(error)) from error
    try:
        values = parse_yaml(text)
        if isinstance(values, dict) and "${" in text:
            values = _interpolated(values)
    except ConfigError as error:
        raise ConfigError(f"{path} is not valid YAML: {error}") from error
    values = {} if values is None else values
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: expected `key: value` lines at the top")
    return values


def parse_yaml(text: str) -> Any:
    """Return the value of a YAML document. Raise ConfigError, also for one too deep or too large for
    settings.
    """
    try:
        value = yaml.load(text, _Loader)  # noqa: S506 - a SafeLoader
    except (yaml.YAMLError, *WRONG_TAGS, RecursionError) as error:
        raise ConfigError(str(error)) from error
    _check_size(value)
    return value


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
    except (OmegaConfBaseException, RecursionError) as error:
        raise ConfigError(str(error)) from error
