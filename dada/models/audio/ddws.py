"""DDWS: double depthwise separable residual network (Kwak et al., ICPR 2022), one convolution along frequency
and one along time.

`sequential` is the public Keras code's, with 28,954 parameters; `parallel` is the paper's second form, both
convolutions of the same map side by side.

Axes: B batch, F frequency, N frames, C channels.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from dada.limits import Rate, Share
from dada.models.audio._maps import KERAS_MOMENTUM, fill_padding, set_norm_momentum
from dada.models.audio._separable import Activation, Depthwise, Mix, SubSpectralNorm, Trunk, Widen


@dataclass
class Config:
    """The defaults are the public code's. The activations mfm_before and mfm_after are
    max-feature-maps before and after the norm.
    """

    order: Literal["sequential", "parallel"] = "sequential"
    # after the convolution along frequency; `parallel` has swish here, too
    frequency_activation: Activation = "relu"
    time_activation: Activation = "swish"  # after the convolution along time
    block_dropout: Rate = 0.1
    dropout: Rate = 0.5  # before the classifier
    # weight of a batch in the running statistics; a run of a few hundred steps needs more
    norm_momentum: Share = KERAS_MOMENTUM


def example() -> tuple[Config, tuple[int, ...]]:
    """A small configuration and the shape of an input."""
    return Config(), (36, 50)


class Model(Trunk):
    """Features (B, F, N) to logits (B, K) and embeddings (B, 64)."""

    def __init__(self, config: Config, num_classes: int):
        super().__init__(
            "ddws", lambda channels, size: Block(channels, size, config), config.dropout, num_classes
        )
        set_norm_momentum(self, config.norm_momentum)


class Block(nn.Module):
    """out = y + mix(separable(y)), where y is the input, widened where channels change."""

    def __init__(self, channels: int, size: int, config: Config):
        super().__init__()
        self.parallel = config.order == "parallel"
        self.widen = Widen(channels, size) if channels != size else nn.Identity()
        self.frequency = Depthwise(size, (3, 1), SubSpectralNorm, config.frequency_activation)
        self.time = Depthwise(size, (1, 3), SubSpectralNorm, config.time_activation)
        self.mix = Mix(size * (2 if self.parallel else 1), size, config.block_dropout)

    def forward(self, x: Tensor, lengths: Tensor | None) -> Tensor:
        """(B, C, F, N), of which `lengths` frames are valid, to (B, size, F, N)."""
        y = self.widen(x)
        if self.parallel:
            z = torch.cat([self.time(fill_padding(y, lengths)), self.frequency(y)], dim=1)
        else:
            z = self.time(fill_padding(self.frequency(y), lengths))
        return y + self.mix(z)
