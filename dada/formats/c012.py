"""The t-DCF constants that ASVspoof 2021 ships with its keys, such as LA-C012-eval.npy, or the same as JSON.

The .npy file is a pickle of `{attack: {codec: {"C0": …, "C1": …, "C2": …}}}`, with `Pooled` for all attacks
and all codecs. A pickle can run any program, so that only the plain values of such a table are read.

    {"Pooled": {"Pooled": {"C0": 0.0254559, "C1": 0.9150441, "C2": 0.380326}}}
"""

import io
import pickle
import struct
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np

from dada.errors import DataError
from dada.metrics.tdcf import POOLED
from dada.storage.json_file import parse_json
from dada.storage.reading import decode, read_bytes

Constants = tuple[float, float, float]
NAMES = ("C0", "C1", "C2")
SUFFIXES = (".npy", ".json")
MAGIC = b"\x93NUMPY"
ADVICE = "give the file of the ASVspoof 2021 keys"
MAX_BYTES = 1 << 20  # the official files have a few kB


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
    data = read_bytes(path, ADVICE)
    if path.suffix == ".json":
        return parse_json(decode(data, path, ADVICE), path, ADVICE)
    if len(data) > MAX_BYTES:
        raise DataError(f"{path} has {len(data):,} bytes, too many for a table of t-DCF constants: {ADVICE}")
    try:
        return _unpickled(data)
    except Exception as error:  # a damaged pickle raises many kinds
        raise DataError(f"{path} is not a table of t-DCF constants ({error}): {ADVICE}") from error


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


class _Dtype:
    """Stands for a NumPy type. Only the order of its bytes matters."""

    def __init__(self, code: str, *_: object):
        self.code = code

    def __setstate__(self, state: tuple) -> None:
        self.order = ">" if state[1] == ">" else "<"


class _Array:
    """Stands for a NumPy array of one Python object."""

    def __init__(self, *_: object):
        self.value: object = None

    def __setstate__(self, state: tuple) -> None:
        (self.value,) = state[-1]


def _scalar(dtype: _Dtype, content: bytes | str) -> float:
    data = content.encode("latin1") if isinstance(content, str) else content  # str: written by Python 2
    return struct.unpack(f"{dtype.order}{NUMBERS[dtype.code]}", data)[0]


def _encode(text: str, encoding: str) -> bytes:
    return text.encode({"latin1": "latin1"}[encoding])


NUMBERS = {"f4": "f", "f8": "d", "i4": "i", "i8": "q"}
STAND_INS: dict[tuple[str, str], Any] = {
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Dtype,
    ("_codecs", "encode"): _encode,
}
for _core in ("numpy.core.multiarray", "numpy._core.multiarray"):
    STAND_INS |= {(_core, "_reconstruct"): _Array, (_core, "scalar"): _scalar}


class _Unpickler(pickle._Unpickler):
    """Load plain values.

    NumPy and the unpickler written in C trust sizes in a file, and forged ones crash the interpreter. This is
    the unpickler written in Python, and the types above stand in for NumPy's.
    """

    def find_class(self, module: str, name: str) -> Any:
        """Return what stands for a class that the pickle names. Raise UnpicklingError for any other."""
        if (module, name) not in STAND_INS:
            raise pickle.UnpicklingError(f"it needs {module}.{name}")
        return STAND_INS[module, name]


def _unpickled(data: bytes) -> object:
    """Return the object of a NumPy file with a header, or of a bare pickle, as `ndarray.dump` writes it."""
    file = io.BytesIO(data)
    if data.startswith(MAGIC):
        size = 2 if data[len(MAGIC)] == 1 else 4  # bytes of the header's length, behind the version
        start = len(MAGIC) + 2 + size
        file.seek(start + int.from_bytes(data[start - size : start], "little"))
    table = _Unpickler(file, encoding="latin1").load()
    return table.value if isinstance(table, _Array) else table
