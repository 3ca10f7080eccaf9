"""Output layers. Axes: B batch, D embedding, K classes, S attractors."""

from collections.abc import Mapping
from typing import Any, Literal

import torch
from torch import Tensor, nn

from dada.errors import ConfigError


class Cosine(nn.Linear):
    """Embeddings (B, D) to their cosines with one vector for each class, (B, K): the logits that losses over
    angles take.
    """

    def __init__(self, size: int, num_classes: int):
        super().__init__(size, num_classes, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Directions alone count, of embeddings and of vectors."""
        return nn.functional.normalize(x) @ nn.functional.normalize(self.weight).T


class Attractors(nn.Module):
    """Embeddings (B, D) to the largest of their cosines with S attractors, (B, 1).

    The attractors are no parameters: loss samo sets their number, one for each speaker of train, and moves
    them. They start as the first S axes of the embedding, and where it has fewer, as fixed random directions.
    """

    attractors: Tensor

    def __init__(self, size: int):
        super().__init__()
        self.register_buffer("attractors", torch.eye(1, size))

    def forward(self, x: Tensor) -> Tensor:
        """Directions alone count."""
        cosines = nn.functional.normalize(x) @ nn.functional.normalize(self.attractors).T
        return cosines.amax(dim=1, keepdim=True)

    def start(self, num_attractors: int) -> None:
        """Begin with a number of attractors; as many that are there stay."""
        size = self.attractors.shape[1]
        if len(self.attractors) == num_attractors:
            return
        start = torch.eye(num_attractors, size)
        if num_attractors > size:
            start = torch.randn(num_attractors, size, generator=torch.Generator().manual_seed(0))
        self.attractors = start.to(self.attractors)

    def take_size(self, state: Mapping[str, Any], prefix: str) -> None:
        """Begin with as many attractors as some weights have."""
        stored = state.get(f"{prefix}attractors")
        if stored is not None and stored.ndim == 2:
            self.start(len(stored))

    def _load_from_state_dict(
        self, state_dict: Mapping[str, Any], prefix: str, *args: Any, **kwargs: Any
    ) -> None:
        self.take_size(state_dict, prefix)
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)


Kind = Literal["linear", "cosine", "one_class", "attractors"]


def head(kind: Kind, size: int, num_classes: int) -> nn.Module:
    """`linear`: one logit for two classes, else one each. `cosine`: one cosine each. `one_class`: the cosine
    with bona fide alone. `attractors`: the largest cosine with attractors of bona fide speech.
    """
    if kind in ("one_class", "attractors") and num_classes != 2:
        raise ConfigError(
            f"model.head {kind} is for spoof and bona fide, but the system has {num_classes} labels"
        )
    if kind == "attractors":
        return Attractors(size)
    if kind == "cosine":
        return Cosine(size, num_classes)
    if kind == "one_class":
        return Cosine(size, 1)
    return nn.Linear(size, 1 if num_classes == 2 else num_classes)
