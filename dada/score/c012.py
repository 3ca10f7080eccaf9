"""The t-DCF constants that ASVspoof 2021 ships with its keys, such as LA-C012-eval.npy, or the same as JSON.

The .npy file is a pickle of `{attack: {codec: {"C0": …, "C1": …, "C2": …}}}`, with `Pooled` for all attacks and all codecs. A pickle can
run any program, so that only what makes up such a table is let in.

    {"Pooled": {"Pooled": {"C0": 0.0254559, "C1": 0.9150441, "C2": 0.380326}}}
"""

import io
import json
import pickle
from pathlib import Path

import numpy as np

from dada.errors import DataError

NAMES = ("C0", "C1", "C2")
POOLED = "Pooled"
SUFFIXES = (".npy", ".json")
MAGIC = b"\x93NUMPY"
ALLOWED = {
    ("numpy", "ndarray"), ("numpy", "dtype"), ("_codecs", "encode"),
    *((f"numpy.{core}.multiarray", name) for core in ("core", "_core") for name in ("_reconstruct", "scalar")),
}


def read_c012(path: Path) -> tuple[float, float, float]:
    """C0, C1 and C2 over all attacks and codecs. Raises DataError for a file that does not hold them."""
    path = Path(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}): check the name") from error
    try:
        table = json.loads(data) if path.suffix == ".json" else _unpickled(data)
    except (ValueError, EOFError, pickle.UnpicklingError, AttributeError, IndexError, ImportError, KeyError, TypeError) as error:
        raise DataError(f"{path} is no table of t-DCF constants ({error}): give the file of the ASVspoof 2021 keys") from error
    for level in (POOLED, POOLED):
        if isinstance(table, dict) and level in table:
            table = table[level]
    if not isinstance(table, dict) or not set(NAMES) <= set(table):
        raise DataError(f"{path} has no {', '.join(NAMES)} under {POOLED}, {POOLED}: give the file of the ASVspoof 2021 keys")
    try:
        values = tuple(float(table[name]) for name in NAMES)
    except (TypeError, ValueError) as error:
        raise DataError(f"{path}: {', '.join(NAMES)} must be numbers ({error})") from error
    if not np.isfinite(values).all() or min(values) < 0 or values[0] + min(values[1:]) == 0:
        raise DataError(f"{path}: {', '.join(NAMES)} are {', '.join(map(str, values))}, and no costs: none may be below 0 or missing")
    return values


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
        read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        read_header(file)
    array = _Unpickler(file, encoding="latin1").load()
    return array.item() if isinstance(array, np.ndarray) else array
