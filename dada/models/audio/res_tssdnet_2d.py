"""2D-Res-TSSDNet: residual convolutions on a time-frequency image, pooled by two at each step, and a mean
over the map.

Hua, Teoh and Zhang, "Towards end-to-end synthetic speech detection" (IEEE Signal Processing Letters, 2021),
the two-dimensional network that the one on waveforms is compared with. 966,674 parameters for any input.
Three inputs were published, one configuration each: a magnitude spectrogram of 6 s ("Explaining deepfake
detection with SHAP", Ge et al., ICASSP 2022: res_tssdnet_2d), a power spectrogram with pre-emphasis (the same
group's Odyssey 2022 code: res_tssdnet_2d_odyssey), and the original's log-CQT (res_tssdnet_2d_cqt). The
original averages over the 27 x 25 map that its CQT leaves, the others over the map as it is; as here.

Class order of the original's code and weights: 0 bona fide, 1 spoof, turned round by `from_official`, as the
logits here are [spoof, bona fide]. Weights of the Odyssey code bear the same names and have 0 spoof: for
those, set `labels: [bonafide, spoof]`.

Each ReLU that a max pool follows comes after it: the same numbers, as both are monotone, from a quarter of
the work.

Axes: B batch, F frequency, N frames, C channels, D embedding, K classes.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from dada.data.batch import Batch
from dada.errors import DataError
from dada.models import Output
from dada.models.audio._lengths import run_by_length
from dada.models.audio._norm import BatchNorm2d
from dada.models.audio._tssdnet import CHANNELS, RESIDUAL_NAMES, Head, Residual, convolution, official_state

POOL = 2  # in both directions, after the first convolution and after each module but the last
SHORTEST = POOL ** (len(CHANNELS) - 1)  # rows and frames that leave one to the last module


@dataclass
class Config:
    """There is nothing to choose: the authors published one size."""


def example() -> tuple[Config, tuple[int, ...]]:
    """The network, and the shape of an input."""
    return Config(), (40, 60)


class Model(nn.Module):
    """Features (B, F, N) to logits (B, K) and embeddings (B, 32)."""

    def __init__(self, config: Config, num_classes: int):
        super().__init__()
        self.conv = convolution(1, CHANNELS[0], 7, 7)
        self.norm = BatchNorm2d(CHANNELS[0])
        sizes = zip(CHANNELS, CHANNELS[1:], strict=False)
        self.blocks = nn.ModuleList(Residual(channels, size, rows=3) for channels, size in sizes)
        self.head = Head(num_classes)
        self.to(memory_format=torch.channels_last)

    def forward(self, batch: Batch) -> Output:
        """(B, F, N) to logits (B, K). Raise DataError for less than 16 rows, or a clip of less than 16
        frames.
        """
        num_rows = batch.inputs.shape[1]
        if num_rows < SHORTEST:
            raise DataError(
                f"res_tssdnet_2d needs at least {SHORTEST} rows of features, not {num_rows}: choose other "
                "input.features"
            )
        return run_by_length(batch, SHORTEST, self._run, "frames")

    def _run(self, x: Tensor) -> Output:
        x = self.norm(self.conv(x[:, None]))
        for block in self.blocks:
            x = block(nn.functional.relu(nn.functional.max_pool2d(x, POOL)))
        return self.head(nn.functional.relu(x).mean((2, 3)))


def from_official(state: dict) -> dict:
    """Names of the authors' checkpoints to ours, classes turned round."""
    return official_state(state, RESIDUAL_NAMES)
