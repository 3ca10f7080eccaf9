"""BatchNorm whose statistics are as exact for channels-last images as for others.

On a CPU the library adds up the pixels of channels-last images one after the other in float32: over 400,000
of them the output is wrong by 6e-5, which turns ReLUs and maxima around and moves gradients by 1e-3. Only the
statistics are affected, so only they are computed here; the library does the rest.

Axes: B batch, C channels, F rows, N steps, M pixels.
"""

from typing import Any

import torch
from torch import Tensor, nn

CHUNK = 1024  # pixels whose sum is taken in float32, and whose deviations are held at once


class BatchNorm2d(nn.BatchNorm2d):
    """The library's BatchNorm2d, but for the statistics of many channels-last float32 pixels in training on a
    CPU.
    """

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, F, N) to the same."""
        count = x.numel() // x.shape[1]
        channels_last = x.is_contiguous(memory_format=torch.channels_last) and not x.is_contiguous()
        if not (
            self.training
            and channels_last
            and count > CHUNK
            and x.device.type == "cpu"
            and x.dtype == torch.float32
        ):
            return super().forward(x)
        out, mean, variance = NormaliseBatch.apply(x, self.weight, self.bias, self.eps)
        self.track(mean, variance, count)
        return out

    def track(self, mean: Tensor, variance: Tensor, count: int) -> None:
        """Take the statistics (C,) of a batch of `count` pixels into the running ones."""
        tracked, running_mean, running_var = self.num_batches_tracked, self.running_mean, self.running_var
        if tracked is None or running_mean is None or running_var is None:
            return
        tracked += 1
        share = (
            1 / float(tracked) if self.momentum is None else self.momentum
        )  # None: the mean over all batches
        running_mean.lerp_(mean, share)
        running_var.lerp_(variance * count / (count - 1), share)


def batch_statistics(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and variance (C,) of the pixels of a channels-last image (B, C, F, N)."""
    pixels = x.permute(0, 2, 3, 1).view(-1, x.shape[1])
    mean = (sum(part.sum(0).double() for part in pixels.split(CHUNK)) / len(pixels)).float()
    variance = sum((part - mean).square_().sum(0).double() for part in pixels.split(CHUNK)) / len(pixels)
    return mean, variance.float()


class NormaliseBatch(torch.autograd.Function):
    """A channels-last image (B, C, F, N), normalised by the mean and the variance (C,) of its pixels; also
    those two.
    """

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor | None, bias: Tensor | None, eps: float
    ) -> tuple[Tensor, Tensor, Tensor]:
        mean, variance = batch_statistics(x)
        ctx.save_for_backward(x, weight, mean, torch.rsqrt(variance + eps))
        ctx.eps = eps
        ctx.mark_non_differentiable(mean, variance)
        return (
            nn.functional.batch_norm(x, mean, variance, weight, bias, training=False, eps=eps),
            mean,
            variance,
        )

    @staticmethod
    def backward(ctx: Any, gradient: Tensor, *_: Any) -> tuple[Tensor | None, ...]:
        x, weight, mean, scale = ctx.saved_tensors
        wanted = [True, weight is not None, weight is not None]
        grads = torch.ops.aten.native_batch_norm_backward(
            gradient, x, weight, None, None, mean, scale, True, ctx.eps, wanted
        )
        return *(grad if want else None for grad, want in zip(grads, wanted, strict=True)), None
