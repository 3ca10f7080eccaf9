"""ResMax: residual blocks of max-feature-maps (Kwak et al., "ResMax: detecting voice spoofing attacks with
residual network and max feature map", ICPR 2020).

Paper and public Keras code (that of the frequency feature masking paper, ADD 2022) differ. Paper: the second
convolution of a block is 1 x 1, and the last map is flattened, so that inputs have one size. Code: both
convolutions are as large, and the last map is averaged. Keras's defaults are kept; the class order is ours,
[spoof, bonafide], where the code has human speech first.

Axes: B batch, F frequency, N frames, C channels, K classes.
"""

from dataclasses import dataclass
from typing import Literal

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
    conv,
    dense,
    fill_padding,
    image,
    max_pool,
    set_norm_momentum,
)

# (channels, kernel size, second convolution, pool)
BLOCKS = [
    (16, 3, True, True),
    (16, 5, True, True),
    (24, 3, True, True),
    (32, 3, False, False),
    (32, 3, False, True),
    (48, 3, False, False),
    (48, 3, False, True),
    (64, 3, False, False),
    (64, 3, False, True),
]
NUM_POOLS = 6


@dataclass
class Config:
    """The defaults are the public code's; the paper's are `second_kernel: 1x1`, `head: flatten`, `dropout:
    0.7`.
    """

    second_kernel: Literal["same", "1x1"] = "same"  # of a block's second convolution
    head: Literal["average", "flatten"] = "average"  # what becomes of the last map
    # features and frames of every input; needed for `head: flatten` alone
    input_size: list[int] | None = None
    dropout: Rate = 0.5  # before the classifier
    # weight of a batch in the running statistics; a run of a few hundred steps needs more
    norm_momentum: Share = KERAS_MOMENTUM


def example() -> tuple[Config, tuple[int, ...]]:
    """A small configuration and the shape of an input."""
    return Config(), (20, 50)


class Model(nn.Module):
    """Features (B, F, N) to logits (B, K) and embeddings: the mean (B, 64), or the flattened map."""

    def __init__(self, config: Config, num_classes: int):
        super().__init__()
        self.config = config
        blocks, channels = [], 1
        for size, kernel, second, pool in BLOCKS:
            blocks.append(
                Block(
                    channels,
                    size,
                    kernel,
                    (kernel if config.second_kernel == "same" else 1) if second else 0,
                    pool,
                )
            )
            channels = size
        self.blocks = nn.ModuleList(blocks)
        self.dropout = nn.Dropout(config.dropout)
        self.classify = dense(channels * self._map_size(), num_classes)
        set_norm_momentum(self, config.norm_momentum)
        self.to(memory_format=torch.channels_last)

    def _map_size(self) -> int:
        """How many values of a channel enter the classifier."""
        if self.config.head == "average":
            return 1
        if self.config.input_size is None or len(self.config.input_size) != 2:
            raise ConfigError("resmax: head flatten needs input_size, [features, frames], e.g. [100, 282]")
        rows, frames = (-(-size // 2**NUM_POOLS) for size in self.config.input_size)
        return rows * frames

    def forward(self, batch: Batch) -> Output:
        """(B, F, N) to logits (B, K). With `head: flatten` raises ConfigError for inputs of another size than
        `input_size`.
        """
        x, lengths = image(batch, "resmax")
        if self.config.head == "flatten" and (
            list(x.shape[2:]) != self.config.input_size or lengths is not None
        ):
            raise ConfigError(
                "resmax: head flatten was built for inputs of "
                f"{' x '.join(map(str, self.config.input_size or []))}, but these are "
                f"{x.shape[2]} x {int(batch.lengths.min())} to {x.shape[3]}: set input_size, and "
                "input.length_rule tile or pad"
            )
        for block in self.blocks:
            x, lengths = block(x, lengths)
        embedding = average(x, lengths) if self.config.head == "average" else x.flatten(1)
        return Output(self.classify(self.dropout(embedding)), embedding)


class Block(nn.Module):
    """One or two max-feature-maps beside a shortcut, a 2 x 2 max pool where asked for, BatchNorm."""

    def __init__(self, channels: int, size: int, kernel: int, second_kernel: int, pool: bool):
        super().__init__()
        self.first = MaxConv2d(channels, size, kernel)
        self.second = MaxConv2d(size, size, second_kernel) if second_kernel else None
        self.shortcut = conv(channels, size, 1, init=nn.init.xavier_uniform_) if channels != size else None
        self.norm = nn.BatchNorm2d(size, **NORM)
        self.pool = pool

    def forward(self, x: Tensor, lengths: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """(B, C, F, N) and the numbers of valid frames (B,), None where all are valid, to the same."""
        h = self.first(x)
        if self.second is not None:
            h = self.second(fill_padding(h, lengths))
        h = h + (x if self.shortcut is None else self.shortcut(x))
        if self.pool:
            h, lengths = max_pool(h, lengths)
        return fill_padding(self.norm(h), lengths), lengths
