"""Convolutions that no kernel for channels-last memory computes on a GPU.

PyTorch gives a depthwise convolution to cuDNN where its input or its weights are channels-last, and to a
kernel of its own otherwise. Some gradients of weights from cuDNN are wrong by more than their norm; those of
the other kernel are right. Memory counts as channels-last by its strides. A weight (C, 1, K, K) keeps the
strides that `Module.to(memory_format=torch.channels_last)` gives to the axis of size one: `contiguous`
returns it as it is, so it takes another view.

Axes: B batch, C channels, F rows, N steps.
"""

from torch import Tensor, nn


class PlainConv2d(nn.Conv2d):
    """A convolution on images in PyTorch's default memory format; on a CPU in the format that they have."""

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, F, N) to (B, size, F', N')."""
        if x.device.type == "cpu":
            return super().forward(x)
        return self._conv_forward(plain(x), plain(self.weight), self.bias)


def plain(x: Tensor) -> Tensor:
    """The tensor in the default memory format, with the strides of that format also where an axis has size
    one.
    """
    return x.contiguous().view(-1).view(x.shape)
