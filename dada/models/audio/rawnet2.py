"""RawNet2 for anti-spoofing: fixed sinc filters, residual blocks with scaled feature maps, and a GRU on the
waveform.

Tak et al., "End-to-end anti-spoofing with RawNet2" (ICASSP 2021). Two public versions exist, both by Config:
that of the ASVspoof 2021 baseline (the defaults; also in AASIST's repository), and the one published with the
paper (dada/conf/rawnet2_icassp.yaml: 128 filters of 129 taps, wider blocks, and pre-activation that works).

Class order of both: 0 spoof, 1 bona fide, as here. Of 64,600 samples, longer clips give their first ones,
shorter ones are repeated.

Traps, kept: in the baseline the input BatchNorm of blocks 1 to 5 is computed and not used (`dead_preact`),
though it counts among the 17,621,410 parameters; in the ICASSP version it is used, and its filters are the
first 128 of a bank laid out for 130. Departures: the baseline ends in a log-softmax, and its authors score by
the bona fide log probability; here the logits come out, which give the same cross-entropy and the same
difference of the two classes. The running statistics of unused BatchNorms stay as they are. The inverse-mel
spacing is ours, mel mirrored: no published weights were there to compare with.

Axes: B batch, T samples, C channels, N frames, D embedding, K classes.
"""

from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor, nn

from dada.data.batch import Batch
from dada.errors import ConfigError
from dada.features import sinc
from dada.models import Output
from dada.models.audio._lengths import run_by_length
from dada.models.official import rename

NUM_BLOCKS = 6
TIME_POOL = 3  # of the filters' outputs, and of each block
SLOPE = 0.3  # of the leaky ReLUs


@dataclass
class Config:
    """The defaults are those of the ASVspoof 2021 baseline."""

    num_filters: int = 20
    num_taps: int = 1025  # of each filter
    scale: Literal["mel", "inverse_mel", "linear"] = "mel"  # on which the filters are equally far apart
    extra_edges: int = 0  # band edges laid out above those that are used: 2 in the ICASSP version
    # of the six residual blocks
    channels: list[int] = field(default_factory=lambda: [20, 20, 128, 128, 128, 128])
    dead_preact: bool = True  # pass the input BatchNorms by, as the baseline does
    num_layers: int = 3  # of the GRU
    hidden_size: int = 1024  # of the GRU, and of the embedding


class Model(nn.Module):
    """Waveforms (B, T) to logits (B, K) and embeddings (B, D)."""

    def __init__(self, config: Config, num_classes: int):
        super().__init__()
        if len(config.channels) != NUM_BLOCKS:
            raise ConfigError(f"rawnet2: channels needs {NUM_BLOCKS} numbers, not {len(config.channels)}")
        bank = sinc.Config(
            config.num_filters, config.num_taps, scale=config.scale, extra_edges=config.extra_edges
        )
        self.bank = sinc.PooledMagnitude(bank, bands=1, steps=TIME_POOL)
        sizes = [config.num_filters, *config.channels]
        self.norm_in = nn.BatchNorm1d(config.num_filters)
        self.blocks = nn.ModuleList(
            ResidualBlock(sizes[i], sizes[i + 1], i == 0, config.dead_preact) for i in range(NUM_BLOCKS)
        )
        self.norm_out = nn.BatchNorm1d(sizes[-1])
        self.gru = nn.GRU(sizes[-1], config.hidden_size, config.num_layers, batch_first=True)
        self.embed = nn.Linear(config.hidden_size, config.hidden_size)
        self.classify = nn.Linear(config.hidden_size, num_classes)
        self.shortest = config.num_taps - 1 + TIME_POOL ** (NUM_BLOCKS + 1)  # samples for one step of the GRU

    def forward(self, batch: Batch) -> Output:
        """(B, T) to logits (B, K); the embedding is what enters the last layer. Raise DataError for a clip
        without a frame.
        """
        return run_by_length(batch, self.shortest, self._run)

    def _run(self, x: Tensor) -> Output:
        x = nn.functional.selu(self.norm_in(self.bank(x)), inplace=True)
        for block in self.blocks:
            x = block(x)
        x = nn.functional.selu(self.norm_out(x), inplace=True)
        steps, _ = self.gru(x.transpose(1, 2))
        embedding = self.embed(steps[:, -1])
        return Output(self.classify(embedding), embedding)


class ResidualBlock(nn.Module):
    """Two convolutions around a BatchNorm and leaky ReLU, a shortcut, a max pool, and each channel scaled and
    shifted by its own mean.
    """

    def __init__(self, channels: int, size: int, first: bool, dead_preact: bool):
        super().__init__()
        self.norm1 = None if first else nn.BatchNorm1d(channels)
        self.conv1 = nn.Conv1d(channels, size, 3, padding=1)
        self.norm2 = nn.BatchNorm1d(size)
        self.conv2 = nn.Conv1d(size, size, 3, padding=1)
        self.shortcut = nn.Conv1d(channels, size, 1) if channels != size else None
        self.scale = nn.Linear(size, size)
        self.dead_preact = dead_preact
        if self.norm1 is not None and dead_preact:
            self.norm1.requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, N) to (B, size, N // 3)."""
        h = x if self.norm1 is None or self.dead_preact else nn.functional.leaky_relu(self.norm1(x), SLOPE)
        h = self.conv2(nn.functional.leaky_relu(self.norm2(self.conv1(h)), SLOPE))
        h += x if self.shortcut is None else self.shortcut(x)
        h = nn.functional.max_pool1d(h, TIME_POOL)
        scale = torch.sigmoid(self.scale(h.mean(-1)))[:, :, None]
        return h * scale + scale


def example() -> tuple[Config, tuple[int, ...]]:
    """A small network for tests, without parameters that no output depends on."""
    return Config(
        num_filters=8, num_taps=65, channels=[8, 8, 16, 16, 16, 16], hidden_size=16, dead_preact=False
    ), (8_000,)


OFFICIAL_NAMES = (
    (r"^first_bn\.", "norm_in."),
    (r"^block(\d)\.0\.", r"blocks.\1."),
    (r"\.bn(\d)\.", r".norm\1."),
    (r"\.conv_downsample\.", ".shortcut."),
    (r"^fc_attention(\d)\.0\.", r"blocks.\1.scale."),
    (r"^bn_before_gru\.", "norm_out."),
    (r"^fc1_gru\.", "embed."),
    (r"^fc2_gru\.", "classify."),
)


def from_official(state: dict) -> dict:
    """Names of the authors' checkpoints, of either version, to ours."""
    return rename(state, OFFICIAL_NAMES)
