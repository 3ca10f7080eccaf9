"""The t-DCF constants that ASVspoof 2021 ships with its keys, such as LA-C012-eval.npy, or the same as JSON.

The .npy file is a pickle of `{attack: {codec: {"C0": …, "C1": …, "C2": …}}}`, with `Pooled` for all attacks
and all codecs. A pickle can run any program, so that only what makes up such a table is let in.

    {"Pooled": {"Pooled": {"C0": 0.0254559, "C1": 0.9150441, "C2": 0.380326}}}
"""

import io
import json
import pickle
from pathlib import Path

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
    """C0, C1 and C2 over all attacks and codecs, under POOLED, and under each attack or codec alone.

    Raises DataError for a file that does not hold the former.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}): check the name") from error
    try:
        table = json.loads(data) if path.suffix == ".json" else _unpickled(data)
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
        raise DataError(
            f"{path} is no table of t-DCF constants ({error}): give the file of the ASVspoof 2021 keys"
        ) from error
    across = table.get(POOLED, table) if isinstance(table, dict) else table
    pooled = across.get(POOLED, across) if isinstance(across, dict) else across
    if not isinstance(pooled, dict) or not set(NAMES) <= set(pooled):
        raise DataError(
            f"{path} has no {', '.join(NAMES)} under {POOLED}, {POOLED}: give the file of the ASVspoof "
            "2021 keys"
        )
    try:
        entries = {POOLED: pooled} | _single(table, across)
        found = {value: tuple(float(entry[name]) for name in NAMES) for value, entry in entries.items()}
    except (TypeError, ValueError) as error:
        raise DataError(f"{path}: {', '.join(NAMES)} must be numbers ({error})") from error
    if not _are_costs(found[POOLED]):
        values = ", ".join(map(str, found[POOLED]))
        raise DataError(
            f"{path}: {', '.join(NAMES)} are {values}, and no costs: none may be below 0 or missing"
        )
    return {
        value: constants for value, constants in found.items() if _are_costs(constants)
    }  # of an empty condition they are NaN


def _single(table: dict, across: dict) -> dict[str, dict]:
    """The entries of one attack over all codecs, and of one codec over all attacks."""
    entries = {value: row.get(POOLED) for value, row in table.items() if isinstance(row, dict)} | across
    whole = {
        value: entry
        for value, entry in entries.items()
        if isinstance(entry, dict) and set(NAMES) <= set(entry)
    }
    return {str(value): entry for value, entry in whole.items() if value != POOLED}


def _are_costs(constants: Constants) -> bool:
    return (
        bool(np.isfinite(constants).all()) and min(constants) >= 0 and constants[0] + min(constants[1:]) > 0
    )


class _Unpickler(pickle.Unpickler):
    """Lets in arrays and plain values only."""

    def find_class(self, module: str, name: str):
        """What the pickle asks for by name, where that is harmless."""
        if (module, name) not in ALLOWED:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}")
        return super().find_class(module, name)


def _unpickled(data: bytes):
    """The one object of a NumPy file with a header, or of a bare pickle, as `ndarray.dump` writes it."""
    file = io.BytesIO(data)
    if data.startswith(MAGIC):
        version = np.lib.format.read_magic(file)
        read_header = (
            np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        )
        read_header(file)
    array = _Unpickler(file, encoding="latin1").load()
    return array.item() if isinstance(array, np.ndarray) else array
