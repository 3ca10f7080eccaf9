"""Output layers. Axes: B batch, D embedding, K classes."""

from typing import Literal

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


Kind = Literal["linear", "cosine", "one_class"]


def head(kind: Kind, size: int, num_classes: int) -> nn.Module:
    """`linear`: one logit for two classes, else one each. `cosine`: one cosine each. `one_class`: the cosine
    with bona fide alone.
    """
    if kind == "cosine":
        return Cosine(size, num_classes)
    if kind == "one_class":
        if num_classes != 2:
            raise ConfigError(
                f"model.head one_class is for spoof and bona fide, but the system has {num_classes} labels"
            )
        return Cosine(size, 1)
    return nn.Linear(size, 1 if num_classes == 2 else num_classes)
