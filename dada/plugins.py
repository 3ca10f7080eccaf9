"""Finding a model, feature, loss or stage by its file's name: there is no registry to edit."""

import difflib
import importlib
import pkgutil
from types import ModuleType

from dada.errors import ConfigError


def names(package: str) -> list[str]:
    """The modules of a package that can be named in a configuration."""
    return sorted(
        m.name
        for m in pkgutil.iter_modules(importlib.import_module(package).__path__)
        if not m.name.startswith("_")
    )


def load(package: str, name: str, what: str) -> ModuleType:
    """Import `package.name`. Raises ConfigError with the known names, the nearest first, where there is no
    such file.
    """
    known = names(package)
    if name not in known:
        raise ConfigError(f"unknown {what} {name!r}{nearest(name, known)}; known: {', '.join(known)}")
    return importlib.import_module(f"{package}.{name}")


def nearest(name: str, known: list[str]) -> str:
    """`, did you mean 'lcnn'?` where a known name is close, else nothing."""
    close = difflib.get_close_matches(name, known, n=1)
    return f", did you mean {close[0]!r}?" if close else ""
