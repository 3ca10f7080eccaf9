"""The `Config` of a model, feature, loss or augmentation, read without an import of its file.

These files import torch, which takes seconds. Settings are checked before anything runs, and for `--list`
nothing runs at all. Therefore only the statements that `Config` needs are executed: the class, its base
classes, and the constants of its defaults.
"""

import ast
import dataclasses
import functools
import importlib
import sys
import typing
from pathlib import Path
from typing import Any

from dada.errors import ConfigError
from dada.plugins import find, folder


def config_class(package: str, name: str, what: str) -> type:
    """Return the `Config` dataclass of a plug-in. Raise ConfigError for an unknown name, or without a
    dataclass.
    """
    module = find(package, name, what)
    try:
        schema = _definition(module, "Config")
    except (KeyError, SyntaxError) as error:
        raise ConfigError(f"{_path(module)}: the {what} has no readable `Config` ({error!r})") from error
    if not dataclasses.is_dataclass(schema):
        raise ConfigError(f"{_path(module)}: `Config` of the {what} is no dataclass: add @dataclass above it")
    return typing.cast(type, schema)


def class_constant(package: str, name: str, what: str, owner: str, constant: str) -> Any:
    """Return a literal that the class `owner` of a plug-in assigns in its body. Raise ConfigError."""
    module = find(package, name, what)
    body = getattr(_statements(module)[owner], "body", [])
    values = {target: node.value for node in body for target in _bound(node) if hasattr(node, "value")}
    return ast.literal_eval(values[constant])


def version(package: str, name: str) -> int:
    """Return the `VERSION` of a plug-in, 1 without."""
    module = f"{package}.{name}"
    return _definition(module, "VERSION") if "VERSION" in _statements(module) else 1


def constant(package: str, name: str, what: str, key: str) -> Any:
    """Return the value of a name at the top of a plug-in's file, None where it has none.

    Raise ConfigError for an unknown plug-in.
    """
    module = find(package, name, what)
    return _definition(module, key) if key in _statements(module) else None


@functools.cache
def _definition(module: str, name: str) -> Any:
    """Return the value of a name at the top of a file of this package, or of any other module."""
    is_foreign = module in sys.modules or module.partition(".")[0] != __package__
    statements = {} if is_foreign else _statements(module)
    if is_foreign or "annotations" in statements:  # those of `from __future__` are looked up in the module
        return getattr(importlib.import_module(module), name)
    node = statements[name]
    if isinstance(node, ast.ImportFrom):
        original = next(alias.name for alias in node.names if name in (alias.asname, alias.name))
        return _definition(str(node.module), original)
    if isinstance(node, ast.Import):
        return importlib.import_module(name)
    read = [part for part in ast.walk(node) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load)]
    used = {part.id for part in read} & statements.keys() - {name}
    namespace: dict[str, Any] = {"__name__": module, **{other: _definition(module, other) for other in used}}
    exec(compile(ast.Module([node], []), str(_path(module)), "exec"), namespace)  # code of this package
    return namespace[name]


@functools.cache
def _statements(module: str) -> dict[str, ast.stmt]:
    """Return the statement at the top of a file that binds each name."""
    tree = ast.parse(_path(module).read_text(encoding="utf-8"))
    return {name: node for node in tree.body for name in _bound(node)}


def _path(module: str) -> Path:
    path = folder(module)
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _bound(node: ast.stmt) -> list[str]:
    """Return the names that a statement binds."""
    if isinstance(node, ast.Import | ast.ImportFrom):
        return [alias.asname or alias.name for alias in node.names]
    if isinstance(node, ast.ClassDef | ast.FunctionDef):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return [target.id for target in targets if isinstance(target, ast.Name)]
