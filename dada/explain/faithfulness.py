"""Faithfulness of attributions to the model, by three measures.

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
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy.stats import rankdata
from torch import Tensor, nn

from dada.data.batch import Batch
from dada.errors import DataError
from dada.evaluation_settings import EvaluateConfig
from dada.explain.attribution import Attribution, attribute, evaluating
from dada.explain.explainer import AttributionInputs, select
from dada.explain.methods._gradient import repeated
from dada.explain.shares import entry

NUM_STEPS = 20
NUM_RANDOM = 5


@dataclass
class Curves:
    """A logit after 0, 1/S, ... 1 of the input is deleted or inserted: (S + 1,) by the attributions' order,
    (R, S + 1) in random orders.
    """

    deletion: Tensor
    insertion: Tensor
    random_deletion: Tensor
    random_insertion: Tensor

    @property
    def gain(self) -> float:
        """mean(insertion) - mean(deletion), in units of the logit: larger is more faithful."""
        return float((self.insertion - self.deletion).mean())

    @property
    def random_gain(self) -> Tensor:
        """The gain (R,) of random orders."""
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
    """Return the curves of a batch of one utterance for its values (*shape of its input).

    Raise DataError where shapes differ.
    """
    x, mean = utterance.inputs[0], background.inputs.mean(0)
    if len(utterance) != 1 or values.shape != x.shape:
        raise DataError(
            f"curves need one utterance and values of its shape, not {len(utterance)} and "
            f"{tuple(values.shape)}"
        )
    generator = torch.Generator().manual_seed(seed)
    orders = [values.flatten().argsort(descending=True)]
    orders += [torch.randperm(x.numel(), generator=generator).to(x.device) for _ in range(NUM_RANDOM)]
    with evaluating(model), torch.no_grad():
        deleted, inserted = (
            torch.stack([_curve(model, utterance, *ends, order, target, num_steps) for order in orders])
            for ends in ((x, mean), (mean, x))
        )
    return Curves(deleted[0], inserted[0], deleted[1:], inserted[1:])


def _curve(
    model: nn.Module, utterance: Batch, start: Tensor, end: Tensor, order: Tensor, target: int, num_steps: int
) -> Tensor:
    """Return logits (S + 1,) while bins of `start` are replaced by those of `end` in an order."""
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
    """Return a copy whose parameters are shuffled, each within itself: of the same norm, but untrained."""
    shuffled = copy.deepcopy(model)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in shuffled.parameters():
            order = torch.randperm(parameter.numel(), generator=generator).to(parameter.device)
            parameter.copy_(parameter.flatten()[order].view_as(parameter))
    return shuffled


def sanity(
    model: nn.Module, batch: Batch, background: Batch, attribution: Attribution, seed: int = 0, **options: Any
) -> Tensor:
    """Return the rank correlation (B, K) of attributions with those of the model with shuffled weights.

    Near 0 is good.
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
    **options: Any,
) -> Tensor:
    """Return the rank correlation (B, K) of the attributions against two halves of the background.

    Near 1 is good. Raise DataError for a background of one.
    """
    if len(background) < 2:
        raise DataError("the stability against the choice of background needs two backgrounds at least")
    halves = [select(background, list(range(first, len(background), 2))) for first in (0, 1)]
    first, second = (attribute(model, batch, half, targets, method, 0, **options).values for half in halves)
    return rank_correlation(first, second)


def rank_correlation(first: Tensor, second: Tensor) -> Tensor:
    """Return Spearman's correlation (B, K) over the elements of each (B, K, ...); NaN where all are equal."""
    a, b = (rankdata(values.flatten(2).cpu().numpy(), axis=2) for values in (first, second))
    a, b = a - a.mean(2, keepdims=True), b - b.mean(2, keepdims=True)
    with np.errstate(invalid="ignore"):
        return torch.from_numpy((a * b).sum(2) / np.sqrt((a**2).sum(2) * (b**2).sum(2)))


@dataclass
class Check:
    """The faithfulness of one utterance's attributions, for the output of its own class."""

    utt: str
    speaker: str
    gain: float  # mean(insertion) - mean(deletion), in units of the logit
    random_gain: float  # the mean over random orders
    shuffled: float  # rank correlation with those of shuffled weights; NaN for a model without parameters
    stability: float  # rank correlation between two halves of the background


def check(
    attribution: Attribution,
    inputs: AttributionInputs,
    speakers: Sequence[str],
    row: int,
    num_steps: int,
    seed: int,
) -> list[Check]:
    """Check every utterance of an attribution for the target in its row `row`."""
    model, batch, background, options = inputs.model, inputs.batch, inputs.background, inputs.options
    if "first_steps" in options:  # rank correlations need no better sums
        options = options | {"max_steps": options["first_steps"]}
    shuffled = stable = torch.full(attribution.output.shape, torch.nan, dtype=torch.float64)
    if any(parameter.numel() for parameter in model.parameters()):
        shuffled = sanity(model, batch, background, attribution, seed, **options)
    if len(background) > 1 and not options.get("zeros"):  # else there is no choice of background
        stable = stability(model, batch, background, attribution.targets, attribution.method, **options)
    checks = []
    for i, (utt, speaker) in enumerate(zip(batch.utts, speakers, strict=True)):
        target, values = attribution.targets[row], attribution.values[i, row]
        curve = curves(model, inputs.utterance(i), background, values, target, num_steps, seed)
        correlations = float(shuffled[i, row]), float(stable[i, row])
        checks.append(Check(utt, speaker, curve.gain, float(curve.random_gain.mean()), *correlations))
    return checks


def summarise(checks: Sequence[Check], evaluate: EvaluateConfig) -> dict[str, Any] | None:
    """Return means with intervals over resampled speakers, and the gain above random orders; None without
    checks.
    """
    if not checks:
        return None
    speakers = [check.speaker for check in checks]
    names = ("gain", "random_gain", "shuffled", "stability")
    columns = {name: [getattr(check, name) for check in checks] for name in names}
    columns["above_random"] = np.subtract(columns["gain"], columns["random_gain"]).tolist()
    summary = {name: entry(values, speakers, evaluate) for name, values in columns.items()}
    return {"num": len(checks), **summary}
