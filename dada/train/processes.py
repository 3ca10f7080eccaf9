"""Training in several processes, one GPU each, with the losses and gradients of one process.

`batch_size` counts the utterances of a batch over all processes. Of W processes, process r computes the
outputs of rows r, r + W, r + 2W, ... of each batch (`BatchSampler`). All outputs are then gathered, and every
process computes the loss of the whole batch. A loss need not be a mean over utterances: with class weights,
margins that follow the data, or correlations over a batch it depends on all rows together. Augmentation and
batch statistics are those of one process too; only dropout draws independently in each process.

Axes: B utterances of a batch, b of them in this process, K classes, D embedding.
"""

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch import distributed as dist

from dada.data.batch import Batch
from dada.data.dataset import Dataset, restrict
from dada.experiment.config import SystemConfig
from dada.models import Output
from dada.models.inference import Outputs, device_of, make_batches, run_model

if TYPE_CHECKING:
    from accelerate import Accelerator


def make_accelerator(config: SystemConfig, reset: bool = False) -> "Accelerator":
    """Return the accelerator of a training; `reset` allows another precision than that of a run before."""
    from accelerate import Accelerator
    from accelerate.state import AcceleratorState

    if reset:
        AcceleratorState._reset_state()
    cpu = not torch.cuda.is_available()  # only if set, several processes on a CPU connect
    return Accelerator(cpu=cpu, mixed_precision=config.train.mixed_precision)


def exchanging(model: Any, device: torch.device, unused: Sequence[str]) -> Any:
    """Return the model with gradients that are means over the processes.

    `unused` names the parameters that a loss does not depend on. They are left out for good, which saves
    looking for them in every update.
    """
    parallel = nn.parallel.DistributedDataParallel
    parallel._set_params_and_buffers_to_ignore_for_model(model, list(unused))
    return parallel(model, device_ids=[device] if device.type == "cuda" else None)


def whole_batch(output: Output, batch: Batch, counts: Sequence[int]) -> tuple[Output, Batch]:
    """Outputs and labels of the whole batch, B rows in their order, from the b rows of each process.

    `counts` are the utterances of each process. Gradients flow into the rows of this process only: the sum of
    the processes' gradients, not their mean, is the gradient of the loss. The batch carries labels,
    domains and groups alone, all that a loss reads.
    """
    copies = len(output.logits) // counts[dist.get_rank()]  # an augmentation may keep the clips as they were
    counts = [copies * count for count in counts]
    rows = [(j, rank) for rank, count in enumerate(counts) for j in range(count)]
    order = torch.tensor(sorted(range(len(rows)), key=rows.__getitem__))
    order = order.to(output.logits.device, non_blocking=True)
    gathered = Output(*(_gather(part, counts)[order] for part in output))
    labels, domains, groups = (
        None if rows is None else _gather(rows, counts)[order]
        for rows in (batch.labels, batch.domains, batch.groups)
    )
    return gathered, Batch([], gathered.embedding, torch.zeros(0), labels, [], domains, groups)


def _gather(rows: Tensor, counts: Sequence[int]) -> Tensor:
    """Rows of all processes, one process after the other; those of this process keep their gradient."""
    padded = rows.new_zeros(max(counts), *rows.shape[1:])
    padded[: len(rows)] = rows.detach()
    parts = [torch.empty_like(padded) for _ in counts]
    dist.all_gather(parts, padded)
    parts = [part[:count] for part, count in zip(parts, counts, strict=True)]
    parts[dist.get_rank()] = rows
    return torch.cat(parts)


def run_shared(
    model: nn.Module, dataset: Dataset, batch_size: int, num_workers: int | None = None
) -> Outputs:
    """`run_model`, of which each process computes a part of the same batches. All get the whole."""
    world = dist.get_world_size() if dist.is_initialized() else 1
    batches = make_batches(dataset, batch_size)
    if world == 1 or len(batches) < world:
        return run_model(model, dataset, batch_size, num_workers)
    parts = split_evenly(batches, dataset.lengths, world)
    mine = run_model(model, restrict(dataset, parts[dist.get_rank()]), batch_size, num_workers)
    counts = [len(part) for part in parts]
    place = torch.tensor(list(itertools.chain.from_iterable(parts))).argsort()
    logits, embeddings = (
        _gather(rows.to(device_of(model)), counts).cpu()[place] for rows in (mine.logits, mine.embeddings)
    )
    return Outputs(list(dataset.utts), logits, embeddings)


def split_evenly(
    batches: Sequence[Sequence[int]], lengths: Sequence[int] | None, num_parts: int
) -> list[list[int]]:
    """Return the utterances of neighbouring batches as parts of nearly equal steps, padding included.

    Sorted and cut anew, the utterances of a part make the same batches.

    >>> split_evenly([[0, 1], [2, 3], [4]], [1, 1, 2, 2, 9], 2)
    [[0, 1, 2, 3], [4]]
    """
    steps = [len(batch) * max(lengths[i] for i in batch) if lengths else len(batch) for batch in batches]
    ends = list(itertools.accumulate(steps))
    parts: list[list[int]] = [[] for _ in range(num_parts)]
    part = 0
    for k, batch in enumerate(batches):
        middle, left = (ends[k] - steps[k] / 2) / ends[-1], len(batches) - k
        # No part stays empty: a batch begins the next one where as many are left as parts.
        if (
            parts[part]
            and part + 1 < num_parts
            and (middle * num_parts >= part + 1 or left < num_parts - part)
        ):
            part += 1
        parts[part] += batch
    return parts
