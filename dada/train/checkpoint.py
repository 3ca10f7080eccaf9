"""Checkpoints: everything that a killed run needs to continue, in a file that is written atomically."""

import contextlib
import random
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from dada.errors import DataError
from dada.storage.atomic import PARTIAL
from dada.storage.tensors import load_tensors, save_tensors

NAME = "checkpoint/state.pt"
VERSION = 2  # an older one drew crops and augmentations in another way
ADVICE = "remove it to train from the start"


@dataclass
class State:
    """The position of a run. `phase`, `epoch` and `step` count completed phases, epochs and batches."""

    phase: int = 0
    epoch: int = 0
    step: int = 0
    total_epochs: int = 0  # over all phases; seeds the order of batches
    loss_sum: float = 0.0  # over the batches of this epoch
    num_skipped: int = 0  # batches of this epoch whose loss was not finite in float16
    best: list[float] | None = None  # [metric, -dev loss] of the best epoch, higher is better
    stop_best: float | None = None  # reference of early stopping
    bad_epochs: int = 0  # epochs without improvement over stop_best
    stopped: bool = False
    # signed dev metrics of this phase, for the plateau schedule
    history: list[float] = field(default_factory=list)
    margin: float | None = None  # of the loss in the last phase
    rows: list[dict[str, Any]] = field(default_factory=list)  # of log.csv
    seconds: float = 0.0

    def next_phase(self, margin: float | None) -> "State":
        """Return the state at the start of the next phase."""
        return State(
            self.phase + 1,
            total_epochs=self.total_epochs,
            margin=margin,
            rows=self.rows,
            seconds=self.seconds,
        )


def save(folder: Path, state: State, parts: dict[str, Any]) -> None:
    """Write the checkpoint atomically. `parts` holds state dicts and other values that torch saves."""
    save_tensors(Path(folder) / NAME, {"version": VERSION, "state": asdict(state), **parts})


def load(folder: Path) -> tuple[State, dict[str, Any]] | None:
    """Return the state and the parts of the checkpoint, None without a file.

    Raise DataError for a damaged file, or one of another version.
    """
    path = Path(folder) / NAME
    if not path.exists():
        return None
    parts = load_tensors(path, ADVICE)
    with refuse_damage(folder):
        state, version = State(**parts.pop("state")), parts.pop("version", 1)
    if version != VERSION:
        raise DataError(f"{path} is of version {version}, and {VERSION} is read here: {ADVICE}")
    return state, parts


@contextlib.contextmanager
def refuse_damage(folder: Path) -> Iterator[None]:
    """Raise DataError where the content of the checkpoint does not fit what is restored from it."""
    try:
        yield
    except (RuntimeError, TypeError, KeyError, ValueError, AttributeError, IndexError) as error:
        what = " ".join(str(error).split())[:200]
        path = Path(folder) / NAME
        raise DataError(
            f"{path} does not fit this training ({type(error).__name__}: {what}): {ADVICE}"
        ) from error


def remove_partial(folder: Path) -> None:
    """Remove incomplete files of a killed run."""
    for path in Path(folder).rglob(f"*{PARTIAL}"):
        path.unlink(missing_ok=True)


def is_main_process() -> bool:
    """Whether this process writes files: a single process, or the first that torchrun started."""
    return not torch.distributed.is_initialized() or torch.distributed.get_rank() == 0


def rng_states() -> dict[str, Any]:
    """Return the states of all random generators of this process."""
    name, keys, position, has_gauss, gauss = np.random.get_state(legacy=True)
    return {
        "python": random.getstate(),
        "numpy": [name, torch.from_numpy(np.asarray(keys).astype(np.int64)), position, has_gauss, gauss],
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state() if torch.cuda.is_available() else None,
    }


def set_rng_states(states: dict[str, Any]) -> None:
    """Restore the states that `rng_states` returned."""
    random.setstate(states["python"])
    name, keys, *rest = states["numpy"]
    np.random.set_state((name, keys.numpy().astype(np.uint32), *rest))
    torch.set_rng_state(states["torch"])
    if states["cuda"] is not None and torch.cuda.is_available():
        torch.cuda.set_rng_state(states["cuda"])
