"""Whether attributions show what the model does.

* Deletion and insertion (Petsiuk, Das and Saenko, "RISE", BMVC 2018): bins replaced by the mean of the
  background, those with the largest values first, should make the logit fall sooner than in random order; put
  back in the same order, rise sooner.
* A model whose weights were shuffled should have other attributions (Adebayo et al., "Sanity checks for
  saliency maps", NeurIPS 2018).
* Another half of the background should give much the same ones.

Axes: B utterances, K targets, S steps of a curve.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy.stats import rankdata
from torch import Tensor, nn

from dada.data.batch import Batch
from dada.errors import DataError
from dada.explain import Attribution, attribute, evaluating
from dada.explain.methods._gradient import repeated

NUM_STEPS = 20
NUM_RANDOM = 5


@dataclass
class Curves:
    """A logit after 0, 1/S, ... all of the input was deleted or inserted: (S + 1,) each, and the same in
    random orders (R, S + 1).

    `gain` is mean(insertion) - mean(deletion), in units of the logit: larger is more faithful. `random_gain`
    (R,) is that of chance.
    """

    deletion: Tensor
    insertion: Tensor
    random_deletion: Tensor
    random_insertion: Tensor

    @property
    def gain(self) -> float:
        return float((self.insertion - self.deletion).mean())

    @property
    def random_gain(self) -> Tensor:
        return (self.random_insertion - self.random_deletion).mean(1)


def curves(
    model: nn.Module,
    utterance: Batch,
    background: Batch,
    values: Tensor,
    target: int,
    num_steps: int = NUM_STEPS,
    seed: int = 0,
) -> Curves:
    """Curves of one utterance (a Batch of one) for its values (*shape of its input). Raises DataError where
    shapes differ.
    """
    x, mean = utterance.inputs[0], background.inputs.mean(0)
    if len(utterance) != 1 or values.shape != x.shape:
        raise DataError(
            f"curves are of one utterance and values of its shape, not {len(utterance)} and "
            f"{tuple(values.shape)}"
        )
    generator = torch.Generator().manual_seed(seed)
    orders = [values.flatten().argsort(descending=True)]
    orders += [torch.randperm(x.numel(), generator=generator).to(x.device) for _ in range(NUM_RANDOM)]
    with evaluating(model), torch.no_grad():
        deleted = torch.stack(
            [_curve(model, utterance, x, mean, order, target, num_steps) for order in orders]
        )
        inserted = torch.stack(
            [_curve(model, utterance, mean, x, order, target, num_steps) for order in orders]
        )
    return Curves(deleted[0], inserted[0], deleted[1:], inserted[1:])


def _curve(
    model: nn.Module, utterance: Batch, start: Tensor, end: Tensor, order: Tensor, target: int, num_steps: int
) -> Tensor:
    """Logits (S + 1,) while bins of `start` are replaced by those of `end` in some order."""
    steps = []
    current, source = start.flatten().clone(), end.flatten()
    for step in range(num_steps + 1):
        done = order[: len(order) * step // num_steps]
        current[done] = source[done]
        steps.append(current.clone())
    return torch.cat(
        [
            repeated(model, utterance, part.view(-1, *start.shape))[:, target]
            for part in torch.stack(steps).split(8)
        ]
    )


def with_shuffled_weights(model: nn.Module, seed: int = 0) -> nn.Module:
    """A copy whose parameters are shuffled, each within itself: as large as before, and without what was
    learned.
    """
    shuffled = copy.deepcopy(model)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in shuffled.parameters():
            order = torch.randperm(parameter.numel(), generator=generator).to(parameter.device)
            parameter.copy_(parameter.flatten()[order].view_as(parameter))
    return shuffled


def sanity(
    model: nn.Module, batch: Batch, background: Batch, attribution: Attribution, seed: int = 0, **options
) -> Tensor:
    """Rank correlation (B, K) of attributions with those of the model with shuffled weights, by the same
    method: near 0 is good.
    """
    other = attribute(
        with_shuffled_weights(model, seed),
        batch,
        background,
        attribution.targets,
        attribution.method,
        **options,
    )
    return rank_correlation(attribution.values, other.values)


def stability(
    model: nn.Module,
    batch: Batch,
    background: Batch,
    targets: Sequence[int] | None = None,
    method: str = "deep_shap",
    **options,
) -> Tensor:
    """Rank correlation (B, K) of the attributions against two halves of the background: near 1 is good.
    Raises DataError for one alone.
    """
    if len(background) < 2:
        raise DataError("the stability against the choice of background needs two backgrounds at least")
    halves = [_every_second(background, first) for first in (0, 1)]
    first, second = (attribute(model, batch, half, targets, method, 0, **options).values for half in halves)
    return rank_correlation(first, second)


def _every_second(batch: Batch, first: int) -> Batch:
    part = slice(first, None, 2)
    return replace(
        batch,
        utts=batch.utts[part],
        inputs=batch.inputs[part],
        lengths=batch.lengths[part],
        labels=None,
        speakers=batch.speakers[part],
    )


def rank_correlation(first: Tensor, second: Tensor) -> Tensor:
    """Spearman's correlation over the elements of each (B, K, ...), (B, K); NaN where all are equal."""
    a, b = (rankdata(values.flatten(2).cpu().numpy(), axis=2) for values in (first, second))
    a, b = a - a.mean(2, keepdims=True), b - b.mean(2, keepdims=True)
    with np.errstate(invalid="ignore"):
        return torch.from_numpy((a * b).sum(2) / np.sqrt((a**2).sum(2) * (b**2).sum(2)))
