"""Files of tensors, as torch.save writes them, or safetensors. No code in a file is run."""

import pickle
import re
import warnings
import zipfile
from pathlib import Path
from typing import Any

from dada.errors import DataError
from dada.storage.atomic import atomic_path
from dada.storage.reading import require_file


def save_tensors(path: Path, value: Any) -> None:
    """Write tensors and plain values atomically.

    The bytes depend on the content alone: given a path, torch would write the name of the temporary file into
    the archive.
    """
    import torch

    with atomic_path(path) as partial, open(partial, "wb") as file:
        torch.save(value, file)


def load_tensors(path: Path, advice: str, lazily: bool = False) -> Any:
    """Return tensors and plain values on the CPU.

    `lazily` leaves the values of tensors in the file until they are read, so that a checkpoint of gigabytes
    takes no memory beside the network it is copied into; the file must stay while they are in use. Raise
    DataError for a file that is damaged, or that holds other Python objects.
    """
    import torch

    require_file(path)
    try:
        with warnings.catch_warnings():
            # a checkpoint of another pickle protocol is read or refused like any other
            warnings.filterwarnings("ignore", "Detected pickle protocol", UserWarning)
            if path.suffix == ".safetensors":
                return _load_safetensors(path)
            if lazily := lazily and _is_zip(path):
                _check_sums(path)
            return torch.load(path, map_location="cpu", weights_only=True, mmap=lazily)
    except pickle.UnpicklingError as error:
        if not _is_zip(path) and _head(path)[:1] != pickle.PROTO:
            raise DataError(f"{path} is no checkpoint: {advice}") from error
        kind = re.search(r"GLOBAL (\S+)", str(error))
        raise DataError(
            f"{path} holds pickled Python objects{f' ({kind[1]})' if kind else ''} besides "
            "parameters, which can "
            "run any code: it was not read. If you trust the file, save the network's state_dict() alone"
        ) from error
    except Exception as error:  # torch raises many kinds for files that are cut or damaged
        what = str(error).strip().partition("\n")[0].partition(". ")[0] or type(error).__name__
        raise DataError(f"{path} is no checkpoint, or not all of one ({what}): {advice}") from error


def _load_safetensors(path: Path) -> dict[str, Any]:
    """Tensors by name, whose values stay in the file until they are read."""
    from safetensors.torch import load_file

    return load_file(path)


def _check_sums(path: Path) -> None:
    """Raise BadZipFile for a damaged part of an archive, which torch does not look for in a mapped file."""
    with zipfile.ZipFile(path) as archive:
        if (damaged := archive.testzip()) is not None:
            raise zipfile.BadZipFile(f"{damaged} in it is damaged")


def _is_zip(path: Path) -> bool:
    return _head(path) == b"PK"


def _head(path: Path) -> bytes:
    with open(path, "rb") as file:
        return file.read(2)
