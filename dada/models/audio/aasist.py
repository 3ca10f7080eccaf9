"""AASIST: graph attention over the bands and over the frames of a waveform's sinc image, and over both
together.

Jung et al., "AASIST: audio anti-spoofing using integrated spectro-temporal graph attention networks" (ICASSP
2022), and the authors' public code and weights, which `from_official` reads. AASIST-L is the same with fewer
channels (dada/conf/aasist_l.yaml).

Class order of the published weights: 0 spoof, 1 bona fide, as here. Of 64,600 samples, longer clips give
their first ones (in training a random stretch), shorter ones are repeated.

Traps, all kept: the input BatchNorm of blocks 1 to 5 is computed and not used (`dead_preact`), though it
counts among the 297,866 parameters; one pool ratio serves all four pools between the heterogeneous layers,
and one temperature those layers. The authors score by the bona fide logit alone; here a countermeasure's
score is the difference of the two. Departures: the running statistics of the unused BatchNorms stay as they
are (no output depends on them).

Axes: B batch, T samples, C channels, H bands, W frames of the encoder's map, N nodes, D features of a node, K
classes.
"""

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from dada.data.batch import Batch
from dada.errors import ConfigError
from dada.features import sinc
from dada.models import Output
from dada.models.audio._heads import Kind, head
from dada.models.audio._lengths import run_by_length
from dada.models.audio._spectro_temporal import (
    Encoder,
    GraphAttention,
    GraphPool,
    SincImage,
    attention_vector,
    norm_selu,
    pairs,
    scale_dropout,
)
from dada.models.official import rename

NUM_BLOCKS = 6
TIME_POOL = 3  # of the image, and of each block


@dataclass
class GraphConfig:
    """What the networks with AASIST's back end share. The defaults are AASIST's."""

    # of the six residual blocks
    channels: list[int] = field(default_factory=lambda: [32, 32, 64, 64, 64, 64])
    dead_preact: bool = True  # pass the unused BatchNorms by, as the published weights want it
    # of the two single graphs, and of the heterogeneous one
    node_sizes: list[int] = field(default_factory=lambda: [64, 32])
    spectral_ratio: float = 0.5  # part of the bands that the first pool keeps
    temporal_ratio: float = 0.7  # part of the frames that the first pool keeps
    joint_ratio: float = 0.5  # part of both that the pools between the heterogeneous layers keep
    temperature: float = 2.0  # of attention within one graph
    joint_temperature: float = 100.0  # of attention over both
    # factor on all rates of dropout in the graphs, .2 to .5; a run of a few hundred steps needs less
    dropout: float = 1.0


@dataclass
class Config(GraphConfig):
    num_filters: int = 70
    num_taps: int = 129  # of each filter
    # in training silence fewer than this many neighbouring filters; the authors' option is 20
    max_masked_filters: int = 0
    # linear has a logit for each class; cosine is for loss p2sgrad, one_class for loss oc_softmax, attractors
    # for loss samo
    output_layer: Kind = "linear"


class Model(nn.Module):
    """Waveforms (B, T) to logits (B, K), or (B, 1) by the output layer, and embeddings (B, 160)."""

    def __init__(self, config: Config, num_classes: int):
        super().__init__()
        check_sizes(config)
        self.image = SincImage(sinc.Config(config.num_filters, config.num_taps), config.max_masked_filters)
        self.encoder = Encoder(config.channels, [TIME_POOL] * NUM_BLOCKS, config.dead_preact)
        self.graphs = Graphs(config, config.channels[-1], self.image.height)
        self.classify = (
            nn.Linear(self.graphs.size, num_classes)
            if config.output_layer == "linear"
            else head(config.output_layer, self.graphs.size, num_classes)
        )
        self.shortest = (
            config.num_taps - 1 + TIME_POOL ** (NUM_BLOCKS + 1)
        )  # samples for one frame of the encoder's map

    def forward(self, batch: Batch) -> Output:
        """(B, T) to logits (B, K); the embedding is what enters the last layer, after dropout.

        Raise DataError for a clip without a frame.
        """
        return run_by_length(batch, self.shortest, self._run)

    def _run(self, x: Tensor) -> Output:
        embedding = self.graphs(self.encoder(self.image(x)))
        return Output(self.classify(embedding), embedding)


