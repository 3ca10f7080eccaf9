"""Inc-TSSDNet: parallel dilated convolutions on the waveform, pooled by four at each step, and a maximum over
all time.

Hua, Teoh and Zhang, "Towards end-to-end synthetic speech detection" (IEEE Signal Processing Letters, 2021),
figure 1. 92,658 parameters. Lengths and class order are those of res_tssdnet: 96,000 samples (6 s), and the
authors' weights have 0 bona fide, 1 spoof, turned round by `from_official`.

Each ReLU that a max pool follows comes after it: the same numbers, as both are monotone, from a quarter of
the work. Waveforms are images with one row (see _tssdnet).

Axes: B batch, T samples, C channels, N steps in time, D embedding, K classes.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from dada.data.batch import Batch
from dada.models import Output
from dada.models.audio._lengths import run_by_length
from dada.models.audio._norm import BatchNorm2d
from dada.models.audio._tssdnet import CHANNELS, Head, convolution, official_state
from dada.models.audio.res_tssdnet import POOL, SHORTEST

DILATIONS = (1, 2, 4, 8)


@dataclass
class Config:
    """There is nothing to choose: the authors published one size."""


def example() -> tuple[Config, tuple[int, ...]]:
    """The network, and the shape of an input."""
    return Config(), (4_000,)


class Model(nn.Module):
    """Waveforms (B, T) to logits (B, K) and embeddings (B, 32)."""

    def __init__(self, config: Config, num_classes: int):
        super().__init__()
        self.conv = convolution(1, CHANNELS[0], 1, 7)
        self.norm = BatchNorm2d(CHANNELS[0])
        self.blocks = nn.ModuleList(
            Dilated(channels, size) for channels, size in zip(CHANNELS, CHANNELS[1:], strict=False)
        )
        self.head = Head(num_classes)
        self.to(memory_format=torch.channels_last)

    def forward(self, batch: Batch) -> Output:
        """(B, T) to logits (B, K). Raise DataError for a clip of less than 256 samples."""
        return run_by_length(batch, SHORTEST, self._run)

    def _run(self, x: Tensor) -> Output:
        x = self.norm(self.conv(x[:, None, None]))
        for block in self.blocks:
            x = block(nn.functional.relu(nn.functional.max_pool2d(x, (1, POOL))))
        return self.head(nn.functional.relu(x.amax((2, 3))))


class Dilated(nn.Module):
    """Four convolutions of size 3, each with another dilation and a quarter of the channels. The ReLU is left
    to the caller.
    """

    def __init__(self, channels: int, size: int):
        super().__init__()
        size //= len(DILATIONS)
        self.convs = nn.ModuleList(convolution(channels, size, 1, 3, dilation) for dilation in DILATIONS)
        self.norms = nn.ModuleList(BatchNorm2d(size) for _ in DILATIONS)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, 1, N) to (B, size, 1, N)."""
        return torch.cat([norm(conv(x)) for conv, norm in zip(self.convs, self.norms, strict=True)], dim=1)


DILATED_NAMES = (
    (r"^DCM(\d)\.", lambda match: f"blocks.{int(match[1]) - 1}."),
    (r"\.cv(\d)\.", lambda match: f".convs.{DILATIONS.index(int(match[1]))}."),
    (r"\.bn(\d)\.", lambda match: f".norms.{DILATIONS.index(int(match[1]))}."),
)


def from_official(state: dict) -> dict:
    """Names of the authors' checkpoints to ours, classes turned round."""
    return official_state(state, DILATED_NAMES)
