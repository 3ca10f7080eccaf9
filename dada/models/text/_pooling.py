"""From hidden states of an encoder to one vector of a text. B texts, L tokens, S layers, H hidden size."""

import torch
from torch import Tensor, nn


class Attention(nn.Module):
    """Weights (…, N) of N vectors, softmax of vᵀ tanh(W h + b), as DADA's audio model pools its frames."""

    def __init__(self, size: int, width: int):
        super().__init__()
        self.score = nn.Sequential(nn.Linear(size, width), nn.Tanh(), nn.Linear(width, 1, bias=False))

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Vectors (…, N, H) to their weighted mean (…, H); those outside `mask` (…, N) weigh nothing."""
        scores = self.score(x)[..., 0]
        if mask is not None:
            scores = scores.masked_fill(~mask, -torch.inf)
        return (scores.softmax(dim=-1).unsqueeze(-1) * x).sum(dim=-2)


class Pooling(nn.Module):
    """Hidden states (B, L, H) of some layers to (B, D): first over tokens, then over layers.

    A mean over tokens or an attention for each layer; layers side by side, D = S H, or weighted by an
    attention over the text's own vectors of them, D = H.
    """

    def __init__(self, num_layers: int, size: int, over_tokens: str, over_layers: str, width: int):
        super().__init__()
        self.tokens = nn.ModuleList(
            Attention(size, width) for _ in range(num_layers if over_tokens == "attentive" else 0)
        )
        self.layers = Attention(size, width) if over_layers == "attentive" else None
        self.size = size if over_layers == "attentive" else num_layers * size

    def forward(self, states: list[Tensor], mask: Tensor) -> Tensor:
        """`mask` (B, L) tells the tokens from padding."""
        if self.tokens:
            vectors = [attend(x, mask) for attend, x in zip(self.tokens, states, strict=True)]
        else:
            weight = mask.to(states[0].dtype).unsqueeze(-1)
            total = weight.sum(1).clamp(min=1e-9)
            vectors = [(x * weight).sum(1) / total for x in states]
        stacked = torch.stack(vectors, dim=1)  # (B, S, H)
        return stacked.flatten(1) if self.layers is None else self.layers(stacked)
