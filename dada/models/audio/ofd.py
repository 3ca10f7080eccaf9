"""OFD and Non-OFD: overlapped frequency-distributed networks (Choi et al., Interspeech 2022, followed in the
authors' Keras code).

Each of six blocks adds two streams. The first cuts the map into bands of frequency, overlapping by half (OFD)
or disjoint (Non-OFD), each with convolutions of its own; where bands overlap, the larger value is taken. The
second is the mean over frequency, convolved along time with gaps of four frames, added to all rows. "OFD with
(6,4,3,2,2,2)-ReLU" names the bands per block and the activation; 0 and 1 do not cut.

Frequencies are padded to whole bands, and stay so. All bands of a block are one grouped convolution.

Axes: B batch, F frequency, N frames, C channels, W bands, S rows of half a band, K classes.
"""

from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor, nn

from dada.data.batch import Batch
from dada.errors import ConfigError
from dada.limits import FromZero, Rate, Share
from dada.models import Output
from dada.models.audio._maps import (
    KERAS_MOMENTUM,
    NORM,
    average,
    conv,
    dense,
    fill_padding,
    glorot_depthwise,
    image,
    max_pool,
    set_norm_momentum,
)

CHANNELS = (8, 16, 32, 32, 64, 128)
FREQUENCY_KERNELS = (3, 3, 3, 3, 1, 1)
TIME_KERNELS = (5, 5, 5, 3, 1, 1)
STEM = 16
DILATION = 4
MIN_FRAMES = 2 ** len(CHANNELS)


@dataclass
class Config:
    """The defaults are OFD with (6,4,3,2,2,2)-ReLU."""

    # bands of each block; 0 or 1 leaves the map whole
    splits: list[FromZero] = field(default_factory=lambda: [6, 4, 3, 2, 2, 2])
    overlap: bool = True  # false is Non-OFD
    activation: Literal["relu", "mfm"] = "relu"
    # of whole channels in the second stream; the paper on frequency feature masking says 0.5
    block_dropout: Rate = 0.1
    # layers before the classifier; ADD 2023's track 3 has [128, 64]
    dense: list[int] = field(default_factory=list)
    # weight of a batch in the running statistics; a run of a few hundred steps needs more
    norm_momentum: Share = KERAS_MOMENTUM


def example() -> tuple[Config, tuple[int, ...]]:
    """A small configuration and the shape of an input."""
    return Config(splits=[3, 2, 0, 2, 0, 0], dense=[8]), (64, 80)


class Model(nn.Module):
    """Features (B, F, N) to logits (B, K) and embeddings (B, 128), or as wide as the last of `dense`."""

    def __init__(self, config: Config, num_classes: int):
        super().__init__()
        if len(config.splits) != len(CHANNELS):
            raise ConfigError(
                f"ofd: splits is {config.splits}; it needs {len(CHANNELS)} numbers of bands, 0 where a "
                "block is not cut"
            )
        self.stem = conv(1, STEM, 5, padding=2)
        sizes = zip((STEM, *CHANNELS), CHANNELS, FREQUENCY_KERNELS, TIME_KERNELS, config.splits, strict=False)
        self.blocks = nn.ModuleList(Block(*size, config) for size in sizes)
        widths = [CHANNELS[-1], *config.dense]
        self.dense = nn.Sequential(
            *(nn.Sequential(dense(a, b), nn.ReLU()) for a, b in zip(widths, widths[1:], strict=False))
        )
        self.classify = dense(widths[-1], num_classes)
        set_norm_momentum(self, config.norm_momentum)
        self.to(memory_format=torch.channels_last)

    def forward(self, batch: Batch) -> Output:
        """(B, F, N) to logits. Raise ConfigError for fewer than 64 features, DataError for a clip of fewer
        than 64 frames.
        """
        x, lengths = image(batch, "ofd", MIN_FRAMES, MIN_FRAMES)
        x = fill_padding(nn.functional.relu(self.stem(x)), lengths)
        for block in self.blocks:
            x, lengths = max_pool(block(x, lengths), lengths, ceil=False)
        embedding = self.dense(average(x, lengths))
        return Output(self.classify(embedding), embedding)


