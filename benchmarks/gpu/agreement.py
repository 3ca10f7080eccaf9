"""Every audio network on the device beside the CPU in float64: logits and gradients in float32, TF32 off."""

import copy
import logging
from dataclasses import replace

import torch
from gradients import example_of, gradient_errors

from dada import plugins
from gpu.common import Row, Setup, at_most, precision, relative

TOLERANCE = 1e-4
SMALL = ("lcnn", "gmm")


def rows(setup: Setup) -> list[Row]:
    """Relative errors of the logits, and of the worst parameter's gradient, of each network's example."""
    found = []
    for name in SMALL if setup.small else plugins.names("dada.models.audio"):
        model, batch = example_of(name)
        if hasattr(model, "estimate"):
            model.estimate(lambda batch=batch: iter([batch]), logging.getLogger(__name__))
        model.eval()
        with torch.inference_mode(), precision(setup, "float32"):
            exact = copy.deepcopy(model).double()(replace(batch, inputs=batch.inputs.double())).logits
            logits = copy.deepcopy(model).to(setup.device)(batch.to(setup.device)).logits
        found.append(at_most(f"{name}: logits", relative(logits, exact), TOLERANCE))
        with precision(setup, "float32"):
            errors = gradient_errors(model, batch, setup.device)
        if errors:
            worst = max(errors, key=errors.__getitem__)
            found.append(at_most(f"{name}: gradient of {worst}", errors[worst], TOLERANCE))
    return found
