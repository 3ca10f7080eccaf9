"""SELU by `exp`, which is several times faster on a CPU than the library's `expm1`."""

from typing import Any

import torch
from torch import Tensor, nn

SELU_ALPHA, SELU_SCALE = (
    1.6732632423543772,
    1.0507009873554805,
)  # Klambauer et al., "Self-normalizing neural networks" (2017)
SELU_PIECE = 1 << 15  # numbers worked on at once


def selu_(x: Tensor, training: bool) -> Tensor:
    """SELU in place. By the library's function where a gradient of a model in evaluation is asked for, which
    explanations look for, and where the model is written to ONNX, which knows it.
    """
    by_library = (x.requires_grad and not training) or torch.jit.is_tracing()
    if x.device.type != "cpu" or x.dtype != torch.float32 or by_library:
        return nn.functional.selu(x, inplace=True)
    return Selu.apply(x)


class Selu(torch.autograd.Function):
    """SELU of a dense tensor, in place, to about 1e-7: λ max(x, 0) + λα (exp(min(x, 0)) - 1)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        for piece in x.as_strided((x.numel(),), (1,)).split(SELU_PIECE):
            below = piece.clamp(max=0).exp_().sub_(1)
            piece.clamp_(min=0).mul_(SELU_SCALE).add_(below, alpha=SELU_ALPHA * SELU_SCALE)
        ctx.mark_dirty(x)
        ctx.save_for_backward(x)
        return x

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return selu_backward(gradient, ctx.saved_tensors[0])


def selu_backward(gradient: Tensor, result: Tensor) -> Tensor:
    """The gradient of SELU's input from that of its result."""
    return torch.ops.aten.elu_backward(gradient, SELU_ALPHA, SELU_SCALE, 1, True, result)
