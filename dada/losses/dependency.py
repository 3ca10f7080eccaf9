"""SLIM's first loss: style and linguistics of genuine speech should predict each other, dimension by dimension.

Zhu et al., "SLIM: style-linguistics mismatch model for generalized audio deepfake detection" (NeurIPS 2024), the pseudo-code of the
appendix. With ŝ and l̂ the two halves, (B, D) each, standardised over the batch and divided by its size B,

    D = ‖ŝ - l̂‖²,   C_s = ‖ŝᵀŝ - I‖²,   C_l = ‖l̂ᵀl̂ - I‖²,   loss = D + λ (C_s + C_l).

The trap: so divided, the diagonal of ŝᵀŝ is 1/B, and I cannot be met; with the root of B it is 1 (`divide_by: root`). The paper's text
has another form, with distances frame by frame and S̄S̄ᵀ instead of SᵀS; the pseudo-code is what was run, and is what is here.

Axes: B batch, E embedding, D = E / 4.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from dada.data.batch import Batch
from dada.errors import ConfigError
from dada.models import Output

DIVISORS = ("batch", "root")


@dataclass
class Config:
    weight: float = 0.007  # λ
    divide_by: str = "batch"  # batch | root: standardised values are divided by B, or by its square root
    group: int = 16  # utterances standardised together on dev, all of which come at once: the batch size of training


class Loss(nn.Module):
    """Of the last two quarters of an embedding, the temporal means of style and of linguistics; labels play no part."""

    def __init__(self, config: Config):
        super().__init__()
        if config.divide_by not in DIVISORS:
            raise ConfigError(f"loss dependency: divide_by is {config.divide_by!r}; known: {', '.join(DIVISORS)}")
        self.config = config

    def forward(self, output: Output, batch: Batch) -> Tensor:
        """Embeddings (B, E) to a scalar; in evaluation the mean over groups of every n-th utterance, neighbours in different ones."""
        both = output.embedding[:, output.embedding.shape[1] // 2 :]
        num_groups = 1 if self.training else max(1, len(both) // self.config.group)
        return torch.stack([self._of_group(both[i::num_groups]) for i in range(num_groups)]).mean()

    def _of_group(self, both: Tensor) -> Tensor:
        both = nn.functional.batch_norm(both, None, None, training=True)  # by the variance of the group itself, without Bessel's correction
        style, linguistics = (both / (len(both) if self.config.divide_by == "batch" else len(both) ** 0.5)).chunk(2, dim=1)
        identity = torch.eye(style.shape[1], device=style.device)
        redundancy = sum((half.T @ half - identity).square().sum() for half in (style, linguistics))
        return (style - linguistics).square().sum() + self.config.weight * redundancy
