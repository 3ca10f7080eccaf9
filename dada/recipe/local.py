"""The local/ folder of a recipe: its own Python files, imported as one package."""

import hashlib
import importlib
import sys
import types
from pathlib import Path

from dada.errors import ConfigError
from dada.storage.digest import file_digest

PREPARE = "prepare_data"  # the module with `prepare(recipe)`


def local_digests(root: Path) -> dict[str, str]:
    """Return file of local/ -> SHA-256. Raise ConfigError for a recipe without local/prepare_data.py."""
    folder = root / "local"
    if not (folder / f"{PREPARE}.py").is_file():
        raise ConfigError(
            f"{folder / PREPARE}.py does not exist: every recipe with audio needs it (see egs/TEMPLATE)"
        )
    return {path.name: file_digest(path) for path in sorted(folder.iterdir()) if path.is_file()}


def load_local(root: Path, name: str) -> types.ModuleType:
    """Import `local/<name>.py` of a recipe.

    The folder is a package, so that its files can import each other relatively. Its name depends on the path,
    so that recipes don't clash, and begins with `dada`, so that its log messages are shown.
    """
    folder = (Path(root) / "local").resolve()
    package = f"dada.recipe_{hashlib.sha256(str(folder).encode()).hexdigest()[:12]}"
    if package not in sys.modules:
        module = types.ModuleType(package)
        module.__path__ = [str(folder)]
        sys.modules[package] = module
    try:
        return importlib.import_module(f"{package}.{name}")
    except (SyntaxError, ValueError) as error:  # ValueError: a NUL character
        path = getattr(error, "filename", None) or folder / f"{name}.py"
        raise ConfigError(f"{path} is not Python ({error}): correct it") from error
