"""What the parts share: where they run, the rows of the table, timing, and inputs."""

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from dada import models
from dada.data.batch import Batch
from dada.data.dataset import Dataset
from dada.recipe.config import load_system_config

# Passed, failed, without a bound, left out for a stated reason.
PASS, FAIL, NOTED, SKIPPED = "pass", "FAIL", "-", "skipped"
NUM_SAMPLES = 64_600  # the 4.04 s of AASIST


@dataclass(frozen=True)
class Setup:
    """Where and how large. With `small`, networks are their examples and inputs a few."""

    device: torch.device
    small: bool
    folder: Path  # for files of the parts
    reference: Path | None  # official weights and logits
    speed: float = 1.0  # of this card, relative to the H100 of the floors; at most 1

    @property
    def on_gpu(self) -> bool:
        """Whether bounds of GPUs apply."""
        return self.device.type == "cuda"


@dataclass(frozen=True)
class Row:
    """A line of the table."""

    what: str
    value: float | str
    unit: str = ""
    bound: str = ""
    verdict: str = NOTED


def at_most(what: str, value: float, bound: float, unit: str = "") -> Row:
    """A value that must not exceed its bound."""
    return Row(what, value, unit, f"<= {bound:g}", PASS if value <= bound else FAIL)


def at_least(what: str, value: float, bound: float, unit: str = "") -> Row:
    """A value that must reach its bound."""
    return Row(what, value, unit, f">= {bound:,.4g}", PASS if value >= bound else FAIL)


def holds(what: str, passed: bool, value: str = "") -> Row:
    """A statement that must hold."""
    return Row(what, value or ("yes" if passed else "no"), "", "yes", PASS if passed else FAIL)


def floor(setup: Setup, what: str, value: float, of_an_h100: float) -> Row:
    """Clips a second beside the floor, which is lower on a card that is slower than an H100; on a CPU there
    is none.
    """
    if not setup.on_gpu:
        return Row(what, value, "clips/s")
    return at_least(what, value, of_an_h100 * setup.speed, "clips/s")


def seconds_of(setup: Setup, work: Callable[[], Any], least: float = 1.0) -> float:
    """Seconds of a call: the mean over at least `least` seconds, after two that do not count."""
    for _ in range(1 if setup.small else 2):
        work()
    wait(setup)
    start, calls = time.perf_counter(), 0
    while True:
        work()
        calls += 1
        if setup.small:
            break
        if calls % 4 == 0:  # seldom, because to wait is to stop the GPU
            wait(setup)
            if time.perf_counter() - start > least:
                break
    wait(setup)
    return (time.perf_counter() - start) / calls


def wait(setup: Setup) -> None:
    """Wait until the device has done all it was given."""
    if setup.on_gpu:
        torch.cuda.synchronize(setup.device)


@contextlib.contextmanager
def precision(setup: Setup, name: str) -> Iterator[None]:
    """Compute in `float32`, with `tf32` products, or under autocast to `bf16`."""
    matmul, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    before = matmul.allow_tf32, cudnn.allow_tf32
    matmul.allow_tf32 = cudnn.allow_tf32 = name == "tf32"
    try:
        with torch.autocast(setup.device.type, torch.bfloat16, enabled=name == "bf16"):
            yield
    finally:
        matmul.allow_tf32, cudnn.allow_tf32 = before


def published(name: str) -> nn.Module:
    """A network in the size of a system of dada/conf, with fresh weights."""
    config = load_system_config(name)
    torch.manual_seed(1)
    return models.build("audio", config.model, 2)


def noise(setup: Setup, num: int, *shape: int) -> Batch:
    """`num` utterances of noise with the two classes in turn, on the device."""
    inputs = torch.randn(num, *shape, generator=torch.Generator().manual_seed(2))
    lengths, labels = torch.full((num,), shape[-1]), torch.arange(num) % 2
    return Batch([f"u{i}" for i in range(num)], 0.1 * inputs, lengths, labels).to(setup.device)


def in_memory(num: int, num_samples: int, seed: int = 0) -> Dataset:
    """Utterances of noise, louder in one of the two classes."""
    rng = np.random.default_rng(seed)
    arrays = {
        f"u{i:05d}": (0.05 * (1 + i % 2) * rng.standard_normal(num_samples)).astype(np.float32)
        for i in range(num)
    }
    return Dataset(arrays, list(arrays), torch.arange(num) % 2)


def training_step(model: nn.Module, batch: Batch) -> Callable[[], Tensor]:
    """A step of Adam on the batch, in the precision that is set when it is called."""
    optimiser = torch.optim.Adam(model.train().parameters(), 1e-4)

    def step() -> Tensor:
        optimiser.zero_grad(set_to_none=True)
        loss = nn.functional.cross_entropy(model(batch).logits.float(), batch.labels)
        loss.backward()
        optimiser.step()
        return loss.detach()

    return step


def relative(found: Tensor, expected: Tensor) -> float:
    """Norm of the difference over the norm of what is expected."""
    expected = expected.double().cpu()
    return float((found.double().cpu() - expected).norm() / expected.norm())
