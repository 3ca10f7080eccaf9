"""Supervised contrastive loss (Khosla et al., NeurIPS 2020, equation 2): embeddings of a class come together,
and those of other classes are pushed away, by cosine similarity.

It trains embeddings and no logits. It therefore stands beside another loss, or in a phase before one:

    train:
      loss:
        name: weighted_sum
        terms: [{name: cross_entropy}, {name: supervised_contrastive, temperature: 0.1}]
        weights: [1.0, 0.5]

Batches need several utterances of a class: `sampler: balanced`, or a larger `batch_size`.

Axes: B batch, D embedding.
"""

from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Tensor, nn

from dada.data.batch import Batch, required_labels
from dada.errors import ConfigError
from dada.limits import Limits, Positive
from dada.models import Output


@dataclass
class Config:
    temperature: Positive = 0.1  # τ, the paper's best
    # utterances compared with each other on dev, all of which come at once: the batch size of training
    group: Annotated[int, Limits(least=2)] = 32


class Loss(nn.Module):
    """Mean over the utterances i that share their class with others of

        -1/|P(i)| Σ_{p ∈ P(i)} log(exp(z_i · z_p / τ) / Σ_{a ≠ i} exp(z_i · z_a / τ)),

    where z are embeddings of length 1 and P(i) the other utterances of the class of i.
    """

    NEEDS_BATCH = True

    def __init__(self, config: Config):
        super().__init__()
        self.config = config

    def forward(self, output: Output, batch: Batch) -> Tensor:
        """Embeddings (B, D) and classes (B,) to a scalar; in evaluation the mean over groups of every n-th
        utterance, neighbours apart. 0 where no class has two utterances.

        Raise ConfigError for labels as probabilities.
        """
        labels = required_labels(batch)
        if labels.is_floating_point():
            raise ConfigError(
                "loss supervised_contrastive needs a class for each clip, which mixed clips do not have: "
                "leave out mixup"
            )
        z = nn.functional.normalize(output.embedding)
        num_groups = 1 if self.training else max(1, len(z) // self.config.group)
        sums, counts = zip(
            *(self._of_group(z[i::num_groups], labels[i::num_groups]) for i in range(num_groups)), strict=True
        )
        return torch.stack(sums).sum() / torch.stack(counts).sum().clamp_min(1)

    def _of_group(self, z: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Return the sum over the utterances with positives, and their number."""
        if len(z) < 2:
            return 0.0 * z.sum(), labels.new_zeros(())
        itself = torch.eye(len(z), dtype=torch.bool, device=z.device)
        similarity = (z @ z.T / self.config.temperature).masked_fill(itself, -torch.inf)
        log_share = similarity.log_softmax(dim=1).masked_fill(itself, 0.0)
        positive = (labels[:, None] == labels) & ~itself
        num_positives = positive.sum(dim=1)
        means = (log_share * positive).sum(dim=1) / num_positives.clamp_min(1)
        return -means.sum(), (num_positives > 0).sum()
