"""Light CNN with max-feature-map activations on a spectrogram.

Two depths. 9 layers: Han et al., "CAU_KU deep fake detection system for ADD 2023 challenge" (DADA workshop,
2023), figure 1. 11 layers: the frequency feature masking paper of the same group (ADD 2022) and its public
Keras code, whose defaults are kept: BatchNorm with ε .001, momentum .01 and, within the convolutional part,
no scale; Glorot-uniform weights, zero biases.

A max-feature-map takes the larger one of two halves of a convolution's channels. Pooling rounds up and ends
in an average over the whole map, so inputs of any size work. In a batch of different lengths every clip gives
what it gives alone: what lies behind its end is masked after each layer.

Axes: B batch, F frequency, N frames, C channels, K classes.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from dada.data.batch import Batch
from dada.errors import ConfigError
from dada.limits import Rate, Share
from dada.models import Output
from dada.models.audio._maps import (
    KERAS_MOMENTUM,
    NORM,
    MaxConv2d,
    average,
    dense,
    fill_padding,
    image,
    max_pool,
    set_norm_momentum,
)

# (channels after the max-feature-map, kernel size, BatchNorm, pool)
LAYERS = {
    9: [
        (32, 5, False, True),
        (32, 1, True, False),
        (48, 3, True, True),
        (48, 1, True, False),
        (64, 3, False, True),
        (64, 1, True, False),
        (32, 3, True, True),
        (32, 1, True, False),
        (32, 3, True, True),
    ],
    11: [
        (32, 5, False, True),
        (32, 1, True, False),
        (48, 3, True, True),
        (48, 1, True, False),
        (64, 3, False, True),
        (64, 1, True, False),
        (32, 3, True, True),
        (64, 1, True, False),
        (32, 3, True, True),
        (32, 1, True, False),
        (32, 3, True, False),
    ],
}


@dataclass
class Config:
    """9 layers is the ADD 2023 network, 11 the ADD 2022 one."""

    num_layers: int = 9  # 9 | 11
    dropout: Rate = 0.5  # after the last map and before the classifier
    norm_scale: bool = False  # learn the scale of the BatchNorms between convolutions, too
    # weight of a batch in the running statistics; a run of a few hundred steps needs more
    norm_momentum: Share = KERAS_MOMENTUM
    width: float = 1.0  # factor on the channels of all layers


def example() -> tuple[Config, tuple[int, ...]]:
    """A small configuration and the shape of an input."""
    return Config(), (20, 50)


class Model(nn.Module):
    """Features (B, F, N) to logits (B, K) and embeddings (B, 32)."""

    def __init__(self, config: Config, num_classes: int):
        super().__init__()
        if config.num_layers not in LAYERS:
            raise ConfigError(
                f"lcnn: num_layers is {config.num_layers}; there are networks of "
                f"{' and '.join(map(str, LAYERS))} layers"
            )
        blocks, channels = [], 1
        for size, kernel, norm, pool in LAYERS[config.num_layers]:
            size = round(size * config.width)
            blocks.append(Block(channels, size, kernel, norm, pool, config))
            channels = size
        self.blocks = nn.ModuleList(blocks)
        self.dropout = nn.Dropout(config.dropout)
        self.norm = nn.BatchNorm1d(channels, **NORM)
        self.classify = dense(channels, num_classes)
        set_norm_momentum(self, config.norm_momentum)
        self.to(memory_format=torch.channels_last)  # convolutions and pools are faster so

    def forward(self, batch: Batch) -> Output:
        """(B, F, N) to logits (B, K); the embedding is what enters the classifier, after the average and its
        BatchNorm.
        """
        x, lengths = image(batch, "lcnn")
        for block in self.blocks:
            x, lengths = block(x, lengths)
        embedding = self.norm(average(self.dropout(x), lengths))
        return Output(self.classify(self.dropout(embedding)), embedding)


class Block(nn.Module):
    """Convolution to twice the channels, max-feature-map, BatchNorm, 2 x 2 max pool, the last two where asked
    for.
    """

    def __init__(self, channels: int, size: int, kernel: int, norm: bool, pool: bool, config: Config):
        super().__init__()
        self.conv = MaxConv2d(channels, size, kernel)
        kind = nn.BatchNorm2d if config.norm_scale else UnscaledBatchNorm2d
        self.norm = kind(size, **NORM) if norm else None
        self.pool = pool

    def forward(self, x: Tensor, lengths: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """(B, C, F, N) and the numbers of valid frames (B,), None where all are valid, to the same."""
        x = self.conv(x)
        if self.norm is not None:
            x = self.norm(x)
        return max_pool(x, lengths) if self.pool else (fill_padding(x, lengths), lengths)


class UnscaledBatchNorm2d(nn.BatchNorm2d):
    """BatchNorm with a learned offset and a scale fixed to 1 (a buffer, so no optimiser sees it)."""

    weight: Tensor  # type: ignore[assignment]  # a buffer in place of the library's parameter

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        scale = self.weight.data
        del self.weight
        self.register_buffer("weight", scale, persistent=False)
