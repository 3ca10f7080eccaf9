"""Front ends in float32, whatever the precision of the network behind them."""

import contextlib
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
        kind = x.device.type
        knows = torch.amp.is_autocast_available(kind)
        with torch.autocast(kind, enabled=False) if knows else contextlib.nullcontext():
            return forward(self, x)

    return run
