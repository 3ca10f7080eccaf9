"""Res-TSSDNet: residual convolutions on the waveform, pooled by four at each step, and a maximum over all
time.

Hua, Teoh and Zhang, "Towards end-to-end synthetic speech detection" (IEEE Signal Processing Letters, 2021),
figure 1. 348,530 parameters. Of 96,000 samples (6 s), shorter clips are repeated, longer ones give their
first samples; other lengths work, too.

Class order of the authors' code and weights: 0 bona fide, 1 spoof, turned round by `from_official`, as the
logits here are [spoof, bona fide]. Weights that were trained with 0 spoof by the code of the SHAP paper's
authors bear the same names: for those, set `labels: [bonafide, spoof]` in the system's configuration.

Each ReLU that a max pool follows comes after it: the same numbers, as both are monotone, from a quarter of
the work. Waveforms are images with one row (see _tssdnet).

Axes: B batch, T samples, C channels, D embedding, K classes.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from dada.data.batch import Batch
from dada.models import Output
from dada.models.audio._lengths import run_by_length
from dada.models.audio._norm import BatchNorm2d
from dada.models.audio._tssdnet import CHANNELS, RESIDUAL_NAMES, Head, Residual, convolution, official_state

POOL = 4  # after the first convolution and after each module but the last
SHORTEST = POOL ** (len(CHANNELS) - 1)  # samples that leave one step to the last module


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
        sizes = zip(CHANNELS, CHANNELS[1:], strict=False)
        self.blocks = nn.ModuleList(Residual(channels, size, rows=1) for channels, size in sizes)
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


def from_official(state: dict) -> dict:
    """Names of the authors' checkpoints to ours, classes turned round."""
    return official_state(state, RESIDUAL_NAMES)
