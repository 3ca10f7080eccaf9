"""Check shared by the losses on cosines."""

import torch
from torch import Tensor

from dada.errors import ConfigError

ROUNDING = 0.01  # beyond ±1, as bfloat16 may give it


class CosineCheck:
    """Raises ConfigError where logits cannot be cosines: on a CPU at once, on a GPU when `read` is called."""

    def __init__(self, loss: str, head: str):
        self.loss, self.head = loss, head
        self._largest: Tensor | None = None  # absolute logit that was not read yet

    def __call__(self, logits: Tensor) -> None:
        """Take a batch of logits (B, K) into the check."""
        largest = logits.detach().abs().amax()
        self._largest = largest if self._largest is None else torch.maximum(self._largest, largest)
        if logits.device.type == "cpu":
            self.read()

    def read(self) -> None:
        """Check the logits since the last reading."""
        largest, self._largest = self._largest, None
        if largest is not None and float(largest) > 1 + ROUNDING:
            raise ConfigError(
                f"loss {self.loss} takes cosines, but the model gives logits beyond ±1: set model.head: "
                f"{self.head}"
            )
