"""A residual block of AASIST's encoder in training on a CPU: clip by clip, with little kept for the backward
pass.

Of the first block of AASIST and 24 clips, autograd keeps the outputs of both convolutions and of SELU, 1.6 GB
each, and the places of the maxima as integers of 64 bits. Here a block keeps its input, the output of the
first convolution, and a byte for each maximum. What SELU gives is computed again in the backward pass, and so
is the first convolution of an image of one channel, which costs next to nothing. One clip is worked on at a
time, so that what is between the convolutions is never there for the whole batch.

Axes: B batch, C channels, H rows, W columns.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from dada.models.audio._norm import BatchNorm2d, batch_statistics
from dada.models.audio._selu import selu_, selu_backward

PAD_FIRST, PAD_SECOND = (1, 1), (0, 1)  # rows and columns of zeros on either side


def can_keep_little(x: Tensor, norm: nn.Module) -> bool:
    """Whether images are on a CPU and in float32, also within the block, and its BatchNorm is ours: not one
    that shares statistics with other processes.
    """
    on_cpu = x.device.type == "cpu" and x.dtype == torch.float32 and not torch.is_autocast_enabled("cpu")
    return on_cpu and type(norm) is BatchNorm2d


def keep_little(
    h: Tensor,
    x: Tensor,
    conv1: nn.Conv2d,
    norm: BatchNorm2d,
    conv2: nn.Conv2d,
    shortcut: nn.Conv2d | None,
    pool: int,
) -> Tensor:
    """pool(conv2(selu(norm(conv1(h)))) + shortcut(x)) in training, (B, C, H, W) to (B, size, H, W // pool).

    Without a shortcut convolution x is added as it is, a single channel to all. Convolutions are 2 x 3, that
    of the shortcut 1 x 3; the pool takes the largest of `pool` columns.
    """
    through = (None, None) if shortcut is None else (shortcut.weight, shortcut.bias)
    out, mean, variance = Block.apply(
        h,
        x,
        conv1.weight,
        conv1.bias,
        norm.weight,
        norm.bias,
        norm.eps,
        conv2.weight,
        conv2.bias,
        *through,
        pool,
    )
    norm.track(mean, variance, h.shape[0] * (h.shape[2] + 1) * h.shape[3])
    return out


class Block(torch.autograd.Function):
    """The block of `keep_little`; also the mean and the variance (C,) of the BatchNorm's input."""

    @staticmethod
    def forward(
        ctx: Any,
        h: Tensor,
        x: Tensor,
        weight1: Tensor,
        bias1: Tensor,
        scale: Tensor,
        offset: Tensor,
        eps: float,
        weight2: Tensor,
        bias2: Tensor,
        weight3: Tensor | None,
        bias3: Tensor | None,
        pool: int,
    ) -> tuple[Tensor, Tensor, Tensor]:
        first = convolve_first(h, weight1, bias1)
        mean, variance = batch_statistics(first)
        shape = len(x), len(weight2), x.shape[2], x.shape[3] // pool
        out = new_image(shape, x)
        place = torch.empty_like(out, dtype=torch.uint8)
        for i in range(len(x)):
            clip = slice(i, i + 1)
            z = activate(first[clip], mean, variance, scale, offset, eps)
            y = nn.functional.conv2d(z, weight2, bias2, padding=PAD_SECOND)
            if weight3 is None:
                y += x[clip]
            else:
                y += nn.functional.conv2d(x[clip], weight3, bias3, padding=PAD_SECOND)
            pool_columns(y, pool, out[clip], place[clip])
        kept = None if h.shape[1] == 1 else first
        ctx.save_for_backward(
            h, x, weight1, bias1, scale, offset, weight2, weight3, kept, place, mean, variance
        )
        ctx.eps, ctx.pool = eps, pool
        ctx.mark_non_differentiable(mean, variance)
        return out, mean, variance

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor, *_: Any) -> tuple[Tensor | None, ...]:
        """Twice over the clips, since the gradient behind a BatchNorm depends on sums over all of them."""
        h, x, weight1, bias1, scale, offset, weight2, weight3, kept, place, mean, variance = ctx.saved_tensors
        inverse = torch.rsqrt(variance + ctx.eps)
        clips = [slice(i, i + 1) for i in range(len(x))]
        firsts = Recomputed(h, weight1, bias1) if kept is None else kept
        shape = len(x), len(weight1), h.shape[2] + 1, h.shape[3]
        slope = new_image(shape, x)  # of the BatchNorm's output
        to_x = torch.empty_like(x)
        totals: list[Any] = []
        for clip in clips:
            first = firsts[clip]
            z = activate(first, mean, variance, scale, offset, ctx.eps)
            y_slope = unpool_columns(gradient[clip], ctx.pool, place[clip], x.shape[3])
            z_slope, *parts = convolution_backward(y_slope, z, weight2, PAD_SECOND)
            to_x[clip], *others = shortcut_backward(y_slope, x[clip], weight3)
            slope[clip] = selu_backward(z_slope, z)
            _, *sums = torch.ops.aten.native_batch_norm_backward(
                slope[clip], first, scale, None, None, mean, inverse, True, ctx.eps, [False, True, True]
            )
            totals = add(totals, [*parts, *others, *sums])
        *rest, to_scale, to_offset = totals
        count = slope.numel() // slope.shape[1]
        share, shift = to_scale * inverse / count, to_offset / count
        to_h, totals = torch.empty_like(h), []
        for clip in clips:
            first = firsts[clip]
            to_first = (slope[clip] - per_channel(shift)).sub_(
                (first - per_channel(mean)).mul_(per_channel(share))
            )
            to_first.mul_(per_channel(scale * inverse))
            to_h[clip], *parts = convolution_backward(to_first, h[clip], weight1, PAD_FIRST)
            totals = add(totals, parts)
        return to_h, to_x, *totals, to_scale, to_offset, None, *rest, None


