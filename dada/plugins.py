"""Finding a model, feature, loss or stage by its file's name: there is no registry to edit."""

import difflib
import importlib
from pathlib import Path
from types import ModuleType

from dada.errors import ConfigError


def folder(package: str) -> Path:
    """Return the folder of a package below dada; its modules are not imported."""
    return Path(__file__).parent.joinpath(*package.split(".")[1:])


def names(package: str) -> list[str]:
    """Return the modules of a package that can be named in a configuration."""
    return sorted(path.stem for path in folder(package).glob("*.py") if not path.name.startswith("_"))


def find(package: str, name: str, what: str) -> str:
    """Return the module of a plug-in.

    Raise ConfigError, with the nearest name, where there is no such file.
    """
    known = names(package)
    if name not in known:
        raise ConfigError(f"unknown {what} {name!r}{nearest(name, known)}; known: {', '.join(known)}")
    return f"{package}.{name}"


def load(package: str, name: str, what: str) -> ModuleType:
    """Import a plug-in. Raise ConfigError where there is none of this name."""
    return importlib.import_module(find(package, name, what))


def nearest(name: str, known: list[str]) -> str:
    """`, did you mean 'lcnn'?` where a known name is close, else nothing."""
    close = difflib.get_close_matches(name, known, n=1)
    return f", did you mean {close[0]!r}?" if close else ""
