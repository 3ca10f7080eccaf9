"""The one place where inputs are brought to a length: the same rule at training and at scoring."""

import torch
from torch import Tensor

from dada.data.input import Rule


def fit_length(x: Tensor, size: int | None, rule: Rule, generator: torch.Generator | None = None) -> Tensor:
    """Bring the last axis of `x`, (…, T), to `size` by `rule`.

    full: leave it. crop: cut what is longer, leave what is shorter. tile: repeat from the start, then cut.
    pad: zeros at the end, then cut. A longer input keeps its start, or with a `generator` a random stretch
    (training).
    """
    if rule == "full" or size is None:
        return x
    length = x.shape[-1]
    if length > size:
        start = 0 if generator is None else int(torch.randint(length - size + 1, (1,), generator=generator))
        return x[..., start : start + size]
    if length < size and rule == "tile":
        return x.repeat(*[1] * (x.ndim - 1), -(-size // length))[..., :size]
    if length < size and rule == "pad":
        return torch.nn.functional.pad(x, (0, size - length))
    return x
