"""A Conformer with a class token on the last state of XLS-R.

Rosello et al., "A conformer-based classifier for variable-length utterance processing in anti-spoofing"
(Interspeech 2023), and the authors' public code. Attention adds a learned vector for the distance of two
tokens, up to 512 either way (Shaw et al., 2018). Four blocks of 144 features, four heads: 2,506,324
parameters without the encoder. No weights were published.

All blocks start with the same weights, as in the authors' code. Trap, kept: the projected frames pass a
BatchNorm of one channel, so that one mean and one variance serve all 144 features. The authors score by the
bona fide logit alone; here a countermeasure's score is the difference of the two.

Axes: B batch, L layers, N tokens, D width of the network, H heads, K classes.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from dada.errors import ConfigError
from dada.features.speech_encoder import Normalise
from dada.models import Output
from dada.models.audio._conformer import OFFICIAL_NAMES, Block, Project, equal_blocks, with_class_token
from dada.models.audio._ssl import EncoderConfig, SslModel
from dada.models.official import with_encoder


@dataclass
class ConformerConfig(EncoderConfig):
    """What both Conformers share. The defaults are the authors', on XLS-R with 300 M parameters."""

    normalise: Normalise = "never"
    size: int = 144  # D
    heads: int = 4
    num_blocks: int = 4
    expansion: int = 4  # of the feed-forward parts
    channels: int = 288  # of the convolutions
    kernel: int = 31  # odd


@dataclass
class Config(ConformerConfig):
    max_distance: int = 512  # of two tokens; what is farther counts as this


class Model(SslModel):
    """States (B, L, N, D) to logits (B, K) and embeddings (B, size)."""

    def __init__(self, config: Config, num_classes: int):
        super().__init__(config)
        check_conformer(config)
        self.project = Project(self.width, config.size)
        self.class_token = nn.Parameter(torch.rand(1, config.size))
        self.blocks = equal_blocks(
            lambda: Block(
                config.size,
                config.expansion * config.size,
                config.channels,
                config.kernel,
                DistanceAttention(config.size, config.heads, config.max_distance),
            ),
            config.num_blocks,
        )
        self.classify = nn.Linear(config.size, num_classes)

    def head(self, states: Tensor) -> Output:
        """The embedding is the class token behind the last block."""
        x = with_class_token(self.class_token, self.project(self.merged(states)))
        for block in self.blocks:
            x = block(x)
        return Output(self.classify(x[:, 0]), x[:, 0])


class DistanceAttention(nn.Module):
    """Self-attention (B, N, D) to the same, with a learned vector for each distance of two tokens."""

    def __init__(self, size: int, heads: int, max_distance: int):
        super().__init__()
        self.heads, self.max_distance = heads, max_distance
        self.query = nn.Linear(size, size, bias=False)
        self.key_value = nn.Linear(size, 2 * size, bias=False)
        self.distances = nn.Embedding(2 * max_distance + 1, size // heads)
        self.leave = nn.Linear(size, size)

    def forward(self, x: Tensor) -> Tensor:
        parts = [self.query(x), *self.key_value(x).chunk(2, -1)]
        query, key, value = (
            part.unflatten(2, (self.heads, -1)).transpose(1, 2) for part in parts
        )  # (B, H, N, d)
        places = torch.arange(x.shape[1], device=x.device)
        distance = (places[:, None] - places).clamp(-self.max_distance, self.max_distance) + self.max_distance
        scores = query @ key.transpose(2, 3) + torch.einsum("bhid,ijd->bhij", query, self.distances(distance))
        attention = (scores * query.shape[-1] ** -0.5).softmax(-1)
        return self.leave((attention @ value).transpose(1, 2).flatten(2))


def check_conformer(config: ConformerConfig) -> None:
    """Raise ConfigError for sizes that do not divide, and for even kernels."""
    if config.size % config.heads or config.kernel % 2 == 0:
        raise ConfigError(
            f"conformer: size {config.size} must be a multiple of heads {config.heads}, and kernel "
            f"{config.kernel} odd"
        )


def example() -> tuple[Config, tuple[int, ...]]:
    """A small network for tests."""
    sizes = {"heads": 2, "num_blocks": 2, "channels": 8, "kernel": 5, "max_distance": 4}
    return Config(width=12, num_layers=2, size=16, **sizes), (24, 30)  # type: ignore[arg-type]


def from_official(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Names of the authors' code, encoder and head, to ours."""
    attention = (
        (r"\.attention\.to_q\.", ".attention.query."),
        (r"\.attention\.to_kv\.", ".attention.key_value."),
        (r"\.attention\.to_out\.", ".attention.leave."),
        (r"\.attention\.rel_pos_emb\.", ".attention.distances."),
    )
    return with_encoder(state, "ssl_model.model.", (*OFFICIAL_NAMES, *attention))
