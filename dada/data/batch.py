"""What a model is given: a batch of utterances."""

from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from dada.errors import DataError


@dataclass
class Batch:
    """B utterances. `inputs` is (B, T) waveform, (B, F, N) features, (B, D) vectors or (B, L) token ids.

    `lengths` counts the valid steps of the last axis of each row; what lies behind is padding. They stay on
    the CPU, where they are read without waiting for a GPU. `labels` are indices into the class names of the
    system. `speakers` are the purported speakers' names, `-` where there is none. `domains` (B,) are numbers
    of the corpora, in a training on several. `groups` (B,) are numbers that a loss made of all this (its
    `groups`), in a batch of several processes.
    """

    utts: list[str]
    inputs: Tensor
    lengths: Tensor
    labels: Tensor | None = None
    speakers: list[str] = field(default_factory=list)
    domains: Tensor | None = None
    groups: Tensor | None = None

    def to(self, device: torch.device | str) -> "Batch":
        """The same batch with what a network and a loss read on `device`; from pinned memory to a GPU without
        waiting.
        """
        ahead = torch.device(device).type == "cuda"
        labels, domains = (
            None if values is None else values.to(device, non_blocking=ahead)
            for values in (self.labels, self.domains)
        )
        inputs = self.inputs.to(device, non_blocking=ahead)
        return replace(self, inputs=inputs, labels=labels, domains=domains)

    def pin_memory(self) -> "Batch":
        """The same batch in pinned memory, from which a GPU copies by itself. `DataLoader` calls this."""
        labels, domains = (
            None if values is None else values.pin_memory() for values in (self.labels, self.domains)
        )
        inputs, lengths = self.inputs.pin_memory(), self.lengths.pin_memory()
        return replace(self, inputs=inputs, lengths=lengths, labels=labels, domains=domains)

    @property
    def mask(self) -> Tensor:
        """(B, last axis of inputs), True where a step is valid."""
        steps = torch.arange(self.inputs.shape[-1], device=self.inputs.device)
        return steps[None, :] < self.lengths.to(self.inputs.device, non_blocking=True)[:, None]

    def __len__(self) -> int:
        return len(self.utts)


def required_labels(batch: Batch) -> Tensor:
    """The labels of a batch. Raise DataError where it has none."""
    if batch.labels is None:
        raise DataError(
            f"{batch.utts[:1]}: the batch has no labels: give the utterances' classes in utt2label"
        )
    return batch.labels


def pad_stack(rows: list[Tensor], value: float = 0.0) -> tuple[Tensor, Tensor]:
    """Stack rows (…, T_i) into (B, …, max T) filled with `value` at the end; also the lengths (B,)."""
    lengths = torch.tensor([row.shape[-1] for row in rows])
    longest = int(lengths.max())
    padded = [torch.nn.functional.pad(row, (0, longest - row.shape[-1]), value=value) for row in rows]
    return torch.stack(padded), lengths
