"""Weights from a formula, so that outputs of a reference implementation can be written down without its
weights.
"""

import math
from collections.abc import Mapping

import torch
from torch import Tensor


def formula_weights(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Tensor]:
    """A state dict for the names and shapes of the authors' one, in their order and without the counts of
    batches (they become 0).

    Element j of tensor k comes from s = sin(1 + .1 k + .37 j): weights s √(2 / fan-in), scales 1 + .1 s,
    offsets and means .1 s, variances 1 + .5 s².
    """
    state = {}
    for k, (name, shape) in enumerate(shapes.items()):
        s = torch.sin(1 + 0.1 * k + 0.37 * torch.arange(math.prod(shape), dtype=torch.float64))
        if name.endswith("running_var"):
            s = 1 + 0.5 * s**2
            state[name.replace("running_var", "num_batches_tracked")] = torch.tensor(0)
        elif len(shape) > 1:
            s = s * math.sqrt(2 / math.prod(shape[1:]))
        elif name.endswith("weight"):
            s = 1 + 0.1 * s
        else:
            s = 0.1 * s
        state[name] = s.float().view(shape)
    return state
