"""Occlusion: how much a logit falls when a patch of the input is replaced by the mean of the background.

For any model at all, GMMs too: it only asks for outputs. What patches do together does not come out of one at
a time, so the sums are not exact, and their error says how much that is (Zeiler and Fergus, "Visualizing and
understanding convolutional networks", ECCV 2014).

Axes: B utterances, K targets, F rows, N steps.
"""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from dada.data.batch import Batch
from dada.errors import ConfigError
from dada.explain.methods._gradient import repeated


@torch.no_grad()
def attribute(
    model: nn.Module,
    batch: Batch,
    background: Batch,
    targets: Sequence[int],
    num_patches: Sequence[int] = (8, 16),
    rows_at_once: int = 16,
) -> tuple[Tensor, Tensor]:
    """Values (B, K, ...) and base values (B, K), those of the mean background. Each patch's fall is spread
    evenly over it.

    `num_patches` along (rows, steps); waveforms and vectors, with one axis, take the last number. Raises
    ConfigError where there are more patches than places.
    """
    mean = background.inputs.mean(0)
    patches = list(cut(mean.shape, num_patches))
    values = torch.zeros(len(batch), len(targets), *mean.shape, dtype=batch.inputs.dtype, device=mean.device)
    for i, x in enumerate(batch.inputs):
        whole = repeated(model, batch, x[None])[0]
        for start in range(0, len(patches), rows_at_once):
            part = patches[start : start + rows_at_once]
            occluded = x.repeat(len(part), *[1] * x.ndim)
            for row, patch in zip(occluded, part, strict=True):
                row[patch] = mean[patch]
            fall = (whole - repeated(model, batch, occluded))[:, list(targets)]
            for patch, amounts in zip(part, fall, strict=True):
                place = (slice(None), *patch)
                values[i][place] = (amounts / mean[patch].numel()).view(-1, *[1] * mean.ndim)
    base = repeated(model, batch, mean[None])[:, list(targets)]
    return values, base.expand(len(batch), -1)


def cut(shape: torch.Size, num_patches: Sequence[int]) -> Iterator[tuple[slice, ...]]:
    """The patches of an input of `shape`, of sizes as even as can be."""
    counts = list(num_patches)[-len(shape) :]
    if len(counts) != len(shape) or any(
        not 0 < count <= size for count, size in zip(counts, shape, strict=True)
    ):
        raise ConfigError(
            f"occlusion: num_patches {list(num_patches)} does not fit inputs of {' x '.join(map(str, shape))}"
        )
    edges = [[size * i // count for i in range(count + 1)] for size, count in zip(shape, counts, strict=True)]
    axes = [[slice(low, high) for low, high in zip(edge, edge[1:], strict=False)] for edge in edges]
    yield from (
        ((part,) for part in axes[0])
        if len(axes) == 1
        else ((row, column) for row in axes[0] for column in axes[1])
    )
