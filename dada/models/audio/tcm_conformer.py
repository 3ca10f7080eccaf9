"""A Conformer whose attention also models heads and channels (TCM), on the last state of XLS-R.

Truong et al., "Temporal-channel modeling in multi-head self-attention for synthetic speech detection"
(Interspeech 2024) and the authors' public code and weights, which `from_official` reads. Each attention
adds one token for each slice of the features, made from its mean over all tokens; the class token takes
their mean and that of the frames. Positions are sines. 2,382,628 parameters without the encoder; the
authors count their table of 10,000 positions as well, 3,822,628, which is computed here and left out of
checkpoints.

All blocks start with the same weights, as in the authors' code. Traps, kept: means and attention take every
frame, tiled ones as well; the projected frames pass a BatchNorm of one channel. The authors score by the
bona fide logit alone; here a countermeasure's score is the difference of the two.

Axes: B batch, L layers, N tokens, D width of the network, H heads, d features of a head, K classes.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from dada.models.audio._conformer import OFFICIAL_NAMES, ConformerConfig, ConformerModel
from dada.models.official import with_encoder


@dataclass
class Config(ConformerConfig):
    pass


class Model(ConformerModel):
    """States (B, L, N, D) to logits (B, K) and embeddings (B, size)."""

    def __init__(self, config: Config, num_classes: int):
        super().__init__(config, num_classes, lambda: ChannelAttention(config.size, config.heads))

    def placed(self, x: Tensor) -> Tensor:
        """Frames (B, N, D) plus sines of their positions."""
        return x + sines(x)


class ChannelAttention(nn.Module):
    """Self-attention (B, N, D) to the same, with a further token for each of H slices of the features."""

    def __init__(self, size: int, heads: int):
        super().__init__()
        self.heads, each = heads, size // heads
        self.positions = nn.Parameter(torch.zeros(1, heads, size))
        self.qkv = nn.Linear(size, 3 * size, bias=False)
        self.leave = nn.Linear(size, size)
        self.slice, self.slice_norm = nn.Linear(each, size), nn.LayerNorm(each)

    def forward(self, x: Tensor) -> Tensor:
        slices = self.slice(x.mean(1).unflatten(1, (self.heads, -1)))  # (B, H, D)
        slices = nn.functional.gelu(self.slice_norm(slices.unflatten(2, (self.heads, -1)))).flatten(2)
        tokens = torch.cat([x, slices + self.positions], 1)
        qkv = self.qkv(tokens).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        query, key, value = qkv.unbind(0)  # each (B, H, N + H, d)
        attention = (query @ key.transpose(2, 3) * query.shape[-1] ** -0.5).softmax(-1)
        y = self.leave((attention @ value).transpose(1, 2).flatten(2))
        first, frames, heads = y.split([1, x.shape[1] - 1, self.heads], 1)
        return torch.cat([first + heads.mean(1, keepdim=True) + frames.mean(1, keepdim=True), frames], 1)


def sines(x: Tensor) -> Tensor:
    """Positions of frames (B, N, D) as sines and cosines in turn, (N, D), the first frame at 0."""
    num_frames, size = x.shape[1:]
    pairs = torch.arange((size + 1) // 2, device=x.device, dtype=torch.float32)
    rates = torch.exp(pairs * (-2 * math.log(10_000) / size))
    angles = torch.arange(num_frames, device=x.device, dtype=torch.float32)[:, None] * rates
    return torch.stack([angles.sin(), angles.cos()], 2).flatten(1)[:, :size].to(x.dtype)


def example() -> tuple[Config, tuple[int, ...]]:
    """A small network for tests."""
    sizes = {"heads": 2, "num_blocks": 2, "channels": 8, "kernel": 5}
    return Config(width=12, num_layers=2, size=16, **sizes), (24, 30)  # type: ignore[arg-type]


def from_official(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Names of the released checkpoint, encoder and head, to ours, without its table of positions."""
    attention = (
        (r"\.attention\.pos_embed$", ".attention.positions"),
        (r"\.attention\.proj\.", ".attention.leave."),
        (r"\.attention\.ht_proj\.", ".attention.slice."),
        (r"\.attention\.ht_norm\.", ".attention.slice_norm."),
    )
    named = with_encoder(state, "ssl_model.model.", (*OFFICIAL_NAMES, *attention))
    return {name: value for name, value in named.items() if not name.endswith("positional_emb")}
