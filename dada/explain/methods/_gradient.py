"""What methods by plain gradients share: a model as a function of its input alone, as captum calls it.

Axes: B utterances, K targets, M rows that captum makes of one utterance.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from dada.data.batch import Batch
from dada.errors import ConfigError


class NoGradient(ConfigError):
    """The logits of a model do not depend on its input by a gradient."""

    def __init__(self, model: nn.Module):
        super().__init__(
            f"the model {type(model).__module__} has no gradient from its logits to its input: use occlusion"
        )


def as_function(model: nn.Module, batch: Batch) -> Callable[[Tensor], Tensor]:
    """Inputs (M, ...) of the shape of those of `batch` to logits (M, K). Raises NoGradient."""

    def logits(inputs: Tensor) -> Tensor:
        return repeated(model, batch, inputs)

    with torch.enable_grad():
        if not logits(batch.inputs[:1].detach().clone().requires_grad_()).requires_grad:
            raise NoGradient(model)
    return logits


def repeated(model: nn.Module, batch: Batch, inputs: Tensor) -> Tensor:
    """Logits (M, K) of variants of an utterance (M, ...), as long as those of `batch`."""
    count = len(inputs)
    utts, speakers = batch.utts[:1] * count, batch.speakers[:1] * count
    return model(
        replace(
            batch,
            utts=utts,
            inputs=inputs,
            lengths=batch.lengths[:1].expand(count),
            labels=None,
            speakers=speakers,
        )
    ).logits


def baselines(background: Batch, zeros: bool) -> Tensor:
    """The inputs of the background, or a single one of zeros, which for waveforms is silence."""
    return torch.zeros_like(background.inputs[:1]) if zeros else background.inputs


@torch.no_grad()
def mean_output(logits: Callable[[Tensor], Tensor], starts: Tensor, targets: Sequence[int]) -> Tensor:
    """Mean logits (K,) over the starting points of a method."""
    return torch.stack([logits(start[None])[0, list(targets)].double() for start in starts]).mean(0)
