"""The losses of an epoch. They stay on the device until they are read, since reading waits for a GPU."""

import math

import torch
from torch import Tensor

from dada.errors import DadaError

READ_EVERY = 50  # updates between two reads of a GPU


class RunningLoss:
    """The sum of the losses of an epoch, in the order of its updates, read some at a time.

    A loss that is not finite raises DadaError when it is read, on a CPU at once. With `skips`, the scaler of
    float16 has left that update out, and so does the sum.
    """

    def __init__(
        self, name: str, device: torch.device, skips: bool, total: float = 0.0, num_skipped: int = 0
    ):
        self.name = name  # of the system
        self.every = 1 if device.type == "cpu" else READ_EVERY
        self.skips, self.total, self.num_skipped = skips, total, num_skipped
        self._unread: list[tuple[Tensor, str]] = []

    def add(self, loss: Tensor, where: str) -> None:
        """Add the loss of an update; `where` is named in an error."""
        self._unread.append((loss.detach(), where))
        if len(self._unread) >= self.every:
            self.read()

    def read(self) -> None:
        """Add what is not read yet to `total`."""
        if not self._unread:
            return
        losses, places = zip(*self._unread, strict=True)
        self._unread = []
        for value, where in zip(torch.stack(losses).tolist(), places, strict=True):
            if math.isfinite(value):
                self.total += value
            elif self.skips:
                self.num_skipped += 1
            else:
                raise DadaError(
                    f"{self.name}: the loss is {value} in {where}: try a lower learning rate or "
                    "train.clip_grad_norm"
                )

    @property
    def so_far(self) -> tuple[float, int]:
        """The sum of what was read, and the number of updates that were left out."""
        return self.total, self.num_skipped

    def mean(self, num_updates: int) -> float:
        """Return the mean over an epoch's updates, rounded to float32.

        Raise DadaError if all were left out.
        """
        self.read()
        if self.num_skipped == num_updates:
            raise DadaError(
                f"{self.name}: no loss of {num_updates} batches is finite in float16: set "
                "train.mixed_precision to bf16"
            )
        return float(torch.tensor(self.total / (num_updates - self.num_skipped)))
