"""Files of tensors, as torch.save writes them. No code in a file is run."""

import pickle
import re
import warnings
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


def load_tensors(path: Path, advice: str) -> Any:
    """Return tensors and plain values on the CPU.

    Raise DataError for a file that is damaged, or that holds other Python objects.
    """
    import torch

    require_file(path)
    try:
        with warnings.catch_warnings():
            # a checkpoint of another pickle protocol is read or refused like any other
            warnings.filterwarnings("ignore", "Detected pickle protocol", UserWarning)
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        with open(path, "rb") as file:
            head = file.read(2)
        if head != b"PK" and head[:1] != pickle.PROTO:
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
