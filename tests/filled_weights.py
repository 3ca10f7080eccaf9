"""Weights by formula, with which the authors' Keras networks were run: what is created first is filled
first.
"""

import numpy as np
import torch
from torch import Tensor


def wave(k: int, offset: int, count: int) -> Tensor:
    return torch.from_numpy(np.sin(1 + 0.1 * (10 * k + offset) + 0.37 * np.arange(count))).float()


def fixture_input() -> Tensor:
    """(1, 100, 282)."""
    return (2 + 2 * torch.sin(0.05 * torch.arange(28_200, dtype=torch.float64))).float().view(1, 100, 282)


class Filler:
    """Counts layers of each kind as it fills them."""

    def __init__(self):
        self.convs = self.depthwise = self.norms = self.dense = 0

    @torch.no_grad()
    def conv(self, weight: Tensor, bias: Tensor) -> None:
        """A convolution (out, in, height, width)."""
        weight.copy_((wave(self.convs, 0, weight.numel()) * (2 / weight[0].numel()) ** 0.5).view_as(weight))
        bias.copy_(0.1 * wave(self.convs, 1, len(bias)))
        self.convs += 1

    def max_conv(self, layer) -> None:
        """A convolution to twice the channels, which is two in the originals."""
        for weight, bias in zip(layer.weight.chunk(2), layer.bias.chunk(2), strict=True):
            self.conv(weight, bias)

    @torch.no_grad()
    def depthwise_conv(self, layer) -> None:
        weight = layer.weight
        weight.copy_(
            (wave(self.depthwise, 2, weight.numel()) * (2 / weight[0].numel()) ** 0.5).view_as(weight)
        )
        layer.bias.copy_(0.1 * wave(self.depthwise, 3, len(layer.bias)))
        self.depthwise += 1

    @torch.no_grad()
    def norm(self, layer, rows: slice = slice(None)) -> None:
        """A BatchNorm, or the channels `rows` of one."""
        size = len(layer.running_mean[rows])
        if isinstance(layer.weight, torch.nn.Parameter):
            layer.weight[rows] = 1 + 0.1 * wave(self.norms, 4, size)
        layer.bias[rows] = 0.1 * wave(self.norms, 5, size)
        layer.running_mean[rows] = 0.1 * wave(self.norms, 6, size)
        layer.running_var[rows] = 1 + 0.5 * wave(self.norms, 7, size) ** 2
        self.norms += 1

    @torch.no_grad()
    def linear(self, layer) -> None:
        layer.weight.copy_(
            (wave(self.dense, 8, layer.weight.numel()) * (2 / layer.weight.shape[1]) ** 0.5).view_as(
                layer.weight
            )
        )
        layer.bias.copy_(0.1 * wave(self.dense, 9, len(layer.bias)))
        self.dense += 1

    def everything(self, model: torch.nn.Module) -> None:
        """All layers of a model whose submodules are in the order of creation."""
        from dada.models.audio._maps import MaxConv2d

        for layer in model.modules():
            if isinstance(layer, MaxConv2d):
                self.max_conv(layer)
            elif isinstance(layer, torch.nn.Conv2d) and layer.groups > 1:
                self.depthwise_conv(layer)
            elif isinstance(layer, torch.nn.Conv2d):
                self.conv(layer.weight, layer.bias)
            elif isinstance(layer, torch.nn.modules.batchnorm._BatchNorm):
                self.norm(layer)
            elif isinstance(layer, torch.nn.Linear):
                self.linear(layer)
