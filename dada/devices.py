"""The device that a process computes on: it is chosen here and nowhere else.

A process sees one GPU at most. The runner starts one process for each GPU of `--ngpu`, and `--device` of a
command names one. All code then computes on `device()`.
"""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dada.errors import ConfigError

if TYPE_CHECKING:
    import torch

VISIBLE = "CUDA_VISIBLE_DEVICES"
_AT_START = os.environ.get(VISIBLE)  # before a GPU was assigned


@dataclass
class DeviceConfig:
    """How GPUs compute; on a CPU nothing changes."""

    # round the inputs of float32 products and convolutions to 10 bits of mantissa: faster, and scores differ
    # from those of a CPU by up to some percent
    tf32: bool = False
    cudnn_benchmark: bool = False  # try the algorithms of cuDNN for every new shape, and take the fastest
    deterministic: bool = True  # the same sums in the same order, in every run and after a resumption

    def __post_init__(self) -> None:
        if self.deterministic and self.cudnn_benchmark:
            raise ConfigError(
                "devices.cudnn_benchmark chooses algorithms by their time: set devices.deterministic: false"
            )


def device() -> "torch.device":
    """Return the device of this process: its GPU where it sees one, else the CPU."""
    import torch

    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def hide_gpus() -> None:
    """Let this process compute on the CPU."""
    os.environ[VISIBLE] = ""


def assign_gpu(number: int) -> None:
    """Let this process see one GPU, by its place among those that the command sees.

    It counts until the process has used a GPU.
    """
    names = _names()
    os.environ[VISIBLE] = names[number] if names is not None and number < len(names) else str(number)


def all_gpus() -> dict[str, str]:
    """Return the environment of a process that sees all GPUs that the command sees."""
    others = {name: value for name, value in os.environ.items() if name != VISIBLE}
    return others if _AT_START is None else {**others, VISIBLE: _AT_START}


def num_gpus() -> int:
    """Return the number of GPUs that the command sees."""
    import torch

    return torch.cuda.device_count()


def use(name: str) -> "torch.device":
    """Choose the device of a command: cpu, cuda, cuda:1. Raise ConfigError for one that is not there."""
    kind, colon, number = name.partition(":")
    if kind not in ("cpu", "cuda") or (colon and (kind == "cpu" or not number.isdecimal())):
        raise ConfigError(f"--device {name}: known are cpu, cuda and, for one of several GPUs, cuda:1")
    if kind == "cpu":
        hide_gpus()
        return device()
    found = num_gpus()
    if int(number or 0) >= found:
        there = "no GPU" if not found else "one GPU, cuda:0" if found == 1 else f"cuda:0 to cuda:{found - 1}"
        raise ConfigError(f"--device {name}: torch sees {there}; --device cpu computes without")
    assign_gpu(int(number or 0))
    configure(DeviceConfig())
    return device()


def require_gpus(wanted: int) -> None:
    """Raise ConfigError where `--ngpu` asks for more GPUs than there are."""
    if wanted and wanted > (found := num_gpus()):
        raise ConfigError(f"--ngpu {wanted}: torch sees {found or 'no'} GPU{'s' * (found != 1)} here")


def configure(config: DeviceConfig) -> None:
    """Set how this process computes, before it uses its GPU. A process without one is left as it is."""
    import torch

    if device().type != "cuda":
        return
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = config.tf32
    torch.backends.cudnn.benchmark = config.cudnn_benchmark
    torch.backends.cudnn.deterministic = config.deterministic
    if config.deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    setattr(torch.utils.deterministic, "fill_uninitialized_memory", False)  # noqa: B010 (mypy does not know it)
    # An operation that has no such algorithm warns, and is computed all the same.
    torch.use_deterministic_algorithms(config.deterministic, warn_only=True)


@contextlib.contextmanager
def gradients_in_evaluation() -> Iterator[None]:
    """Compute without cuDNN, which has no gradient of a recurrent layer in evaluation mode."""
    if device().type != "cuda":
        yield
        return
    import torch

    with torch.backends.cudnn.flags(enabled=False):
        yield


def _names() -> list[str] | None:
    return None if _AT_START is None else [name.strip() for name in _AT_START.split(",") if name.strip()]
