"""Nes2Net and Nes2Net-X: Res2Net blocks within a Res2Net, on all features of a speech encoder's frames.

Liu et al., "Nes2Net: a lightweight nested architecture for foundation model driven speech anti-spoofing"
(IEEE T-IFS 20, 2025) and the authors' public code and weights, which `from_official` reads. The frame's
features are split in eight; each part is added to what the block before made of the parts before it. A
block does the same inside with eight parts of its own: `plain` adds each part, X (`mixing: weighted`) keeps
all parts in a further axis, over which one convolution runs, and sums them up with learned weights. On
XLS-R with 300 M parameters 511,794 parameters, X 512,039.

Everywhere the order is convolution, activation, BatchNorm. Traps: the published evaluation on In-the-Wild
never left training mode, so that BatchNorms took each clip's own statistics; `clip_statistics` scores so.
The authors score by the bona fide logit alone; here a countermeasure's score is the difference of the two.

Axes: B batch, L layers, N frames, D width of the encoder, C channels, M parts kept, K classes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

import torch
from torch import Tensor, nn

from dada.errors import ConfigError
from dada.features.speech_encoder import Normalise
from dada.limits import Limits
from dada.models import Output
from dada.models.audio._ssl import EncoderConfig, SslModel
from dada.models.official import with_encoder

VARIANCE_FLOOR = 1e-10  # of the attentive statistics

Parts = Annotated[int, Limits(least=2)]


@dataclass
class Config(EncoderConfig):
    """The defaults are those of Nes2Net-X on XLS-R with 300 M parameters."""

    normalise: Normalise = "never"
    mixing: Literal["weighted", "plain"] = "weighted"  # of the parts in a block: Nes2Net-X, Nes2Net
    outer_parts: Parts = 8
    inner_parts: Parts = 8
    dilation: int = 2
    squeeze: int = 1  # the squeeze-and-excitation's inner layer has so many times fewer channels
    activation: Literal["relu", "selu"] = "relu"
    pooling: Literal["mean", "attentive"] = "mean"  # over time; attentive: weighted mean and deviation
    merge: Literal["weights", "gates"] = "weights"  # of several states: learned weights, or gates by the clip
    one_logit: bool = False  # two classes give one logit, the score of the second, for loss bce
    clip_statistics: bool = False  # in evaluation BatchNorms take the statistics of each clip


class Model(SslModel):
    """States (B, L, N, D) to logits (B, K) and embeddings (B, D), or (B, 2·D) with attentive pooling."""

    def __init__(self, config: Config, num_classes: int):
        super().__init__(config, merge=config.merge == "weights")
        outer, inner = config.outer_parts, config.inner_parts
        if self.width % (outer * inner):
            raise ConfigError(
                f"nes2net: {self.width} features cannot be cut into {outer} parts of {inner} parts: set "
                "model.outer_parts and model.inner_parts to divisors"
            )
        self.num_parts, channels = outer, self.width // outer
        self.activate = getattr(nn.functional, config.activation)
        self.gates = Gates(self.num_states) if config.merge == "gates" else None
        self.blocks = nn.ModuleList(Block(config, channels) for _ in range(outer - 1))
        self.norms = nn.ModuleList(_norm(config, channels) for _ in range(outer - 1))
        self.norm = _norm(config, self.width)
        attentive = config.pooling == "attentive"
        self.pool = AttentiveStatistics(self.width) if attentive else None
        num_logits = 1 if num_classes == 2 and config.one_logit else num_classes
        self.classify = nn.Linear(self.width * (2 if attentive else 1), num_logits)

    def head(self, states: Tensor) -> Output:
        """The embedding is the pooled one."""
        x = self.merged(states) if self.gates is None else self.gates(states)
        *parts, last = x.transpose(1, 2).chunk(self.num_parts, 1)
        made, h = [], torch.zeros_like(last)
        for part, block, norm in zip(parts, self.blocks, self.norms, strict=True):
            h = norm(self.activate(block(h + part)))
            made.append(h)
        x = self.activate(self.norm(torch.cat([*made, last], 1)))  # (B, D, N)
        embedding = x.mean(2) if self.pool is None else self.pool(x)
        return Output(self.classify(embedding), embedding)


class Block(nn.Module):
    """(B, C, N) to the same."""

    def __init__(self, config: Config, channels: int):
        super().__init__()
        self.num_parts, size = config.inner_parts, channels // config.inner_parts
        self.activate = getattr(nn.functional, config.activation)
        places, dilation = range(self.num_parts - 1), config.dilation
        self.enter, self.enter_norm = nn.Conv1d(channels, channels, 1), _norm(config, channels)
        if config.mixing == "weighted":
            self.mix = nn.ParameterList(torch.full((1, 1, 1, i + 2), 1 / (i + 2)) for i in places)
            # a kernel over time alone, the same for all parts
            self.splits = nn.ModuleList(
                nn.Conv2d(size, size, (3, 1), padding=(dilation, 0), dilation=(dilation, 1)) for _ in places
            )
        else:
            self.mix = nn.ParameterList()
            self.splits = nn.ModuleList(
                nn.Conv1d(size, size, 3, padding=dilation, dilation=dilation) for _ in places
            )
        self.split_norms = nn.ModuleList(
            _norm(config, size, 2 if config.mixing == "weighted" else 1) for _ in places
        )
        self.leave, self.leave_norm = nn.Conv1d(channels, channels, 1), _norm(config, channels)
        self.squeeze = nn.Conv1d(channels, channels // config.squeeze, 1)
        self.expand = nn.Conv1d(channels // config.squeeze, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        parts = self.enter_norm(self.activate(self.enter(x))).chunk(self.num_parts, 1)
        made = self._weighted(parts) if len(self.mix) else self._plain(parts)
        h = self.leave_norm(self.activate(self.leave(torch.cat([*made, parts[-1]], 1))))
        scale = self.expand(nn.functional.relu(self.squeeze(h.mean(2, keepdim=True)))).sigmoid()
        return h * scale + x

    def _plain(self, parts: tuple[Tensor, ...]) -> list[Tensor]:
        made, h = [], torch.zeros_like(parts[0])
        for part, split, norm in zip(parts, self.splits, self.split_norms, strict=False):
            h = norm(self.activate(split(h + part)))
            made.append(h)
        return made

    def _weighted(self, parts: tuple[Tensor, ...]) -> list[Tensor]:
        made, h = [], parts[-1][..., None]  # (B, C, N, M)
        for part, split, norm, mix in zip(parts, self.splits, self.split_norms, self.mix, strict=False):
            h = norm(self.activate(split(torch.cat([h, part[..., None]], 3))))
            made.append((h * mix).sum(3))
        return made


class Gates(nn.Module):
    """A gate for each state of a clip, by squeeze-and-excitation: (B, L, N, D) to the gated sum (B, N, D)."""

    def __init__(self, num_states: int, reduction: int = 3):
        super().__init__()
        size = max(num_states // reduction, 1)
        self.squeeze = nn.Linear(num_states, size, bias=False)
        self.expand = nn.Linear(size, num_states, bias=False)

    def forward(self, states: Tensor) -> Tensor:
        gates = self.expand(nn.functional.relu(self.squeeze(states.mean((2, 3))))).sigmoid()
        return torch.einsum("bl,blnd->bnd", gates, states)


class AttentiveStatistics(nn.Module):
    """Mean and deviation over time, weighted by attention of each channel: (B, C, N) to (B, 2·C)."""

    def __init__(self, channels: int, size: int = 128):
        super().__init__()
        self.enter, self.leave = nn.Conv1d(channels, size, 1), nn.Conv1d(size, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        weights = self.leave(torch.tanh(self.enter(x))).softmax(2)
        mean = (weights * x).sum(2)
        variance = (weights * x.square()).sum(2) - mean.square()
        return torch.cat([mean, variance.clamp_min(VARIANCE_FLOOR).sqrt()], 1)


class _OwnStatistics:
    """A BatchNorm that takes the statistics of each clip in evaluation."""

    def forward(self, x: Tensor) -> Tensor:
        if self.training:  # type: ignore[attr-defined]
            return super().forward(x)  # type: ignore[misc]
        return nn.functional.instance_norm(x, weight=self.weight, bias=self.bias, eps=self.eps)  # type: ignore


class _ClipNorm1d(_OwnStatistics, nn.BatchNorm1d):
    pass


class _ClipNorm2d(_OwnStatistics, nn.BatchNorm2d):
    pass


def _norm(config: Config, channels: int, axes: int = 1) -> nn.Module:
    kinds = (_ClipNorm1d, _ClipNorm2d) if config.clip_statistics else (nn.BatchNorm1d, nn.BatchNorm2d)
    return kinds[axes - 1](channels)


def example() -> tuple[Config, tuple[int, ...]]:
    """A small network for tests."""
    return Config(width=24, num_layers=2, outer_parts=3, inner_parts=4), (48, 30)


NET, BLOCK = r"^Nested_Res2Net_TDNN\.", r"^(blocks\.\d+)\."
OFFICIAL_NAMES = (
    (NET + r"Build_in_Res2Nets\.", "blocks."),
    (NET + r"bns\.", "norms."),
    (NET + r"bn\.", "norm."),
    (NET + r"fc\.", "classify."),
    (NET + r"pooling\.linear1\.", "pool.enter."),
    (NET + r"pooling\.linear2\.", "pool.leave."),
    (BLOCK + r"conv1\.", r"\1.enter."),
    (BLOCK + r"bn1\.", r"\1.enter_norm."),
    (BLOCK + r"weighted_sum\.", r"\1.mix."),
    (BLOCK + r"convs\.", r"\1.splits."),
    (BLOCK + r"bns\.", r"\1.split_norms."),
    (BLOCK + r"conv3\.", r"\1.leave."),
    (BLOCK + r"bn3\.", r"\1.leave_norm."),
    (BLOCK + r"se\.se\.1\.", r"\1.squeeze."),
    (BLOCK + r"se\.se\.3\.", r"\1.expand."),
)


def from_official(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Names of the authors' released checkpoints, encoder and head, to ours."""
    return with_encoder(state, "ssl_model.model.", OFFICIAL_NAMES)
