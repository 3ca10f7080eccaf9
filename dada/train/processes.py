"""Training in several processes, one GPU each, with the losses and gradients of one process.

`batch_size` counts the utterances of a batch over all processes. Of W processes, process r computes the
outputs of rows r, r + W, r + 2W, ... of each batch (`BatchSampler`). All outputs are then gathered, and every
process computes the loss of the whole batch. A loss need not be a mean over utterances: with class weights,
margins that follow the data, or correlations over a batch it depends on all rows together. Dropout and
augmentation draw independently in each process.

Axes: B utterances of a batch, b of them in this process, K classes, D embedding.
"""

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch import distributed as dist

from dada.data.batch import Batch
from dada.experiment.config import SystemConfig
from dada.models import Output

if TYPE_CHECKING:
    from accelerate import Accelerator


def make_accelerator(config: SystemConfig, reset: bool = False) -> "Accelerator":
    """Return the accelerator of a training; `reset` allows another precision than that of a run before."""
    from accelerate import Accelerator
    from accelerate.state import AcceleratorState
    from accelerate.utils import DistributedDataParallelKwargs

    if reset:
        AcceleratorState._reset_state()
    parallel = DistributedDataParallelKwargs(find_unused_parameters=True)  # a phase may not use the head
    cpu = not torch.cuda.is_available()  # only if set, several processes on a CPU connect
    return Accelerator(cpu=cpu, mixed_precision=config.train.mixed_precision, kwargs_handlers=[parallel])


def whole_batch(output: Output, batch: Batch) -> tuple[Output, Batch]:
    """Outputs and labels of the whole batch, B rows in their order, from the b rows of each process.

    Gradients flow into the rows of this process only: the sum of the processes' gradients, not their mean, is
    the gradient of the loss. The batch carries labels alone, all that a loss reads.
    """
    device = output.logits.device
    sizes = [torch.zeros(1, dtype=torch.int64, device=device) for _ in range(dist.get_world_size())]
    dist.all_gather(sizes, torch.tensor([len(output.logits)], device=device))
    counts = [int(size) for size in sizes]
    rows = [(j, rank) for rank, count in enumerate(counts) for j in range(count)]
    order = torch.tensor(sorted(range(len(rows)), key=rows.__getitem__), device=device)
    gathered = Output(*(_gather(part, counts)[order] for part in output))
    labels = None if batch.labels is None else _gather(batch.labels, counts)[order]
    return gathered, Batch([], gathered.embedding, torch.zeros(0), labels)


def _gather(rows: Tensor, counts: list[int]) -> Tensor:
    """Rows of all processes, one process after the other; those of this process keep their gradient."""
    padded = rows.new_zeros(max(counts), *rows.shape[1:])
    padded[: len(rows)] = rows.detach()
    parts = [torch.empty_like(padded) for _ in counts]
    dist.all_gather(parts, padded)
    parts = [part[:count] for part, count in zip(parts, counts, strict=True)]
    parts[dist.get_rank()] = rows
    return torch.cat(parts)


def share_batch_statistics(model: nn.Module, device: torch.device) -> nn.Module:
    """Return the model with batch normalisation over the whole batch on GPUs.

    On CPUs torch has none, and the statistics are those of each process's rows.
    """
    return nn.SyncBatchNorm.convert_sync_batchnorm(model) if device.type == "cuda" else model
