"""A Conformer with a class token on the last state of XLS-R.

Rosello et al., "A conformer-based classifier for variable-length utterance processing in anti-spoofing"
(Interspeech 2023), and the authors' public code. Attention adds a learned vector for the distance of two
tokens, up to 512 either way (Shaw et al., 2018). Four blocks of 144 features, four heads: 2,506,324
parameters without the encoder. No weights were published.

All blocks start with the same weights, as in the authors' code. Trap, kept: the projected frames pass a
BatchNorm of one channel, so that one mean and one variance serve all 144 features. The authors score by the
bona fide logit alone; here a countermeasure's score is the difference of the two.

Axes: B batch, L layers, N tokens, D width of the network, H heads, d features of a head, K classes.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from dada.models.audio._conformer import OFFICIAL_NAMES, ConformerConfig, ConformerModel
from dada.models.official import with_encoder


@dataclass
class Config(ConformerConfig):
    max_distance: int = 512  # of two tokens; what is farther counts as this


class Model(ConformerModel):
    """States (B, L, N, D) to logits (B, K) and embeddings (B, size)."""

    def __init__(self, config: Config, num_classes: int):
        super().__init__(
            config, num_classes, lambda: DistanceAttention(config.size, config.heads, config.max_distance)
        )


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
