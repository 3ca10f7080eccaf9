"""Integrated gradients: the gradient along the straight line from a background to the input, times their
difference.

Sundararajan, Taly and Yan, "Axiomatic attribution for deep networks" (ICML 2017), by captum; averaged over
the background. For any network with a gradient. The sums come out right in the limit of many steps, where the
network is continuous; networks that choose the best of their nodes are not quite. So the number of steps is
doubled until the completeness error is small enough, or the limit is reached.

Axes: B utterances, K targets.
"""

from collections.abc import Callable, Sequence

import torch
from captum.attr import IntegratedGradients
from torch import Tensor, nn

from dada.data.batch import Batch
from dada.explain.methods._gradient import as_function, baselines, mean_output


def attribute(
    model: nn.Module,
    batch: Batch,
    background: Batch,
    targets: Sequence[int],
    tolerance: float = 0.01,
    first_steps: int = 16,
    max_steps: int = 128,
    zeros: bool = False,
    rows_at_once: int = 4,
) -> tuple[Tensor, Tensor]:
    """Values (B, K, ...) and base values (B, K). `zeros` starts from an input of zeros instead of the
    background.

    Steps are doubled from `first_steps` to `max_steps` at most, for each utterance and target, until what is
    missing from the sum is less than `tolerance` of it. `rows_at_once` bounds the memory. Raises NoGradient.
    """
    logits = as_function(model, batch)
    starts = baselines(background, zeros)
    base = mean_output(logits, starts, targets)
    values = torch.stack(
        [
            torch.stack(
                [
                    along_lines(
                        logits,
                        x[None],
                        starts,
                        target,
                        float(base[k]),
                        tolerance,
                        (first_steps, max_steps),
                        rows_at_once,
                    )
                    for k, target in enumerate(targets)
                ]
            )
            for x in batch.inputs
        ]
    )
    return values, base.to(values.dtype).expand(len(batch), -1)


def along_lines(
    logits: Callable,
    x: Tensor,
    starts: Tensor,
    target: int,
    base: float,
    tolerance: float,
    bounds: tuple[int, int],
    rows_at_once: int,
) -> Tensor:
    """Values of one input (1, ...) for one target, the mean over all starting points, by a number of steps
    within `bounds`.
    """
    method = IntegratedGradients(logits)
    with torch.no_grad():
        difference = float(logits(x)[0, target]) - base
    first_steps, max_steps = bounds
    steps = min(first_steps, max_steps)
    while True:
        lines = [
            method.attribute(
                x, start[None], target, n_steps=steps, internal_batch_size=rows_at_once
            ).detach()[0]
            for start in starts
        ]
        values = torch.stack(lines).mean(0)
        if steps == max_steps or abs(float(values.double().sum()) - difference) <= tolerance * abs(
            difference
        ):
            return values.to(x.dtype)
        steps = min(2 * steps, max_steps)
