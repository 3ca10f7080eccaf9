"""SLIM's first loss: style and linguistics of genuine speech should predict each other, dimension by
dimension.

Zhu et al., "SLIM: style-linguistics mismatch model for generalized audio deepfake detection" (NeurIPS 2024),
gives it in two forms. The default is the pseudo-code of the appendix. With ŝ and l̂ the temporal means, (B,
D) each, standardised over the batch and divided by its size B,

    D = ‖ŝ - l̂‖²,   C_s = ‖ŝᵀŝ - I‖²,   C_l = ‖l̂ᵀl̂ - I‖²,   loss = D + λ (C_s + C_l).

The trap: so divided, the diagonal of ŝᵀŝ is 1/B, and I cannot be met; with the root of B it is 1 (`divide_by:
root`).

The text compares frame by frame and standardises nothing (`form: text`). With S_t and L_t of the T frames,
and S̄ and L̄ their means,

    loss = 1/T Σ_t ‖S_t - L_t‖² + λ (‖S̄ᵀS̄ - I‖² + ‖L̄ᵀL̄ - I‖²),   norms over the whole batch.

An output carries no frames, but the first term needs one number of each clip, which the model hands over:
`model.distance: true`.

Axes: B batch, E embedding, D = E // 4.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from dada.data.batch import Batch
from dada.errors import ConfigError
from dada.models import Output


@dataclass
class Config:
    weight: float = 0.007  # λ
    # what standardised values are divided by: B, or its square root
    divide_by: Literal["batch", "root"] = "batch"
    # utterances standardised together on dev, all of which come at once: the batch size of training
    group: int = 16
    form: Literal["pseudo_code", "text"] = "pseudo_code"


class Loss(nn.Module):
    """Of the last two quarters of an embedding, the temporal means of style and of linguistics; labels play
    no part.

    The text's form takes the number behind them as well, the mean squared distance of a clip's frames.
    """

    NEEDS_BATCH = True

    def __init__(self, config: Config):
        super().__init__()
        self.config = config

    def forward(self, output: Output, batch: Batch) -> Tensor:
        """Embeddings (B, E), or (B, E + 1), to a scalar; in evaluation the mean over groups of every n-th
        utterance, neighbours apart.

        Raise ConfigError for the text's form without the number that it needs.
        """
        embedding = output.embedding
        if self.config.form == "text" and embedding.shape[1] % 4 != 1:
            raise ConfigError(
                "loss dependency: form text needs the distance of each clip's frames: set model.distance=true"
            )
        size = embedding.shape[1] // 4
        parts = embedding[:, 2 * size :]
        num_groups = 1 if self.training else max(1, len(parts) // self.config.group)
        of_group = self._by_text if self.config.form == "text" else self._by_pseudo_code
        groups = [
            parts[i::num_groups].split([size, size, parts.shape[1] - 2 * size], dim=1)
            for i in range(num_groups)
        ]
        return torch.stack([of_group(*group) for group in groups]).mean()

    def _by_pseudo_code(self, style: Tensor, linguistics: Tensor, _: Tensor) -> Tensor:
        divisor = len(style) if self.config.divide_by == "batch" else len(style) ** 0.5
        style, linguistics = (standardised(half) / divisor for half in (style, linguistics))
        return (style - linguistics).square().sum() + self.config.weight * (
            redundancy(style) + redundancy(linguistics)
        )

    def _by_text(self, style: Tensor, linguistics: Tensor, distances: Tensor) -> Tensor:
        return distances.sum() + self.config.weight * (redundancy(style) + redundancy(linguistics))


def standardised(x: Tensor) -> Tensor:
    """(B, D) by its mean and variance, without Bessel's correction."""
    return nn.functional.batch_norm(x, None, None, training=True)


def redundancy(x: Tensor) -> Tensor:
    """‖xᵀx - I‖² of (B, D)."""
    return (x.T @ x - torch.eye(x.shape[1], device=x.device)).square().sum()
