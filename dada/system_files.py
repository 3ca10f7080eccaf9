"""Configuration files of systems: which systems there are, and the layers of settings of each.

`dada/conf/<system>.yaml` holds the settings of one system, and so does `conf/<system>.yaml` of a recipe. A
file with `systems:` at its top level holds the settings of several; its own name is free:

model: {norm_momentum: 0.1}          # for all of them
    systems:
      lfcc_lcnn: {train: {epochs: 9}}    # for this system only
      cqt_lcnn: {}

`like: OTHER` puts the package's settings of another system below. The order is: the package's settings of the
other system, the package's of this one, the recipe's of this one.
"""

import functools
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from dada.errors import ConfigError
from dada.plugins import nearest
from dada.settings import Layer
from dada.storage.reading import require_file
from dada.storage.yaml_file import read_yaml

PACKAGE = Path(__file__).parent / "conf"
SEVERAL = re.compile(r"^systems:", re.MULTILINE)


def configured_systems(recipe_root: Path | None = None) -> list[str]:
    """Return the names of all systems of the package and of a recipe, sorted."""
    names: set[str] = set()
    for folder in _folders(recipe_root):
        for path in _files(folder):
            shared = _shared_file(path)
            names |= {path.stem} if shared is None else shared[1].keys()
    return sorted(names)


def system_layers(name: str, recipe_root: Path | None = None) -> list[Layer]:
    """Return the settings of a system, lowest layer first.

    Raise ConfigError for an unknown system, a system that is like itself, and a malformed file.
    """
    return _layers(name, recipe_root, ())


def _layers(name: str, recipe_root: Path | None, children: tuple[str, ...]) -> list[Layer]:
    own = [layer for folder in _folders(recipe_root) for layer in _own_layers(name, folder)]
    if not own:
        known = configured_systems(recipe_root)
        raise ConfigError(f"unknown system {name!r}{nearest(name, known)}; known: {', '.join(known)}")
    if name in children:
        chain = " is like ".join([*children, name])
        raise ConfigError(f"{own[0][0]}: {chain}: a system cannot be like itself")
    parents = [str(values["like"]) for _, values in own if "like" in values]
    layers: list[Layer] = [
        (source, {k: v for k, v in values.items() if k != "like"}) for source, values in own
    ]
    if not parents:
        return layers
    in_package = parents[-1] in configured_systems()
    return _layers(parents[-1], None if in_package else recipe_root, (*children, name)) + layers


def _folders(recipe_root: Path | None) -> list[Path]:
    return [PACKAGE] if recipe_root is None else [PACKAGE, recipe_root / "conf"]


def _files(folder: Path) -> list[Path]:
    """Return the configuration files of a folder. Hidden files, such as locks of editors, are none."""
    return sorted(path for path in folder.glob("*.yaml") if not path.name.startswith("."))


def _own_layers(name: str, folder: Path) -> Iterator[Layer]:
    """Yield what the files of one folder set for a system: its file of several systems, then its own file."""
    listed_in = None
    for path in _files(folder):
        shared = _shared_file(path)
        if shared is None or name not in shared[1]:
            continue
        if listed_in:
            raise ConfigError(f"{path}: systems: {name} is listed in {listed_in} already")
        listed_in = path
        yield str(path), shared[0]
        if shared[1][name]:
            yield f"{path}: systems.{name}", shared[1][name]
    own = folder / f"{name}.yaml"
    if own.exists() and _shared_file(own) is None:
        yield str(own), _read(own, own.stat().st_mtime_ns)


def _shared_file(path: Path) -> tuple[dict[str, Any], dict[str, Mapping[str, Any]]] | None:
    """Return (settings of all, system -> settings of it alone), or None for a file of one system."""
    return _read_shared(path, path.stat().st_mtime_ns)


@functools.lru_cache(maxsize=1024)
def _read(path: Path, _modified: int) -> dict[str, Any]:
    return read_yaml(path)


@functools.lru_cache(maxsize=1024)
def _read_shared(path: Path, modified: int) -> tuple[dict[str, Any], dict[str, Mapping[str, Any]]] | None:
    require_file(path)
    if not SEVERAL.search(path.read_text(encoding="utf-8", errors="replace")):
        return None
    values = dict(_read(path, modified))
    systems = values.pop("systems")
    if isinstance(systems, list):
        systems = dict.fromkeys(systems)
    if not isinstance(systems, Mapping) or not all(isinstance(v, Mapping | None) for v in systems.values()):
        raise ConfigError(f"{path}: systems: expected a list of systems, or `system: {{its settings}}`")
    return values, {str(name): own or {} for name, own in systems.items()}
