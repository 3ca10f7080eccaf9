"""What the Conformers on speech encoders share: all but the attention and the positions of frames.

Gulati et al., "Conformer: convolution-augmented transformer for speech recognition" (Interspeech 2020). All
normalise first. Dropout is 0 in the published networks, and left out.

Axes: B batch, L layers, N tokens (a class token and the frames), D width of the network, C channels, K
classes.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from dada.errors import ConfigError
from dada.features.speech_encoder import Normalise
from dada.models import Output
from dada.models.audio._ssl import EncoderConfig, SslModel


@dataclass
class ConformerConfig(EncoderConfig):
    """The defaults are those of the authors of both networks, on XLS-R with 300 M parameters."""

    normalise: Normalise = "never"
    size: int = 144  # D
    heads: int = 4
    num_blocks: int = 4
    expansion: int = 4  # of the feed-forward parts
    channels: int = 288  # of the convolutions
    kernel: int = 31  # odd


class ConformerModel(SslModel):
    """States (B, L, N, D) to logits (B, K) and embeddings (B, size); `attention` makes that of a block.

    Raise ConfigError for sizes that do not divide, and for even kernels.
    """

    def __init__(self, config: ConformerConfig, num_classes: int, attention: Callable[[], nn.Module]):
        super().__init__(config)
        size = config.size
        if size % config.heads or config.kernel % 2 == 0:
            raise ConfigError(
                f"conformer: size {size} must be a multiple of heads {config.heads}, and kernel "
                f"{config.kernel} odd"
            )
        self.project = Project(self.width, size)
        self.class_token = nn.Parameter(torch.rand(1, size))
        self.blocks = equal_blocks(
            lambda: Block(size, config.expansion * size, config.channels, config.kernel, attention()),
            config.num_blocks,
        )
        self.classify = nn.Linear(size, num_classes)

    def head(self, states: Tensor) -> Output:
        """The embedding is the class token behind the last block."""
        x = with_class_token(self.class_token, self.placed(self.project(self.merged(states))))
        for block in self.blocks:
            x = block(x)
        return Output(self.classify(x[:, 0]), x[:, 0])

    def placed(self, x: Tensor) -> Tensor:
        """Return frames (B, N, D) with their positions; as they are where the attention knows positions."""
        return x


class Project(nn.Module):
    """Frames of an encoder (B, N, E) to (B, N, D): a linear layer, BatchNorm over all outputs, SELU."""

    def __init__(self, width: int, size: int):
        super().__init__()
        self.linear = nn.Linear(width, size)
        self.norm = nn.BatchNorm2d(1)

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.selu(self.norm(self.linear(x)[:, None]))[:, 0]


class FeedForward(nn.Module):
    """(B, N, D) to the same."""

    def __init__(self, size: int, inner: int):
        super().__init__()
        self.norm = nn.LayerNorm(size)
        self.expand, self.reduce = nn.Linear(size, inner), nn.Linear(inner, size)

    def forward(self, x: Tensor) -> Tensor:
        return self.reduce(nn.functional.silu(self.expand(self.norm(x))))


class Convolution(nn.Module):
    """(B, N, D) to the same: over time, each channel by itself, after a gate."""

    def __init__(self, size: int, channels: int, kernel: int):
        super().__init__()
        self.norm = nn.LayerNorm(size)
        self.expand = nn.Conv1d(size, 2 * channels, 1)
        self.depthwise = nn.Conv1d(channels, channels, kernel, padding=kernel // 2, groups=channels)
        self.batch_norm = nn.BatchNorm1d(channels)
        self.reduce = nn.Conv1d(channels, size, 1)

    def forward(self, x: Tensor) -> Tensor:
        h = nn.functional.glu(self.expand(self.norm(x).transpose(1, 2)), 1)
        return self.reduce(nn.functional.silu(self.batch_norm(self.depthwise(h)))).transpose(1, 2)


class Block(nn.Module):
    """(B, N, D) to the same: half a feed-forward part, attention, a convolution, the other half, a norm."""

    def __init__(self, size: int, inner: int, channels: int, kernel: int, attention: nn.Module):
        super().__init__()
        self.enter = FeedForward(size, inner)
        self.attention, self.attention_norm = attention, nn.LayerNorm(size)
        self.conv = Convolution(size, channels, kernel)
        self.leave = FeedForward(size, inner)
        self.norm = nn.LayerNorm(size)

    def forward(self, x: Tensor) -> Tensor:
        x = x + 0.5 * self.enter(x)
        x = x + self.attention(self.attention_norm(x))
        x = x + self.conv(x)
        return self.norm(x + 0.5 * self.leave(x))


def equal_blocks(make: Callable[[], Block], num_blocks: int) -> nn.ModuleList:
    """Blocks that all start with the weights of the first, as in the authors' code."""
    first = make()
    return nn.ModuleList(first if i == 0 else copy.deepcopy(first) for i in range(num_blocks))


def with_class_token(token: Tensor, x: Tensor) -> Tensor:
    """A learned token (1, D) before the frames (B, N, D): (B, N + 1, D)."""
    return torch.cat([token.expand(len(x), 1, -1), x], 1)


BLOCK = r"^conformer\.encoder_blocks\.(\d+)\."
OFFICIAL_NAMES = (
    (r"^LL\.", "project.linear."),
    (r"^first_bn\.", "project.norm."),
    (r"^conformer\.class_token$", "class_token"),
    (BLOCK + r"ff1\.fn\.norm\.", r"blocks.\1.enter.norm."),
    (BLOCK + r"ff1\.fn\.fn\.net\.0\.", r"blocks.\1.enter.expand."),
    (BLOCK + r"ff1\.fn\.fn\.net\.3\.", r"blocks.\1.enter.reduce."),
    (BLOCK + r"ff2\.fn\.norm\.", r"blocks.\1.leave.norm."),
    (BLOCK + r"ff2\.fn\.fn\.net\.0\.", r"blocks.\1.leave.expand."),
    (BLOCK + r"ff2\.fn\.fn\.net\.3\.", r"blocks.\1.leave.reduce."),
    (BLOCK + r"attn\.norm\.", r"blocks.\1.attention_norm."),
    (BLOCK + r"attn\.fn\.", r"blocks.\1.attention."),
    (BLOCK + r"conv\.net\.0\.", r"blocks.\1.conv.norm."),
    (BLOCK + r"conv\.net\.2\.", r"blocks.\1.conv.expand."),
    (BLOCK + r"conv\.net\.4\.conv\.", r"blocks.\1.conv.depthwise."),
    (BLOCK + r"conv\.net\.5\.", r"blocks.\1.conv.batch_norm."),
    (BLOCK + r"conv\.net\.7\.", r"blocks.\1.conv.reduce."),
    (BLOCK + r"post_norm\.", r"blocks.\1.norm."),
    (r"^conformer\.fc5\.", "classify."),
)
