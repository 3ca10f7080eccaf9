"""RawGAT-ST: two graphs over a waveform's sinc image, of its bands and of its frames, fused into a third.

Tak et al., "End-to-end spectro-temporal graph attention networks for speaker verification anti-spoofing and
speech deepfake detection" (ASVspoof 2021 workshop), and the authors' public code and weights for three
fusions of the two graphs: product (mul), sum (add), or side by side (concat). `from_official` reads all
three.

Class order of the published weights: 0 spoof, 1 bona fide, as here. Of 64,600 samples, longer clips give
their first ones, also in training; shorter ones are repeated. In training up to 13 neighbouring filters of
the bank are always silenced.

Traps, all kept: the input BatchNorm of blocks 1 to 5 is computed and not used, and each of these blocks owns
a convolution that is never run (`dead_weights`); both count among the 440,810 parameters. The first block
adds its one-channel input to all channels. Linear layers act across nodes, so the order of the nodes, which
is that of their scores, matters. The two encoders are equal in structure and do not share weights, though the
authors note that one would do. The authors score by the bona fide logit alone; here a countermeasure's score
is the difference of the two. Departures: the running statistics of the unused BatchNorms stay as they are (no
output depends on them). The pools keep as many nodes as they do of `num_samples` whatever a clip's length, so
that clips of other lengths can be asked, too.

Axes: B batch, T samples, C channels, H bands, W frames of the encoder's map, N nodes, D features of a node, K
classes.
"""

from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor, nn

from dada.data.batch import Batch
from dada.errors import ConfigError
from dada.features import sinc
from dada.limits import FromZero, Share
from dada.models import Output
from dada.models.audio._lengths import run_by_length
from dada.models.audio._spectro_temporal import Encoder, GraphAttention, GraphPool, SincImage, scale_dropout
from dada.models.official import rename

NUM_BLOCKS = 6
TIME_POOL = 3  # of the image, and of each block
TEMPERATURE = 1.0
FEWEST_NODES = 2  # that a pool keeps


@dataclass
class Config:
    """The defaults are those of the authors' best network."""

    fusion: Literal["mul", "add", "concat"] = "mul"
    num_samples: int = 64_600  # the length of clips that the numbers of nodes are laid out for
    num_filters: int = 70
    num_taps: int = 129  # of each filter
    max_masked_filters: FromZero = 14  # in training silence fewer than this many neighbouring filters
    # of the six residual blocks
    channels: list[int] = field(default_factory=lambda: [32, 32, 64, 64, 64, 64])
    dead_weights: bool = True  # hold the unused BatchNorms and convolutions, as the published weights want it
    num_joint_nodes: int = 12  # of the fused graph
    # of the two graphs, and of the fused one (twice that for concat)
    node_sizes: list[int] = field(default_factory=lambda: [32, 16])
    spectral_ratio: Share = 0.64  # part of the bands that the pool keeps
    temporal_ratio: Share = 0.81  # part of the frames
    joint_ratio: Share = 0.64  # part of the fused nodes
    # factor on both rates of dropout in the graphs, .2 and .3; a run of a few hundred steps needs less
    dropout: float = 1.0


class Model(nn.Module):
    """Waveforms (B, T) to logits (B, K) and embeddings (B, 7)."""

    def __init__(self, config: Config, num_classes: int):
        super().__init__()
        if len(config.channels) != NUM_BLOCKS or len(config.node_sizes) != 2:
            sizes = f"{len(config.channels)} and {len(config.node_sizes)}"
            raise ConfigError(f"rawgat_st: channels needs {NUM_BLOCKS} numbers and node_sizes 2, not {sizes}")
        self.image = SincImage(sinc.Config(config.num_filters, config.num_taps), config.max_masked_filters)
        num_frames = (config.num_samples - config.num_taps + 1) // TIME_POOL ** (NUM_BLOCKS + 1)
        self.bands = Branch(config, self.image.height, config.spectral_ratio, axis=3)
        self.frames = Branch(config, num_frames, config.temporal_ratio, axis=2)
        widen = 2 if config.fusion == "concat" else 1
        size_in, size = (widen * size for size in config.node_sizes)
        self.fusion = config.fusion
        self.attention = GraphAttention(size_in, size, TEMPERATURE)
        self.pool = GraphPool(size)
        self.num_kept = kept(config.num_joint_nodes, config.joint_ratio)
        self.node_value = nn.Linear(size, 1)
        self.classify = nn.Linear(self.num_kept, num_classes)
        self.shortest = config.num_taps - 1 + TIME_POOL ** (NUM_BLOCKS + 1) * self.frames.num_kept  # samples
        scale_dropout(self, config.dropout)

    def forward(self, batch: Batch) -> Output:
        """(B, T) to logits (B, K); the embedding has one value per node.

        Raise DataError for a clip with fewer frames than the pool keeps.
        """
        return run_by_length(batch, self.shortest, self._run)

    def _run(self, x: Tensor) -> Output:
        image = self.image(x)
        bands, frames = self.bands(image), self.frames(image)
        if self.fusion == "mul":
            nodes = bands * frames
        elif self.fusion == "add":
            nodes = bands + frames
        else:
            nodes = torch.cat([bands, frames], dim=2)
        nodes = self.pool(self.attention(nodes), self.num_kept)
        embedding = self.node_value(nodes).squeeze(-1)
        return Output(self.classify(embedding), embedding)


