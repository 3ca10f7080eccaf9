"""Batches of a dataset on their way to a device, made in this process or in loader processes.

What a batch holds depends on its draws alone, so the number of processes never shows in a result.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import torch
from torch.utils.data import DataLoader

from dada.data.batch import Batch
from dada.data.dataset import Dataset
from dada.data.sampling import BatchSampler, Draw
from dada.errors import DadaError

MAX_WORKERS = 8  # of one process that computes, where `num_workers` is not stated
BATCHES_EACH = 4  # fewer are not worth the start of a loader process
FEWER = "free some memory, or set train.num_workers to fewer loader processes, 0 for none"

Augmentation = Callable[[Batch, Sequence[Draw]], Batch]


def workers_for(device: torch.device, stated: int | None = None, num_batches: int | None = None) -> int:
    """Return the number of loader processes: the `stated` one, or one that suits the device.

    A computation on a CPU has none, as it uses the core that a loader process would take. A GPU has one for
    each core that this process may use, but for its own, from 1 to 8, and fewer for a few batches. Processes
    with a GPU each share the cores of their machine.
    """
    if stated is not None:
        return stated
    if device.type == "cpu":
        return 0
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    workers = min(max(cores // int(os.environ.get("LOCAL_WORLD_SIZE", "1")) - 1, 1), MAX_WORKERS)
    return workers if num_batches is None else min(workers, num_batches // BATCHES_EACH)


class Loader:
    """The batches of `dataset` on `device`, as often as they are asked for.

    `batches` is a sampler or lists of indices. `augment` is called on each batch on the CPU. The processes
    live as long as the loader: an epoch reaches them with the draws of the sampler. Their errors are raised
    here as they are, and a process that the system killed is a DadaError.
    """

    def __init__(
        self,
        dataset: Dataset,
        batches: BatchSampler | Sequence[Sequence[int]],
        device: torch.device,
        num_workers: int | None = 0,
        augment: Augmentation | None = None,
    ):
        self.device = device
        known = None if isinstance(batches, BatchSampler) else len(batches)
        workers = workers_for(device, num_workers, known)
        self.loader = DataLoader(
            _Source(dataset, augment),
            batch_sampler=_Draws(batches),
            collate_fn=_unchanged,
            num_workers=workers,
            persistent_workers=workers > 0,
            pin_memory=device.type == "cuda",
            # not the global generator, whose state must not depend on where an epoch is resumed
            generator=torch.Generator(),
        )

    def __iter__(self) -> Iterator[Batch]:
        batches = iter(self.loader)
        while True:
            try:
                batch = next(batches)
            except StopIteration:
                return
            except RuntimeError as error:
                if "DataLoader worker" not in str(error):
                    raise
                raise DadaError(f"a loader process was killed, often for want of memory: {FEWER}") from error
            if isinstance(batch, Exception):
                raise batch
            yield batch.to(self.device)


class _Source(torch.utils.data.Dataset):
    """Makes whole batches, or returns the error: DataLoader would put a traceback into its message."""

    def __init__(self, dataset: Dataset, augment: Augmentation | None):
        self.dataset, self.augment = dataset, augment

    def __getitems__(self, draws: Sequence[Draw]) -> Batch | Exception:
        try:
            return self._batch(draws)
        except (DadaError, OSError) as error:
            return error

    def _batch(self, draws: Sequence[Draw]) -> Batch:
        items = []
        for draw in draws:
            self.dataset.set_epoch(draw.epoch)
            items.append(self.dataset[draw.utt])
        batch = self.dataset.collate(items)
        return batch if self.augment is None else self.augment(batch, draws)


class _Draws:
    """Batches of draws, from a sampler or from lists of indices."""

    def __init__(self, batches: BatchSampler | Sequence[Sequence[int]]):
        self.batches = batches

    def __iter__(self) -> Iterator[list[Draw]]:
        lists: Iterable[list[Draw]] = (
            self.batches.draws()
            if isinstance(self.batches, BatchSampler)
            else ([Draw(i) for i in batch] for batch in self.batches)
        )
        yield from lists

    def __len__(self) -> int:
        return len(self.batches)


def _unchanged(batch: Any) -> Any:
    return batch
