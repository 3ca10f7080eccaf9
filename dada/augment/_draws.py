"""Random numbers from a `torch.Generator` of the CPU, and bands of rows or frames. Axes: B batch, N steps."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dada.errors import ConfigError


def uniform(generator: torch.Generator, bounds: Sequence[float], *shape: int) -> Tensor:
    """Uniform between two bounds."""
    low, high = bounds
    return low + (high - low) * torch.rand(shape, generator=generator)


def integers(generator: torch.Generator, bounds: Sequence[int], *shape: int) -> Tensor:
    """Integers between two bounds, both included."""
    return torch.randint(bounds[0], bounds[1] + 1, shape, generator=generator)


def happens(generator: torch.Generator, probability: float, num: int) -> Tensor:
    """(num,) bool, each True with a probability."""
    return torch.rand(num, generator=generator) < probability


def numpy_uniform(rng: np.random.Generator, bounds: Sequence[float], size: Any = None) -> Any:
    """Uniform numbers of float64 between two bounds: a scalar, or an array of shape `size`."""
    low, high = bounds
    return rng.uniform(low, high, size)


def numpy_generator(generator: torch.Generator) -> np.random.Generator:
    """A NumPy generator that follows from the state of `generator`, for what torch cannot draw from one."""
    return np.random.default_rng(int(torch.randint(2**62, (), generator=generator)))


def beta(generator: torch.Generator, alpha: float, num: int) -> Tensor:
    """(num,) from Beta(α, α)."""
    return torch.from_numpy(numpy_generator(generator).beta(alpha, alpha, num)).float()


def places(generator: torch.Generator, room: Tensor) -> Tensor:
    """Integers in 0 … room, one for each element; 0 where there is no room."""
    return (
        (torch.rand(room.shape, generator=generator) * (room + 1))
        .long()
        .clamp(min=0)
        .minimum(room.clamp(min=0))
    )


def band(starts: Tensor, widths: Tensor, size: int) -> Tensor:
    """(B, size) bool: `widths` (B,) steps from `starts` (B,) on."""
    steps = torch.arange(size)
    return (steps >= starts[:, None]) & (steps < (starts + widths)[:, None])


def check_bounds(name: str, **bounds: Sequence[float]) -> None:
    """Raise ConfigError for bounds that are not two numbers, the lower first."""
    for key, values in bounds.items():
        if len(values) != 2 or values[0] > values[1]:
            raise ConfigError(f"{name}: {key} is {list(values)}, expected [lowest, highest]")
