"""Parts shared by the networks on spectrogram images: max-feature-maps, pools and averages that ignore
padding, Keras's defaults.

In a batch of different lengths every clip gives what it gives alone: `lengths` counts the valid frames of
each clip, None where all are valid, and what lies behind a clip's end is written over wherever a later step
would look at it.

Axes: B batch, F frequency, N frames, C channels.
"""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from dada.data.batch import Batch
from dada.errors import ConfigError, DataError
from dada.models.audio._convolution import PlainConv2d

# weight of a batch in the running statistics of a BatchNorm: Keras's default in PyTorch's terms
KERAS_MOMENTUM = 0.01
NORM: dict[str, Any] = {"eps": 1e-3, "momentum": KERAS_MOMENTUM}


class MaxFeatureMap(torch.autograd.Function):
    """The larger one of two halves of the channels, with a gradient in two passes; that of torch.maximum
    takes six.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        """(B, 2C, F, N) to (B, C, F, N)."""
        first, second = x.chunk(2, dim=1)
        ctx.save_for_backward(first >= second)
        return torch.maximum(first, second)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        """All of the gradient goes to the half that was taken; to the first where both are equal."""
        (first_taken,) = ctx.saved_tensors
        to_first = grad * first_taken
        return torch.cat([to_first, grad - to_first], dim=1)


class MaxConv2d(nn.Conv2d):
    """A convolution to twice the channels and a max-feature-map: (B, C, F, N) to (B, size, F, N)."""

    def __init__(
        self,
        channels: int,
        size: int,
        kernel: int,
        padding: int | None = None,
        init: Callable = nn.init.xavier_uniform_,
    ):
        super().__init__(channels, 2 * size, kernel, padding=kernel // 2 if padding is None else padding)
        for half in self.weight.data.chunk(2):  # two layers in the originals, so that each has its own fan
            init(half)
        nn.init.zeros_(self.get_parameter("bias"))

    def forward(self, x: Tensor) -> Tensor:
        x = super().forward(x)
        return MaxFeatureMap.apply(x) if self.training else torch.maximum(*x.chunk(2, dim=1))


def he_uniform(weight: Tensor) -> Tensor:
    """Uniform between ± sqrt(6 / fan in)."""
    return nn.init.kaiming_uniform_(weight, nonlinearity="relu")


def glorot_depthwise(weight: Tensor) -> Tensor:
    """What Keras draws for a depthwise kernel: it takes the number of channels as inputs of each."""
    bound = math.sqrt(6 / (weight[0].numel() * (len(weight) + 1)))
    return nn.init.uniform_(weight, -bound, bound)


def conv(
    channels: int, size: int, kernel: int | tuple[int, int], init: Callable = he_uniform, **settings: Any
) -> nn.Conv2d:
    """A convolution with zero biases and weights drawn by `init`."""
    kind = PlainConv2d if settings.get("groups") == channels else nn.Conv2d
    layer = kind(channels, size, kernel, **settings)
    init(layer.weight)
    nn.init.zeros_(layer.get_parameter("bias"))
    return layer


def dense(size: int, num_outputs: int) -> nn.Linear:
    """A linear layer with Glorot-uniform weights and zero biases."""
    layer = nn.Linear(size, num_outputs)
    nn.init.xavier_uniform_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


def set_norm_momentum(model: nn.Module, momentum: float) -> None:
    """Let all BatchNorms of a model weigh each batch by `momentum`: a training of a few hundred steps needs
    more than Keras's default.
    """
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.momentum = momentum


def image(batch: Batch, name: str, min_rows: int = 1, min_frames: int = 1) -> tuple[Tensor, Tensor | None]:
    """Features (B, F, N) as an image (B, 1, F, N), zero behind each clip's end, and the lengths beside it.

    Raise ConfigError for too few features for network `name`, DataError for a clip of too few frames.
    """
    x = batch.inputs[:, None]
    if x.shape[2] < min_rows:
        raise ConfigError(
            f"{name}: {x.shape[2]} features a frame, but the network needs {min_rows} at least: choose "
            "other input.features"
        )
    lengths = batch.lengths.tolist()
    for utt, length in zip(batch.utts, lengths, strict=True):
        if length < min_frames:
            problem = f"utterance {utt}: {length} frames, but {name} needs {min_frames}"
            raise DataError(f"{problem}: let input.length_rule tile or pad it, or remove it")
    if min(lengths) == x.shape[-1]:
        return x, None
    on_device = batch.lengths.to(x.device, non_blocking=True)
    return fill_padding(x, on_device, 0.0), on_device


def fill_padding(x: Tensor, lengths: Tensor | None, value: float = 0.0) -> Tensor:
    """Write `value` behind the end of each clip of (B, C, F, N)."""
    if lengths is None:
        return x
    behind = torch.arange(x.shape[-1], device=x.device) >= lengths[:, None]
    return x.masked_fill(behind[:, None, None, :], value)


def max_pool(x: Tensor, lengths: Tensor | None, ceil: bool = True) -> tuple[Tensor, Tensor | None]:
    """2 x 2 max pool of (B, C, F, N), an odd last row or frame kept (`ceil`) or dropped, and the lengths
    after it.
    """
    x = nn.functional.max_pool2d(fill_padding(x, lengths, -torch.inf), 2, ceil_mode=ceil)
    lengths = None if lengths is None else (lengths + ceil) // 2
    return fill_padding(x, lengths), lengths


def average(x: Tensor, lengths: Tensor | None) -> Tensor:
    """Mean over the valid part of the map, (B, C, F, N) to (B, C)."""
    return (
        x.mean((2, 3))
        if lengths is None
        else fill_padding(x, lengths).sum((2, 3)) / (lengths[:, None] * x.shape[2])
    )
