"""Sharpness-aware minimisation (Foret et al., ICLR 2021): an update by the gradients at the worst point near
the weights.

With g the gradients at the weights w, the worst point is w + ρ g / ‖g‖. The adaptive form (Kwon et al., ICML
2021) measures the distance relative to each weight: with T = |w| + η it is w + ρ T² g / ‖T g‖. An update
takes two passes over its batch.
"""

import contextlib
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from dada.experiment.config import SamConfig
from dada.train.batch_norm import BatchNorm

ETA = 0.01  # η of the adaptive form, the published value
SMALLEST_NORM = 1e-12


class Draws:
    """The state of torch's generators, so that two passes draw the same masks of dropout."""

    def __init__(self, device: torch.device):
        self.device = device if device.type == "cuda" else None
        self.cpu = torch.get_rng_state()
        self.gpu = None if self.device is None else torch.cuda.get_rng_state(self.device)

    def restore(self) -> None:
        """Draw again what was drawn since."""
        torch.set_rng_state(self.cpu)
        if self.gpu is not None and self.device is not None:
            torch.cuda.set_rng_state(self.gpu, self.device)


@contextlib.contextmanager
def at_worst_point(model: nn.Module, loss: nn.Module, settings: SamConfig, before: Draws) -> Iterator[None]:
    """Move the weights to the worst point by their gradients, and take them back at the end.

    A pass within draws what the pass since `before` drew. What training observes, batch statistics and the
    buffers of the loss, is that of the pass before.
    """
    parameters = [p for p in model.parameters() if p.grad is not None]
    norms = [module for module in model.modules() if isinstance(module, BatchNorm)]
    observed = [buffer for part in (*norms, loss) for buffer in part.buffers()]
    kept = [(tensor, tensor.detach().clone()) for tensor in (*parameters, *observed)]
    with torch.no_grad():
        for parameter, step in zip(parameters, worst_steps(parameters, settings), strict=True):
            parameter.add_(step)
    before.restore()
    yield
    with torch.no_grad():
        for tensor, value in kept:
            tensor.copy_(value)


def worst_steps(parameters: list[nn.Parameter], settings: SamConfig) -> list[Tensor]:
    """Return the steps from the weights to the worst point by their gradients. Nothing waits for a GPU."""
    scales = [p.detach().abs() + ETA if settings.adaptive else torch.ones_like(p) for p in parameters]
    slopes = [scale * p.grad for scale, p in zip(scales, parameters, strict=True) if p.grad is not None]
    length = torch.stack([torch.linalg.vector_norm(slope) for slope in slopes]).square().sum().sqrt()
    factor = settings.rho / (length + SMALLEST_NORM)
    return [factor * scale * slope for scale, slope in zip(scales, slopes, strict=True)]
