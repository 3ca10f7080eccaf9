"""Check shared by the losses on cosines."""

from torch import Tensor

from dada.errors import ConfigError

ROUNDING = 0.01  # beyond ±1, as bfloat16 may give it


def require_cosines(logits: Tensor, loss: str, head: str) -> None:
    """Raise ConfigError where logits (B, K) cannot be cosines."""
    if bool((logits.detach().abs() > 1 + ROUNDING).any()):
        raise ConfigError(
            f"loss {loss} takes cosines, but the model gives logits beyond ±1: set model.head: {head}"
        )