class Branch(nn.Module):
    """Image (B, 1, H, W) to the nodes of one graph, (B, N, D): encoder, largest magnitude over `axis`,
    attention, pool, new nodes.
    """

    def __init__(self, config: Config, num_nodes: int, ratio: float, axis: int):
        super().__init__()
        dead, channels, size = config.dead_weights, config.channels, config.node_sizes[0]
        self.axis, self.num_kept = axis, kept(num_nodes, ratio)
        self.encoder = Encoder(
            channels, [TIME_POOL] * NUM_BLOCKS, dead, broadcast_first=True, unused_convs=dead
        )
        self.attention = GraphAttention(channels[-1], size, TEMPERATURE)
        self.pool = GraphPool(size)
        self.new_nodes = nn.Linear(self.num_kept, config.num_joint_nodes)

    def forward(self, x: Tensor) -> Tensor:
        nodes = self.encoder(x).abs().amax(self.axis).transpose(1, 2)
        nodes = self.pool(self.attention(nodes), self.num_kept)
        return self.new_nodes(nodes.transpose(1, 2)).transpose(1, 2)


def kept(num_nodes: int, ratio: float) -> int:
    """How many nodes a pool keeps: rounded down, but not fewer than FEWEST_NODES."""
    return max(int(num_nodes * ratio), FEWEST_NODES)


def example() -> tuple[Config, tuple[int, ...]]:
    """A small network for tests, without parameters that no output depends on."""
    config = Config(
        num_samples=8_000,
        num_filters=18,
        channels=[4, 4, 8, 8, 8, 8],
        node_sizes=[16, 8],
        dead_weights=False,
        max_masked_filters=0,
    )
    return config, (8_000,)


OFFICIAL_NAMES = (
    (r"^first_bn\.", "image.norm."),
    (r"^encoder1\.(\d)\.0\.", r"bands.encoder.\1."),
    (r"^encoder2\.(\d)\.0\.", r"frames.encoder.\1."),
    (
        r"encoder\.0\.conv_1\.",
        "encoder.0.conv1.",
    ),  # the first block runs the convolution that is unused in all others
    (r"\.conv_1\.", ".unused_conv."),
    (r"\.bn(\d)\.", r".norm\1."),
    (r"\.conv_downsample\.", ".shortcut."),
    (r"^GAT_layer1\.", "bands.attention."),
    (r"^GAT_layer2\.", "frames.attention."),
    (r"^GAT_layer3\.", "attention."),
    (r"\.att_proj\.", ".pair."),
    (r"\.att_weight$", ".weight"),
    (r"\.proj_with_att\.", ".neighbours."),
    (r"\.proj_without_att\.", ".self_loop."),
    (r"\.bn\.", ".norm."),
    (r"^pool1\.proj\.", "bands.pool.score."),
    (r"^pool2\.proj\.", "frames.pool.score."),
    (r"^pool3\.proj\.", "pool.score."),
    (r"^proj1\.", "bands.new_nodes."),
    (r"^proj2\.", "frames.new_nodes."),
    (r"^proj\.", "node_value."),
    (r"^proj_node\.", "classify."),
)


def from_official(state: dict) -> dict:
    """Names of the authors' released checkpoints to ours."""
    return rename(state, OFFICIAL_NAMES)
