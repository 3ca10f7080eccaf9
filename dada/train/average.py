"""Means of the weights over a training, which are scored on dev and saved in their place.

* swa: the mean over the ends of the epochs (Izmailov et al., UAI 2018).
* ema: a mean that forgets: after each update, m ← d m + (1 - d) w. In the first updates d is smaller, (1 + n)
  / (10 + n) after n of them, so that the start of the training does not stay in it.

The weights of the training go on undisturbed. Batch statistics belong to weights: those of a mean are
computed anew.
"""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from dada.experiment.config import AverageConfig
from dada.train.batch_norm import BatchNorm
from dada.train.sam import Draws


class Average:
    """The mean of the weights that learn in a phase, empty until the first are taken."""

    def __init__(self, model: nn.Module, settings: AverageConfig):
        self.model, self.settings = model, settings
        self.mean: dict[str, Tensor] = {}
        self.count = 0  # of what was taken

    def after_update(self, epoch: int) -> None:
        """Take the weights after an update of an epoch, from 0."""
        if self.settings.name == "ema" and epoch >= self.settings.start:
            self._take(1 - min(self.settings.decay, (1 + self.count) / (10 + self.count)))

    def after_epoch(self, epoch: int) -> None:
        """Take the weights after the last update of an epoch, from 0."""
        if self.settings.name == "swa" and epoch >= self.settings.start:
            self._take(1 / (1 + self.count))

    @torch.no_grad()
    def _take(self, share: float) -> None:
        self.count += 1
        for name, parameter in self._learning():
            if name in self.mean:
                self.mean[name].lerp_(parameter.detach(), share)
            else:
                self.mean[name] = parameter.detach().clone()

    def _learning(self) -> Iterator[tuple[str, nn.Parameter]]:
        return ((name, p) for name, p in self.model.named_parameters() if p.requires_grad)

    @contextlib.contextmanager
    def in_place(self, refresh: Callable[[], None]) -> Iterator[None]:
        """Put the mean in the place of the weights, and take it back at the end. `refresh` computes its batch
        statistics. Without a mean, the weights stay.
        """
        if not self.mean:
            yield
            return
        norms = [module for module in self.model.modules() if isinstance(module, BatchNorm)]
        tensors = [*(p for _, p in self._learning()), *(b for norm in norms for b in norm.buffers())]
        kept = [(tensor, tensor.detach().clone()) for tensor in tensors]
        with torch.no_grad():
            for name, parameter in self._learning():
                parameter.copy_(self.mean[name])
        before = Draws(tensors[0].device)
        refresh()
        before.restore()  # the training draws as it would have without the mean
        yield
        with torch.no_grad():
            for tensor, value in kept:
                tensor.copy_(value)

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint needs."""
        return {"mean": self.mean, "count": self.count}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what `state_dict` returned."""
        places = dict(self.model.named_parameters())
        self.mean = {name: value.to(places[name].device) for name, value in state["mean"].items()}
        self.count = state["count"]
