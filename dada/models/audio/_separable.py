"""The trunk that DDWS and BC-ResMax share: a max-feature-map, then depthwise separable residual blocks of 16
to 64 channels.

Sub-spectral normalisation (Chang et al., ICASSP 2021) is a BatchNorm for the lower and one for the upper half
of the frequencies.

Axes: B batch, F frequency, N frames, C channels, K classes.
"""

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn

from dada.data.batch import Batch
from dada.models import Output
from dada.models.audio._maps import (
    NORM,
    MaxConv2d,
    average,
    conv,
    dense,
    glorot_depthwise,
    he_uniform,
    image,
    max_pool,
)

Activation = Literal["relu", "swish", "mfm_before", "mfm_after"]


SIZES = (16, 24, 32, 48, 64)  # channels; from the second on, a transition and a normal block each
MIN_ROWS = 2 + 2 ** len(SIZES) + 1  # so that the last blocks still have two rows to halve
MIN_FRAMES = 3  # of the first convolution, which does not pad


class Trunk(nn.Module):
    """Features (B, F, N) to logits (B, K) and embeddings (B, 64), of blocks `make_block(channels, size)`."""

    def __init__(
        self, name: str, make_block: Callable[[int, int], nn.Module], dropout: float, num_classes: int
    ):
        super().__init__()
        self.name = name
        self.stem = MaxConv2d(1, SIZES[0], 3, padding=0, init=he_uniform)
        stages = [[make_block(SIZES[0], SIZES[0])]]
        for channels, size in zip(SIZES, SIZES[1:], strict=False):
            stages.append([make_block(channels, size), make_block(size, size)])
        self.stages = nn.ModuleList(nn.ModuleList(stage) for stage in stages)
        self.dropout = nn.Dropout(dropout)
        self.classify = dense(SIZES[-1], num_classes)
        self.to(memory_format=torch.channels_last)

    def forward(self, batch: Batch) -> Output:
        """(B, F, N) to logits. Raise ConfigError for fewer than 35 features, DataError for a clip of fewer
        than three frames.
        """
        x, lengths = image(batch, self.name, MIN_ROWS, MIN_FRAMES)
        x, lengths = max_pool(self.stem(x), None if lengths is None else lengths - 2)
        for stage in self.stages:
            for block in stage.children():
                x = block(x, lengths)
            x, lengths = max_pool(x, lengths)
        embedding = average(x, lengths)
        return Output(self.classify(self.dropout(embedding)), embedding)


class SubSpectralNorm(nn.Module):
    """BatchNorms of their own for the lower F // 2 rows and for the rest."""

    def __init__(self, channels: int):
        super().__init__()
        self.low = nn.BatchNorm2d(channels, **NORM)
        self.high = nn.BatchNorm2d(channels, **NORM)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, F, N), F at least 2, to the same shape."""
        half = x.shape[2] // 2
        return torch.cat([self.low(x[:, :, :half]), self.high(x[:, :, half:])], dim=2)


class Depthwise(nn.Module):
    """A depthwise convolution, normalisation and activation, (B, C, F, N) to the same shape.

    `mfm_before` and `mfm_after` have two convolutions for each channel and take the larger one, before or
    after normalisation.
    """

    def __init__(
        self, channels: int, kernel: tuple[int, int], norm: Callable[[int], nn.Module], activation: Activation
    ):
        super().__init__()
        self.activation = activation
        num = channels * (2 if activation.startswith("mfm") else 1)
        padding = (kernel[0] // 2, kernel[1] // 2)
        self.conv = conv(channels, num, kernel, padding=padding, groups=channels)
        for first in range(num // channels):  # of each pair of channels, one belongs to either layer
            glorot_depthwise(self.conv.weight.data[first :: num // channels])
        self.norm = norm(num if activation == "mfm_after" else channels)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        if self.activation == "mfm_before":
            return self.norm(larger_of_pairs(x))
        x = self.norm(x)
        if self.activation == "mfm_after":
            return larger_of_pairs(x)
        return nn.functional.relu(x) if self.activation == "relu" else nn.functional.silu(x)


def larger_of_pairs(x: Tensor) -> Tensor:
    """(B, 2C, F, N) to (B, C, F, N): the larger one of neighbouring channels."""
    return torch.maximum(x[:, ::2], x[:, 1::2])


class Widen(nn.Sequential):
    """1 x 1 convolution, BatchNorm, ReLU: how a transition block comes to its number of channels."""

    def __init__(self, channels: int, size: int):
        super().__init__(conv(channels, size, 1), nn.BatchNorm2d(size, **NORM), nn.ReLU())


class Mix(nn.Sequential):
    """1 x 1 convolution, ReLU, dropout of whole channels."""

    def __init__(self, channels: int, size: int, dropout: float):
        super().__init__(conv(channels, size, 1), nn.ReLU(), nn.Dropout2d(dropout))
