"""Front ends in float32, whatever the precision of the network behind them."""

import functools
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor


def in_float32(forward: Callable[[Any, Tensor], Tensor]) -> Callable[[Any, Tensor], Tensor]:
    """Return a `forward(self, x)` that autocast does not touch.

    Autocast would round a waveform to the 8 significant bits of a bfloat16 before it is filtered.
    """

    @functools.wraps(forward)
    def run(self: Any, x: Tensor) -> Tensor:
        with torch.autocast(x.device.type, enabled=False):
            return forward(self, x)

    return run
