"""Attributions: the contribution of each part of an input to the logits of a model, and their faithfulness.

    attribution = attribute(model, batch, background, method="deep_shap")
    attribution.values[0, 1]           # first utterance, second class, in the shape of its input
    attribution.completeness_error     # the relative error of their sum, which should be output - base_value

Methods are the files of dada/explain/methods:

* deep_shap: exact in its sums and fast, for networks of convolutions and pools;
* integrated_gradients, gradient_shap: for any network with a gradient, with a reported error;
* occlusion: for any model, in patches.

Words are explained by dada.explain.tokens; dada.explain.support turns values into profiles and shares,
dada.explain.faithfulness measures whether they show what the model does.
"""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from dada import plugins
from dada.data.batch import Batch
from dada.errors import ConfigError, DataError

log = logging.getLogger(__name__)
# Utterances of the same class ("Explaining deepfake detection with SHAP", Ge et al., ICASSP 2022, 5.1).
BACKGROUND_SIZE = 20
ROUGH = 0.1  # completeness error from which a reader is warned


@dataclass
class Attribution:
    """The contributions of the inputs of B utterances to K targets.

    `values` (B, K, *shape of an input) add up, over an input, to `output` - `base_value` (both (B, K)), the
    output at the utterance less the mean output over the background. `completeness_error` (B, K) is the
    error of that sum, relative to the difference.
    """

    values: Tensor
    base_value: Tensor
    output: Tensor
    completeness_error: Tensor
    method: str
    targets: list[int]
    num_background: int


def attribute(
    model: nn.Module,
    batch: Batch,
    background: Batch,
    targets: Sequence[int] | None = None,
    method: str = "deep_shap",
    least_background: int = BACKGROUND_SIZE,
    **options: Any,
) -> Attribution:
    """Return attributions of every utterance of `batch` against `background`, for `targets` or all logits.

    Inputs of both have one shape. `options` are those of the method. The model runs in evaluation mode and is
    left unchanged. Fewer backgrounds than `least_background` are used with a warning. Raise
    ConfigError for an unknown method or target and for a model that the method cannot explain, DataError for
    shapes that do not fit or no background.
    """
    module = plugins.load("dada.explain.methods", method, "explanation method")
    check_inputs(batch, background, least_background)
    with evaluating(model):
        with torch.no_grad():
            output = model(batch).logits
        targets = list(range(output.shape[1])) if targets is None else list(targets)
        if not targets or not all(0 <= target < output.shape[1] for target in targets):
            raise ConfigError(f"targets {targets}: the model has logits 0 to {output.shape[1] - 1}")
        values, base_value = module.attribute(model, batch, background, targets, **options)
    output = output[:, targets]
    error = completeness_error(values, base_value, output).detach()
    worst = float(error.max())
    log.info(
        "%s: %d utterances, %d backgrounds, completeness error at most %.1e",
        method,
        len(batch),
        len(background),
        worst,
    )
    return Attribution(values, base_value, output, error, method, targets, len(background))


def completeness_error(values: Tensor, base_value: Tensor, output: Tensor) -> Tensor:
    """Return |sum of values - (output - base_value)| / |output - base_value|, (B, K); 0 where both are 0."""
    difference = (output - base_value).double()
    missing = (values.flatten(2).double().sum(2) - difference).abs()
    return torch.where(missing == 0, 0.0, missing / difference.abs())


def check_inputs(batch: Batch, background: Batch, least_background: int) -> None:
    """Raise DataError unless both hold whole utterances of one shape; warn of a small background."""
    if not len(background):
        raise DataError(
            "the background holds no utterance: give some of the class that is explained, 20 if possible"
        )
    for what, other in (("to be explained", batch), ("in the background", background)):
        short = [
            utt
            for utt, length in zip(other.utts, other.lengths.tolist(), strict=True)
            if length != other.inputs.shape[-1]
        ]
        if short:
            raise DataError(
                f"utterances {what} have different lengths ({short[0]} is shorter than others): bring all "
                "to one length, with "
                "dada.data.length.fit_length or input.num_frames and length_rule tile"
            )
    if batch.inputs.shape[1:] != background.inputs.shape[1:]:
        shapes = [" x ".join(map(str, other.inputs.shape[1:])) for other in (batch, background)]
        raise DataError(
            f"the inputs to be explained are {shapes[0]}, those of the background {shapes[1]}: bring all "
            "to one length"
        )
    if len(background) < least_background:
        log.warning(
            "the background has %d utterances, fewer than %d: all are used", len(background), least_background
        )


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Set evaluation mode for all modules, and restore their own mode afterwards."""
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        yield
    finally:
        for module, training in modes.items():
            module.training = training