class Recomputed:
    """The outputs of the first convolution of clips, computed when they are asked for."""

    def __init__(self, h: Tensor, weight: Tensor, bias: Tensor):
        self.h, self.weight, self.bias = h, weight, bias

    def __getitem__(self, clip: slice) -> Tensor:
        return convolve_first(self.h[clip], self.weight, self.bias)


def new_image(shape: Sequence[int], like: Tensor) -> Tensor:
    """Memory for a channels-last image (B, C, H, W)."""
    return torch.empty(shape, dtype=like.dtype, device=like.device, memory_format=torch.channels_last)


def convolve_first(h: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """(B, C, H, W) to (B, size, H + 1, W), channels-last."""
    first = nn.functional.conv2d(h, weight, bias, padding=PAD_FIRST)
    return first.contiguous(memory_format=torch.channels_last)


def activate(
    first: Tensor, mean: Tensor, variance: Tensor, scale: Tensor, offset: Tensor, eps: float
) -> Tensor:
    """SELU of the normalised image."""
    normal = nn.functional.batch_norm(first, mean, variance, scale, offset, training=False, eps=eps)
    return selu_(normal, training=True)


def pool_columns(y: Tensor, pool: int, out: Tensor, place: Tensor) -> None:
    """The largest of `pool` columns of (B, C, H, W) into `out`, which of them it is into `place`."""
    windows = y[..., : out.shape[3] * pool].unflatten(3, (-1, pool))
    out.copy_(windows[..., 0])
    place.zero_()
    for column in range(1, pool):
        place.masked_fill_(windows[..., column] > out, column)
        torch.maximum(out, windows[..., column], out=out)


def unpool_columns(gradient: Tensor, pool: int, place: Tensor, width: int) -> Tensor:
    """The gradient of a pool's input of `width` columns."""
    shape = *gradient.shape[:3], width
    slope = new_image(shape, gradient)
    covered = gradient.shape[3] * pool
    windows = slope[..., :covered].unflatten(3, (-1, pool))
    for column in range(pool):
        windows[..., column].copy_(gradient).mul_(place == column)
    slope[..., covered:] = 0
    return slope


def shortcut_backward(
    y_slope: Tensor, x: Tensor, weight: Tensor | None
) -> tuple[Tensor, Tensor | None, Tensor | None]:
    """Gradients of the shortcut's input, weight and bias, the last two None where it has none."""
    if weight is not None:
        return convolution_backward(y_slope, x, weight, PAD_SECOND)
    return y_slope.sum(1, keepdim=True) if x.shape[1] == 1 else y_slope, None, None


def convolution_backward(
    slope: Tensor, x: Tensor, weight: Tensor, padding: tuple[int, int]
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of the input, the weight and the bias of a convolution.

    Those of weights are computed in the default memory format: without AVX-512 the library takes six times as
    long for them on channels-last images.
    """
    settings = [len(weight)], (1, 1), padding, (1, 1), False, (0, 0), 1
    backward = torch.ops.aten.convolution_backward
    to_x, _, _ = backward(slope, x, weight, *settings, (True, False, False))
    plain = slope.contiguous(), x.contiguous(), weight.contiguous()
    _, to_weight, to_bias = backward(*plain, *settings, (False, True, True))
    return to_x, to_weight, to_bias


def per_channel(values: Tensor) -> Tensor:
    """(C,) to (1, C, 1, 1)."""
    return values[:, None, None]


def add(totals: list[Any], parts: Sequence[Tensor | None]) -> list[Any]:
    """The parts added to totals of earlier clips, an empty list before the first; None where there is no
    gradient.
    """
    if not totals:
        return list(parts)
    return [None if part is None else total + part for total, part in zip(totals, parts, strict=True)]
