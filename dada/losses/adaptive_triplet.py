"""Triplet loss whose two margins follow the data: AdaTriplet with AutoMargin (Nguyen et al., MICCAI 2022).

With φ the cosine similarity, a triple costs [φ_an - φ_ap + ε]₊ + λ_w [φ_an - β]₊: the negative must be ε less
similar than the positive, and no more similar than β. The second margin is often printed as [d(A,N) + λ']₊,
which would pull negatives closer; the form here is the one of AdaTriplet, with λ' = 1 - β.

ε and β come from Δ = φ_ap - φ_an and φ_an of the triples seen in training, by one of two rules:

* official: means over an epoch, used from the next epoch on: ε = max(0, mean Δ / K_Δ), β = 1 - (1 - mean
  φ_an) / K_an.
* dada: running means over all batches so far, renewed before each loss: ε = mean Δ / K_Δ, β = mean φ_an /
  K_an, starting at 0.

All of it lives in buffers, so that a checkpoint holds it.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from dada.data.batch import Batch
from dada.models import Output

# a phase after this one needs some margin, also where Δ came out at or below zero
SMALLEST_FINAL_MARGIN = 0.05


@dataclass
class Config:
    auto: Literal["official", "dada"] = "official"  # how the margins follow the data
    k_delta: float = 2.0  # K_Δ
    k_an: float = 2.0  # K_an
    weight: float = 1.0  # λ_w of the second term
    margin: float = 0.25  # ε before there are statistics (official)
    beta: float = 0.1  # β before there are statistics (official)


class Loss(nn.Module):
    """Mean over the triples of both terms; margins move in training mode only."""

    margin: Tensor
    beta: Tensor
    mean_delta: Tensor
    mean_an: Tensor
    count: Tensor

    def __init__(self, config: Config):
        super().__init__()
        self.config = config
        self.NEEDS_BATCH = config.auto == "dada"
        start = (config.margin, config.beta) if config.auto == "official" else (0.0, 0.0)
        for name, value in zip(
            ("margin", "beta", "mean_delta", "mean_an", "count"), (*start, 0.0, 0.0, 0.0), strict=True
        ):
            self.register_buffer(name, torch.tensor(value, dtype=torch.float64))

    def forward(self, output: Output, batch: Batch) -> Tensor:
        """Embeddings (3B, D) to a scalar."""
        anchor, positive, negative = output.embedding.chunk(3)
        similar = nn.functional.cosine_similarity(anchor, positive)
        other = nn.functional.cosine_similarity(anchor, negative)
        if self.training:
            self._observe((similar - other).detach(), other.detach())
        gap = other - similar + self.margin.to(other.dtype)
        return (
            gap.clamp_min(0) + self.config.weight * (other - self.beta.to(other.dtype)).clamp_min(0)
        ).mean()

    def start_epoch(self) -> None:
        """Called by the training loop before an epoch: the official rule takes the margins of the epoch that
        ended.
        """
        if self.config.auto == "official" and self.count > 0:
            self.margin.copy_((self.mean_delta / self.config.k_delta).clamp_min(0))
            self.beta.copy_(1 - (1 - self.mean_an) / self.config.k_an)
            for buffer in (self.mean_delta, self.mean_an, self.count):
                buffer.zero_()

    def final_margin(self) -> float:
        """ε by the statistics at hand, for a phase that inherits it, at least 0.05."""
        margin = self.mean_delta / self.config.k_delta if self.count > 0 else self.margin
        return max(float(margin), SMALLEST_FINAL_MARGIN)

    def margins(self) -> dict[str, float]:
        """Both margins, for the training log."""
        return {"margin": float(self.margin), "beta": float(self.beta)}

    @torch.no_grad()
    def _observe(self, delta: Tensor, other: Tensor) -> None:
        """Take a batch into the running means: by triples for the official rule, by batches for DADA's."""
        sums = torch.stack([values.double().sum() for values in (delta, other, torch.ones_like(delta))])
        size = sums[2] if self.config.auto == "official" else 1.0
        self.count += size
        self.mean_delta += (sums[0] / sums[2] - self.mean_delta) * size / self.count
        self.mean_an += (sums[1] / sums[2] - self.mean_an) * size / self.count
        if self.config.auto == "dada":
            self.margin.copy_(self.mean_delta / self.config.k_delta)
            self.beta.copy_(self.mean_an / self.config.k_an)