class Block(nn.Module):
    """Bands of frequency, plus what happens along time: (B, C, F, N) to (B, size, F', N), F' the frequencies
    padded to whole bands.
    """

    def __init__(
        self,
        channels: int,
        size: int,
        frequency_kernel: int,
        time_kernel: int,
        num_splits: int,
        config: Config,
    ):
        super().__init__()
        self.bands = Bands(channels, size, frequency_kernel, num_splits if num_splits > 1 else 0, config)
        gaps = {"padding": (0, DILATION * (time_kernel // 2)), "dilation": (1, DILATION)}
        self.time = nn.Sequential(
            conv(channels, channels, (1, time_kernel), glorot_depthwise, groups=channels, **gaps),
            nn.BatchNorm2d(channels, **NORM),
            nn.SiLU(),
            conv(channels, size, 1),
            nn.ReLU(),
            nn.Dropout2d(config.block_dropout),
        )

    def forward(self, x: Tensor, lengths: Tensor | None) -> Tensor:
        return self.bands(x) + self.time(fill_padding(x.mean(2, keepdim=True), lengths))


class Bands(nn.Module):
    """The first stream: every band through two convolutions along frequency, then together again; 0 splits
    cut nothing.
    """

    def __init__(self, channels: int, size: int, kernel: int, num_splits: int, config: Config):
        super().__init__()
        self.num_splits, self.overlap = num_splits, config.overlap and num_splits > 0
        self.num_bands = 2 * num_splits - 1 if self.overlap else max(num_splits, 1)
        mfm = config.activation == "mfm"
        self.first = BandConv(channels, size, kernel, self.num_bands, mfm)
        self.norm1 = nn.BatchNorm2d(self.num_bands * size, **NORM)
        self.second = BandConv(size, size, kernel, self.num_bands, mfm and not self.overlap)
        self.norm2 = nn.BatchNorm2d(self.num_bands * size, **NORM)
        self.between = nn.Identity() if mfm else nn.ReLU()
        self.after = (
            nn.Identity() if mfm or self.overlap else nn.ReLU()
        )  # overlapping bands end in a maximum instead

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, F, N) to (B, size, F', N)."""
        if self.num_splits:
            parts = 2 * self.num_splits if self.overlap else self.num_splits
            missing = -x.shape[2] % parts
            x = nn.functional.pad(x, (0, 0, missing - missing // 2, missing // 2))
            x = self._cut(x, x.shape[2] // parts)
        x = self.between(self.norm1(self.first(x)))
        x = self.after(self.norm2(self.second(x)))
        return self._join(x.unflatten(1, (self.num_bands, -1))) if self.num_splits else x

    def _cut(self, x: Tensor, step: int) -> Tensor:
        """(B, C, F, N) to bands (B, W·C, rows, N) that start `step` rows apart."""
        bands = x.unfold(2, 2 * step if self.overlap else step, step)  # (B, C, W, N, rows)
        return bands.permute(0, 2, 1, 4, 3).flatten(1, 2)

    def _join(self, x: Tensor) -> Tensor:
        """Bands (B, W, C, rows, N) to (B, C, F, N), with the larger value where two overlap."""
        if self.overlap:
            low, high = x.chunk(2, dim=3)
            x = torch.cat([low[:, :1], torch.maximum(high[:, :-1], low[:, 1:]), high[:, -1:]], dim=1)
        return x.transpose(1, 2).flatten(2, 3)


class BandConv(nn.Module):
    """A convolution along frequency for each band, (B, W·C, rows, N) to (B, W·size, rows, N); with `mfm` the
    larger one of two.
    """

    def __init__(self, channels: int, size: int, kernel: int, num_bands: int, mfm: bool):
        super().__init__()
        self.convs = nn.ModuleList(
            conv(
                num_bands * channels,
                num_bands * size,
                (kernel, 1),
                padding=(kernel // 2, 0),
                groups=num_bands,
            )
            for _ in range(1 + mfm)
        )

    def forward(self, x: Tensor) -> Tensor:
        first, *second = (conv_(x) for conv_ in self.convs)
        return torch.maximum(first, *second) if second else first
