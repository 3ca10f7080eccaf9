"""Batch statistics over the utterances of all processes, as one process would have them.

Axes: B batch, C channels.
"""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch import distributed as dist

from dada.data.batch import Batch
from dada.train.optim import training_mode

BatchNorm = nn.modules.batchnorm._BatchNorm


def share_batch_statistics(model: nn.Module, device: torch.device) -> None:
    """Let every BatchNorm of a model take the statistics of a batch over all processes in training.

    On a GPU torch's SyncBatchNorm computes them, on a CPU `OnCpu`. A layer keeps its own class as well, so
    that one whose scale is no parameter stays as it is.
    """
    kind = nn.SyncBatchNorm if device.type == "cuda" else OnCpu
    for module in model.modules():
        if isinstance(module, BatchNorm) and not isinstance(module, kind):
            norm: Any = module
            norm.__class__ = type(f"Shared{type(module).__name__}", (kind, type(module)), {})
            norm.process_group = None  # all processes


@torch.no_grad()
def refresh_statistics(model: nn.Module, batches: Iterable[Batch]) -> None:
    """Compute the batch statistics of the parts that learn anew, as means over `batches` in training.

    Several processes end with those of the first, whose dropout draws differ.
    """
    training_mode(model)
    tracking: list[Any] = [
        module
        for module in model.modules()
        if isinstance(module, BatchNorm) and module.training and module.track_running_stats
    ]
    if not tracking:
        return
    momenta = [norm.momentum for norm in tracking]
    for norm in tracking:
        norm.reset_running_stats()
        norm.momentum = None  # a mean of equal parts
    for batch in batches:
        model(batch)
    for norm, momentum in zip(tracking, momenta, strict=True):
        norm.momentum = momentum
        if dist.is_initialized():
            for buffer in norm.buffers():
                dist.broadcast(buffer, 0)


class Total(torch.autograd.Function):
    """The sum of a tensor over all processes."""

    @staticmethod
    def forward(_ctx: Any, x: Tensor) -> Tensor:
        total = x.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(_ctx: Any, gradient: Tensor) -> Tensor:
        total = gradient.clone()
        dist.all_reduce(total)
        return total


class OnCpu(BatchNorm):
    """A BatchNorm over all processes on a CPU, where torch has none."""

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, …) to the same."""
        if not self.training:
            return super().forward(x)
        dims = [0, *range(2, x.ndim)]
        shape = (1, -1, *[1] * (x.ndim - 2))
        count = Total.apply(torch.tensor(float(x.numel() // x.shape[1]), dtype=torch.float64))
        mean = Total.apply(x.double().sum(dims)) / count
        centred = x - mean.view(shape).to(x.dtype)
        variance = Total.apply(centred.double().square().sum(dims)) / count
        self._track(mean.detach(), variance.detach() * count / (count - 1))
        out = centred * torch.rsqrt(variance + self.eps).view(shape).to(x.dtype)
        if self.weight is not None:
            out = out * self.weight.view(shape)
        return out if self.bias is None else out + self.bias.view(shape)

    @torch.no_grad()
    def _track(self, mean: Tensor, variance: Tensor) -> None:
        if self.running_mean is None or self.running_var is None or self.num_batches_tracked is None:
            return
        self.num_batches_tracked += 1
        share = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean.to(self.running_mean), share)
        self.running_var.lerp_(variance.to(self.running_var), share)
