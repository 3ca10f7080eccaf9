"""The gradients of a batch, which may come in parts, and whose rows may lie in several processes."""

import contextlib
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from dada.data.batch import Batch
from dada.errors import ConfigError
from dada.models import Output
from dada.train import checkpoint
from dada.train.processes import exchanging, whole_batch

if TYPE_CHECKING:
    from accelerate import Accelerator


class Update:
    """Computes losses and gradients of a model in training, in the precision of the accelerator.

    `name` is that of the system, for messages. `compiled` asks torch to compile the network.
    """

    def __init__(self, name: str, model: nn.Module, loss: Any, accelerator: "Accelerator", compiled: bool):
        self.name, self.model, self.loss, self.accelerator = name, model, loss, accelerator
        self.processes = accelerator.num_processes
        self.wrapped: Any = torch.compile(model) if compiled else model

    def connect(self, batch: Batch, counts: Sequence[int]) -> None:
        """Exchange gradients with the other processes from here on. One batch is tried, of all processes."""
        if self.processes > 1:
            unused = self._unused_parameters(batch, counts)
            self.wrapped = exchanging(self.wrapped, self.accelerator.device, unused)

    def _unused_parameters(self, batch: Batch, counts: Sequence[int]) -> list[str]:
        """Return the names of the parameters that the loss does not depend on.

        Weights, batch statistics, margins and random generators stay as they are.
        """
        rng, buffers = checkpoint.rng_states(), {k: v.clone() for k, v in self.model.named_buffers()}
        was_training = self.loss.training
        self.loss.eval()
        self._loss_of(batch, counts, self.model)[0].backward()
        self.loss.train(was_training)
        unused = [name for name, p in self.model.named_parameters() if p.requires_grad and p.grad is None]
        self.model.zero_grad(set_to_none=True)
        with torch.no_grad():
            for name, buffer in self.model.named_buffers():
                buffer.copy_(buffers[name])
        checkpoint.set_rng_states(rng)
        return unused

    def backward(self, parts: Sequence[Batch], counts: Sequence[Sequence[int]]) -> Tensor:
        """Compute the gradients of a batch that comes in parts. Return its loss, on the device.

        `counts` are the utterances of each process, for each part. The loss of a batch is the mean of those
        of its parts, each by its weight. Nothing waits for a GPU.
        """
        self.model.zero_grad(set_to_none=True)
        total: Tensor | float = 0.0
        weights: Tensor | float = 0.0
        for k, batch in enumerate(parts):
            waits = self.processes > 1 and k + 1 < len(parts)  # gradients are exchanged with the last part
            with self.wrapped.no_sync() if waits else contextlib.nullcontext():
                loss, weight = self._loss_of(batch, counts[k], self.wrapped)
                if len(parts) > 1:
                    loss = loss * weight
                # Torch divides the sum of the processes' gradients by their number.
                self.accelerator.backward(loss * self.processes if self.processes > 1 else loss)
            total, weights = total + loss.detach(), weights + weight
        if len(parts) > 1:
            total = total / weights
            for parameter in self.model.parameters():
                if parameter.grad is not None:
                    parameter.grad /= weights
        return torch.as_tensor(total)

    def _loss_of(self, batch: Batch, counts: Sequence[int], model: Any) -> tuple[Tensor, Tensor | int]:
        """Return the loss of a part of a batch over all processes, and its weight in the batch."""
        try:
            with self.accelerator.autocast():
                output = Output(*(part.float() for part in model(batch)))
        except ValueError as error:
            if len(batch) > 1 or "more than 1 value per channel" not in str(error):
                raise
            problem = f"{self.name}: the batch holds one utterance ({batch.utts[0]}), and batch normalisation"
            raise ConfigError(f"{problem} needs two: set train.batch_size to 2 or more") from error
        if self.processes > 1:
            if hasattr(self.loss, "groups"):
                batch = replace(batch, groups=self.loss.groups(batch))
            output, batch = whole_batch(output, batch, counts)
        weight = self.loss.weight(batch) if hasattr(self.loss, "weight") else len(output.logits)
        return self.loss(output, batch), weight