def check_sizes(config: GraphConfig) -> None:
    """Raise ConfigError for lists of another length than the network has parts."""
    if len(config.channels) != NUM_BLOCKS or len(config.node_sizes) != 2:
        sizes = f"{len(config.channels)} and {len(config.node_sizes)}"
        raise ConfigError(f"aasist: channels needs {NUM_BLOCKS} numbers and node_sizes 2, not {sizes}")


class Graphs(nn.Module):
    """A map (B, C, H, W) to an embedding (B, 5 D): the graphs of its bands and of its frames, apart and then
    joined in two branches.
    """

    def __init__(self, config: GraphConfig, channels: int, height: int):
        super().__init__()
        first, second = config.node_sizes
        self.config, self.size = config, 5 * second
        self.position = nn.Parameter(torch.randn(1, height, channels))  # of the bands
        self.attention_s = GraphAttention(channels, first, config.temperature)
        self.attention_t = GraphAttention(channels, first, config.temperature)
        self.pool_s, self.pool_t = GraphPool(first), GraphPool(first)
        self.branches = nn.ModuleList(
            Branch(first, second, config.joint_ratio, config.joint_temperature) for _ in range(2)
        )
        self.dropout_branch, self.dropout_out = nn.Dropout(0.2), nn.Dropout(0.5)
        scale_dropout(self, config.dropout)

    def forward(self, x: Tensor) -> Tensor:
        bands, frames = self.nodes(x)
        bands, frames = self.attention_s(bands + self.position), self.attention_t(frames)
        bands = self.pool_s(bands, keep(bands, self.config.spectral_ratio))
        frames = self.pool_t(frames, keep(frames, self.config.temporal_ratio))
        left, right = (
            [self.dropout_branch(nodes) for nodes in branch(frames, bands)] for branch in self.branches
        )
        frames, bands, master = (torch.maximum(a, b) for a, b in zip(left, right, strict=True))
        summary = [frames.abs().amax(1), frames.mean(1), bands.abs().amax(1), bands.mean(1), master[:, 0]]
        return self.dropout_out(torch.cat(summary, dim=1))

    def nodes(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """A map (B, C, H, W) to nodes of its bands (B, H, C) and of its frames (B, W, C)."""
        size = x.abs()
        return size.amax(3).transpose(1, 2), size.amax(2).transpose(1, 2)


class Branch(nn.Module):
    """Two heterogeneous layers with a pool of either graph in between; frames, bands and a learned master
    node (1, 1, D).
    """

    def __init__(self, size_in: int, size: int, ratio: float, temperature: float):
        super().__init__()
        self.ratio = ratio
        self.master = nn.Parameter(torch.randn(1, 1, size_in))
        self.first = HeterogeneousAttention(size_in, size, temperature)
        self.second = HeterogeneousAttention(size, size, temperature)
        self.pool_s, self.pool_t = GraphPool(size), GraphPool(size)

    def forward(self, frames: Tensor, bands: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        frames, bands, master = self.first(frames, bands, self.master)
        bands = self.pool_s(bands, keep(bands, self.ratio))
        frames = self.pool_t(frames, keep(frames, self.ratio))
        second = self.second(frames, bands, master)
        return frames + second[0], bands + second[1], master + second[2]


class HeterogeneousAttention(nn.Module):
    """Attention over the nodes of both graphs, scored by a vector of its own for frames, for bands and
    across, and a master node.

    Frames (B, N, D), bands (B, N', D) and the master node (B or 1, 1, D) to the same with `size` features.
    The master node gathers from all nodes, and none gathers from it.
    """

    def __init__(self, size_in: int, size: int, temperature: float):
        super().__init__()
        self.temperature = temperature
        self.dropout = nn.Dropout(0.2)
        self.type_t, self.type_s = nn.Linear(size_in, size_in), nn.Linear(size_in, size_in)
        self.pair, self.pair_master = nn.Linear(size_in, size), nn.Linear(size_in, size)
        self.weight_t, self.weight_s, self.weight_cross, self.weight_master = (
            attention_vector(size) for _ in range(4)
        )
        self.neighbours, self.self_loop = nn.Linear(size_in, size), nn.Linear(size_in, size)
        self.neighbours_master, self.self_loop_master = nn.Linear(size_in, size), nn.Linear(size_in, size)
        self.norm = nn.BatchNorm1d(size)

    def forward(self, frames: Tensor, bands: Tensor, master: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        num_frames = frames.shape[1]
        x = self.dropout(torch.cat([self.type_t(frames), self.type_s(bands)], dim=1))
        attention = self._scores(torch.tanh(self.pair(pairs(x))), num_frames).softmax(-1)
        from_master = (
            torch.tanh(self.pair_master(x * master)) @ self.weight_master / self.temperature
        )  # (B, N + N', 1)
        master = self.neighbours_master(from_master.softmax(1).transpose(1, 2) @ x) + self.self_loop_master(
            master
        )
        x = norm_selu(self.neighbours(attention @ x) + self.self_loop(x), self.norm)
        return x[:, :num_frames], x[:, num_frames:], master

    def _scores(self, pair: Tensor, num_frames: int) -> Tensor:
        """Features of pairs (B, N + N', N + N', D) to scores (B, N + N', N + N')."""
        scores = pair @ torch.cat([self.weight_t, self.weight_cross, self.weight_s], dim=1)
        is_band = torch.arange(pair.shape[1], device=pair.device) >= num_frames
        kind = is_band[:, None].long() + is_band  # of a pair: 0 of frames, 1 across, 2 of bands
        kind = kind.expand(len(pair), -1, -1)[..., None]
        return scores.gather(3, kind).squeeze(-1) / self.temperature


def keep(nodes: Tensor, ratio: float) -> int:
    """How many of (B, N, D) a pool keeps: rounded down, but one at least."""
    return max(int(nodes.shape[1] * ratio), 1)


def example() -> tuple[Config, tuple[int, ...]]:
    """A small network for tests, without parameters that no output depends on."""
    config = Config(num_filters=18, channels=[4, 4, 8, 8, 8, 8], node_sizes=[8, 4], dead_preact=False)
    return config, (8_000,)


OFFICIAL_NAMES = (
    (r"^first_bn\.", "image.norm."),
    (r"^encoder\.(\d)\.0\.", r"encoder.\1."),
    (r"\.bn(\d)\.", r".norm\1."),
    (r"\.conv_downsample\.", ".shortcut."),
    (r"^pos_S$", "graphs.position"),
    (r"^GAT_layer_([ST])\.", lambda match: f"graphs.attention_{match[1].lower()}."),
    (r"^HtrgGAT_layer_ST(\d)1\.", lambda match: f"graphs.branches.{int(match[1]) - 1}.first."),
    (r"^HtrgGAT_layer_ST(\d)2\.", lambda match: f"graphs.branches.{int(match[1]) - 1}.second."),
    (r"^master(\d)$", lambda match: f"graphs.branches.{int(match[1]) - 1}.master"),
    (r"^pool_([ST])\.proj\.", lambda match: f"graphs.pool_{match[1].lower()}.score."),
    (
        r"^pool_h([ST])(\d)\.proj\.",
        lambda match: f"graphs.branches.{int(match[2]) - 1}.pool_{match[1].lower()}.score.",
    ),
    (r"\.proj_type1\.", ".type_t."),
    (r"\.proj_type2\.", ".type_s."),
    (r"\.att_projM\.", ".pair_master."),
    (r"\.att_proj\.", ".pair."),
    (r"\.att_weight11$", ".weight_t"),
    (r"\.att_weight22$", ".weight_s"),
    (r"\.att_weight12$", ".weight_cross"),
    (r"\.att_weightM$", ".weight_master"),
    (r"\.att_weight$", ".weight"),
    (r"\.proj_with_attM\.", ".neighbours_master."),
    (r"\.proj_without_attM\.", ".self_loop_master."),
    (r"\.proj_with_att\.", ".neighbours."),
    (r"\.proj_without_att\.", ".self_loop."),
    (r"\.bn\.", ".norm."),
    (r"^out_layer\.", "classify."),
)


def from_official(state: dict) -> dict:
    """Names of the authors' released checkpoints, AASIST's and AASIST-L's, to ours."""
    return rename(state, OFFICIAL_NAMES)
