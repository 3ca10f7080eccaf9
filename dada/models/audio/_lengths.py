"""Clips of different lengths in one batch, for networks without masks."""

from collections.abc import Callable

import torch
from torch import Tensor

from dada.data.batch import Batch
from dada.errors import DataError
from dada.models import Output


def valid_frames(batch: Batch) -> Tensor:
    """The places (M,) of the frames within their clips among all B · N frames of a batch (B, F, N), beside
    its inputs.

    They are found on the CPU, where the lengths may be, so that nothing waits for a GPU.
    """
    size = batch.inputs.shape[-1]
    places = [torch.arange(length) + i * size for i, length in enumerate(batch.lengths.tolist())]
    return torch.cat(places).to(batch.inputs.device)


def all_valid(batch: Batch) -> bool:
    """Whether no row of a batch has padding."""
    return min(batch.lengths.tolist()) == batch.inputs.shape[-1]


def run_by_length(
    batch: Batch, shortest: int, run: Callable[[Tensor], Output], unit: str = "samples"
) -> Output:
    """`run` on the clips of each length together, so that what lies behind a clip's end is never seen; rows
    in the batch's order.

    Raise DataError, naming the utterance, for a clip of fewer than `shortest` steps; `unit` is what steps
    are called there.
    """
    lengths = batch.lengths.tolist()
    for utt, length in zip(batch.utts, lengths, strict=True):
        if length < shortest:
            what = f"{length} {unit}, but the network needs {shortest}"
            raise DataError(f"utterance {utt}: {what}: let input.length_rule tile or pad it, or remove it")
    if min(lengths) == batch.inputs.shape[-1]:
        return run(batch.inputs)
    groups = [
        (length, [i for i, other in enumerate(lengths) if other == length]) for length in sorted(set(lengths))
    ]
    outputs = [run(batch.inputs[rows, ..., :length]) for length, rows in groups]
    order = torch.tensor([i for _, rows in groups for i in rows], device=batch.inputs.device).argsort()
    return Output(*(torch.cat(parts)[order] for parts in zip(*outputs, strict=True)))
