"""Triplet loss with a fixed margin: FaceNet's (Schroff et al., CVPR 2015, equation 1), on three distances.

A batch is [anchors | positives | negatives], three rows of embeddings (B, D) a triple. Where a phase of
training hands its margin to the next, `inherit_margin: true` takes it in place of `margin`.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from dada.data.batch import Batch
from dada.models import Output


@dataclass
class Config:
    margin: float = 0.5
    distance: Literal["l2", "squared_l2", "cosine"] = "l2"
    inherit_margin: bool = False  # start from the margin that the phase before ended with


class Loss(nn.Module):
    """Mean over the triples of [d(A, P) - d(A, N) + margin]₊."""

    margin: Tensor

    def __init__(self, config: Config):
        super().__init__()
        self.distance = config.distance
        self.register_buffer("margin", torch.tensor(config.margin))

    def forward(self, output: Output, batch: Batch) -> Tensor:
        """Embeddings (3B, D) to a scalar."""
        anchor, positive, negative = output.embedding.chunk(3)
        gap = distance(anchor, positive, self.distance) - distance(anchor, negative, self.distance)
        return (gap + self.margin).clamp_min(0).mean()

    def final_margin(self) -> float:
        """The margin for a phase that inherits it."""
        return float(self.margin)

    def margins(self) -> dict[str, float]:
        """What the training log shows."""
        return {"margin": float(self.margin)}


def distance(x: Tensor, y: Tensor, name: str) -> Tensor:
    """Distances (B,) between rows (B, D): Euclidean, its square, or 1 - cosine similarity."""
    if name == "cosine":
        return 1 - nn.functional.cosine_similarity(x, y)
    if name == "squared_l2":
        return (x - y).square().sum(dim=1)
    return nn.functional.pairwise_distance(x, y)
