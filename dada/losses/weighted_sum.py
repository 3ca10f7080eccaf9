"""Several losses at once, each times its weight:

    loss:
      name: weighted_sum
      terms: [{name: bce}, {name: supervised_contrastive}]
      weights: [1.0, 0.1]

The first term is the one that trains the score.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from dada import losses
from dada.data.batch import Batch
from dada.errors import ConfigError
from dada.models import Output


@dataclass
class Config:
    # [{name: bce}, {name: supervised_contrastive, ...}]; the first trains the score
    terms: list[dict] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)  # one a term; empty weighs all by 1


class Loss(nn.Module):
    """Σ_k weight_k · loss_k."""

    def __init__(self, config: Config):
        super().__init__()
        weights = config.weights or [1.0] * len(config.terms)
        if not config.terms or len(weights) != len(config.terms):
            raise ConfigError(
                f"loss weighted_sum has {len(config.terms)} terms and {len(weights)} weights: give a list of "
                "losses, and one weight for each"
            )
        alone = [
            term["name"] for term in config.terms if term.get("inherit_margin") or term["name"] == "samo"
        ]
        if alone:
            raise ConfigError(
                f"loss weighted_sum: {alone[0]} with such settings stands alone: take it out of the terms"
            )
        self.terms = nn.ModuleList(losses.build(term) for term in config.terms)
        self.weights = weights
        # Parts of a batch have one weight. A term that divides by class weights would need another one.
        self.NEEDS_BATCH = any(
            getattr(term, "NEEDS_BATCH", False)
            or (hasattr(term, "weight") and getattr(term, "weights", None) is not None)
            for term in self.terms
        )
        self.check = _Checks(term.check for term in self.terms if hasattr(term, "check"))

    def forward(self, output: Output, batch: Batch) -> Tensor:
        """Logits, embeddings and labels to a scalar."""
        values = [w * term(output, batch) for w, term in zip(self.weights, self.terms, strict=True)]
        return torch.stack(values).sum()

    def start_epoch(self) -> None:
        """Called before an epoch."""
        for term in self._with("start_epoch"):
            term.start_epoch()

    def margins(self) -> dict[str, float]:
        """Return what the training log shows of the terms; of two equal names that of the later term."""
        return {name: value for term in self._with("margins") for name, value in term.margins().items()}

    def _with(self, method: str) -> list[Any]:
        return [term for term in self.terms if hasattr(term, method)]


class _Checks:
    """Checks of several losses, read together."""

    def __init__(self, checks: Iterable[Any]):
        self.checks = list(checks)

    def read(self) -> None:
        """Raise what one of them has found."""
        for check in self.checks:
            check.read()
