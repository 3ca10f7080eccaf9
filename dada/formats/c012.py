"""The t-DCF constants that ASVspoof 2021 ships with its keys, such as LA-C012-eval.npy, or the same as JSON.

The .npy file is a pickle of `{attack: {codec: {"C0": …, "C1": …, "C2": …}}}`, with `Pooled` for all attacks
and all codecs. A pickle can run any program, so that only the types of such a table are loaded.

    {"Pooled": {"Pooled": {"C0": 0.0254559, "C1": 0.9150441, "C2": 0.380326}}}
"""

import io
import json
import pickle
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np

from dada.errors import DataError
from dada.metrics.tdcf import POOLED

Constants = tuple[float, float, float]
NAMES = ("C0", "C1", "C2")
SUFFIXES = (".npy", ".json")
MAGIC = b"\x93NUMPY"
ALLOWED = {
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    ("_codecs", "encode"),
    *(
        (f"numpy.{core}.multiarray", name)
        for core in ("core", "_core")
        for name in ("_reconstruct", "scalar")
    ),
}


def read_c012(path: Path) -> dict[str, Constants]:
    """Return C0, C1 and C2 over all attacks and codecs, under POOLED, and of each attack or codec alone.

    Raise DataError for a file without the constants over all attacks and codecs.
    """
    path = Path(path)
    table = _load(path)
    across = table.get(POOLED, table) if isinstance(table, dict) else table
    pooled = across.get(POOLED, across) if isinstance(across, dict) else across
    if not _has_names(pooled):
        problem = f"{path} has no {', '.join(NAMES)} under {POOLED}, {POOLED}"
        raise DataError(f"{problem}: give the file of the ASVspoof 2021 keys")
    try:
        entries: dict[str, dict[str, Any]] = {POOLED: pooled} | _single(table, across)
        constants = {value: _constants(entry) for value, entry in entries.items()}
    except (TypeError, ValueError) as error:
        raise DataError(f"{path}: {', '.join(NAMES)} must be numbers ({error})") from error
    if not _are_costs(constants[POOLED]):
        values = ", ".join(map(str, constants[POOLED]))
        problem = f"{path}: {', '.join(NAMES)} are {values}, and no costs"
        raise DataError(f"{problem}: none may be below 0 or missing")
    # The constants of an empty condition are NaN.
    return {value: costs for value, costs in constants.items() if _are_costs(costs)}


def _load(path: Path) -> Any:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}): check the name") from error
    try:
        return json.loads(data) if path.suffix == ".json" else _unpickled(data)
    except (
        ValueError,
        EOFError,
        pickle.UnpicklingError,
        AttributeError,
        IndexError,
        ImportError,
        KeyError,
        TypeError,
    ) as error:
        problem = f"{path} is not a table of t-DCF constants ({error})"
        raise DataError(f"{problem}: give the file of the ASVspoof 2021 keys") from error


def _has_names(entry: object) -> TypeGuard[dict[str, Any]]:
    return isinstance(entry, dict) and set(NAMES) <= set(entry)


def _constants(entry: dict[str, Any]) -> Constants:
    return float(entry["C0"]), float(entry["C1"]), float(entry["C2"])


def _single(table: dict[str, Any], across: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the entries of each attack over all codecs, and of each codec over all attacks."""
    entries: dict[Any, Any] = {
        value: row.get(POOLED) for value, row in table.items() if isinstance(row, dict)
    } | across
    return {str(value): entry for value, entry in entries.items() if value != POOLED and _has_names(entry)}


def _are_costs(constants: Constants) -> bool:
    return (
        bool(np.isfinite(constants).all()) and min(constants) >= 0 and constants[0] + min(constants[1:]) > 0
    )


class _Unpickler(pickle.Unpickler):
    """Load arrays and plain values only."""

    def find_class(self, module: str, name: str) -> Any:
        """Return a class that the pickle names. Raise UnpicklingError for one that is not in ALLOWED."""
        if (module, name) not in ALLOWED:
            raise pickle.UnpicklingError(f"it needs {module}.{name}")
        return super().find_class(module, name)


def _unpickled(data: bytes) -> object:
    """Return the object of a NumPy file with a header, or of a bare pickle, as `ndarray.dump` writes it."""
    file = io.BytesIO(data)
    if data.startswith(MAGIC):
        version = np.lib.format.read_magic(file)
        read_header = (
            np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        )
        read_header(file)
    array = _Unpickler(file, encoding="latin1").load()
    return array.item() if isinstance(array, np.ndarray) else array
