"""Batches and small networks to be explained."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from dada.data.batch import Batch
from dada.models import Output


def as_batch(x: Tensor, lengths: Tensor | None = None) -> Batch:
    """Inputs (B, ...) as utterances u0, u1, ..., spoof and bona fide in turn."""
    lengths = torch.full((len(x),), x.shape[-1]) if lengths is None else lengths
    return Batch([f"u{i}" for i in range(len(x))], x, lengths, torch.arange(len(x)) % 2)


class Net(nn.Module):
    """Any function of an image (B, 1, F, N) to logits, as a model."""

    def __init__(self, run: Callable[[Tensor], Tensor] | nn.Module):
        super().__init__()
        self.run = run

    def forward(self, batch: Batch) -> Output:
        logits = self.run(batch.inputs[:, None])
        return Output(logits, logits)


def noise(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)
