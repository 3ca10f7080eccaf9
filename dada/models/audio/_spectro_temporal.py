"""What AASIST and RawGAT-ST have in common: the sinc image, residual blocks on it, graph attention and graph
pooling.

Both come from the same line of work and share these parts to the letter; what differs between them is in
their own files.

What makes them fast on a CPU, at equal outputs: images in channels-last memory; BatchNorm folded into the
convolution in evaluation; SELU by `exp` (_selu); in training blocks that work clip by clip and keep little
for the backward pass (_residual); and wide images cut in pieces that stay in the processor's cache, in
evaluation, where the columns of an image do not depend on far ones.

Axes: B batch, T samples, C channels, H height of an image (bands), W its width (time), N nodes, D features of
a node.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from dada.errors import ConfigError
from dada.features import sinc
from dada.models.audio._norm import BatchNorm2d
from dada.models.audio._residual import can_keep_little, keep_little
from dada.models.audio._selu import selu_

WIDTH = 2048  # columns of an image worked on at once in evaluation, to begin with


class SincImage(nn.Module):
    """Waveform (B, T) to a one-channel image (B, 1, H, W): sinc bank, absolute value, 3 x 3 max pool,
    BatchNorm, SELU.
    """

    def __init__(self, config: sinc.Config, max_masked: int):
        super().__init__()
        self.bank = sinc.PooledMagnitude(config, bands=3, steps=3, max_masked=max_masked)
        self.norm = BatchNorm2d(1)
        self.height = self.bank.num_bands

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.selu(self.norm(self.bank(x)[:, None]), inplace=True)


class Encoder(nn.Sequential):
    """Six residual blocks in the published networks: image (B, 1, H, W) to (B, C, H, W'), channels last."""

    def __init__(
        self,
        channels: Sequence[int],
        pools: Sequence[int],
        dead_preact: bool,
        broadcast_first: bool = False,
        unused_convs: bool = False,
    ):
        sizes = [1, *channels]
        blocks = []
        for i, pool in enumerate(pools):
            shortcut = sizes[i] != sizes[i + 1] and not (i == 0 and broadcast_first)
            blocks.append(
                ResidualBlock(
                    sizes[i], sizes[i + 1], pool, i == 0, shortcut, dead_preact, unused_convs and i > 0
                )
            )
        super().__init__(*blocks)
        self.to(memory_format=torch.channels_last)

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.contiguous(memory_format=torch.channels_last))


class ResidualBlock(nn.Module):
    """Two 2 x 3 convolutions around a BatchNorm and SELU, a shortcut, and a max pool in time.

    Every block but the first has a BatchNorm for its input as well. The published code computes it, and then
    passes the raw input on; published weights were trained so. `dead_preact` does as the published code does
    (the BatchNorm keeps its place among the weights, and is never run); without it the block is the
    pre-activation block that was meant.

    Without a `shortcut` convolution the input is added as it is, a single channel to all. `unused_conv` holds
    the place of a further convolution which RawGAT-ST's published weights contain and its code never runs.
    """

    def __init__(
        self,
        channels: int,
        size: int,
        pool: int,
        first: bool,
        shortcut: bool,
        dead_preact: bool,
        unused_conv: bool,
    ):
        super().__init__()
        self.norm1 = None if first else BatchNorm2d(channels)
        self.conv1 = nn.Conv2d(channels, size, (2, 3), padding=(1, 1))
        self.norm2 = BatchNorm2d(size)
        self.conv2 = nn.Conv2d(size, size, (2, 3), padding=(0, 1))
        self.shortcut = nn.Conv2d(channels, size, (1, 3), padding=(0, 1)) if shortcut else None
        self.unused_conv = nn.Conv2d(1, size, (2, 3)) if unused_conv else None
        self.pool = nn.MaxPool2d((1, pool))
        self.pool_width = pool
        self.piece = WIDTH // pool * pool
        self.dead_preact = dead_preact
        for dead in (self.norm1 if dead_preact else None, self.unused_conv):
            if dead is not None:
                dead.requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to (B, size, H, W // pool)."""
        pool, width = self.pool_width, x.shape[3]
        if self.training or x.device.type != "cpu" or width <= 2 * self.piece or torch.jit.is_tracing():
            return self._run(x)
        margin = -(-2 // pool) * pool  # the two convolutions see two columns to either side
        pieces = []
        for start in range(0, width // pool * pool, self.piece):
            low = max(0, start - margin)
            pooled = self._run(x[..., low : start + self.piece + margin])
            first = (start - low) // pool
            pieces.append(pooled[..., first : first + self.piece // pool])
        return torch.cat(pieces, dim=3)

    def _run(self, x: Tensor) -> Tensor:
        h = x if self.norm1 is None or self.dead_preact else selu_(self.norm1(x), self.training)
        if self.training and can_keep_little(x, self.norm2):
            return keep_little(h, x, self.conv1, self.norm2, self.conv2, self.shortcut, self.pool_width)
        h = self.conv2(selu_(conv_norm(h, self.conv1, self.norm2), self.training))
        h += x if self.shortcut is None else self.shortcut(x)
        return self.pool(h)


def conv_norm(x: Tensor, conv: nn.Conv2d, norm: BatchNorm2d) -> Tensor:
    """norm(conv(x)); in evaluation, where the BatchNorm is a fixed scale and shift, as one convolution."""
    if norm.training:
        return norm(conv(x))
    mean, variance = norm.get_buffer("running_mean"), norm.get_buffer("running_var")
    scale = norm.weight * torch.rsqrt(variance + norm.eps)
    offset = -mean if conv.bias is None else conv.bias - mean  # explanations put plain tensors for parameters
    bias = offset * scale + norm.bias
    return nn.functional.conv2d(x, conv.weight * scale[:, None, None, None], bias, padding=conv.padding)


class GraphAttention(nn.Module):
    """Graph attention over a complete graph, (B, N, D) to (B, N, size); the weights of a node's neighbours
    add up to one.
    """

    def __init__(self, size_in: int, size: int, temperature: float, dropout: float = 0.2):
        super().__init__()
        self.temperature = temperature
        self.dropout = nn.Dropout(dropout)
        self.pair = nn.Linear(size_in, size)
        self.weight = attention_vector(size)
        self.neighbours = nn.Linear(size_in, size)
        self.self_loop = nn.Linear(size_in, size)
        self.norm = nn.BatchNorm1d(size)

    def forward(self, x: Tensor) -> Tensor:
        x = self.dropout(x)
        scores = torch.tanh(self.pair(pairs(x))) @ self.weight / self.temperature
        attention = scores.squeeze(-1).softmax(-1)
        return norm_selu(self.neighbours(attention @ x) + self.self_loop(x), self.norm)


class GraphPool(nn.Module):
    """Keep the nodes with the largest learned scores, by descending score, multiplied with it: (B, N, D) to
    (B, count, D).
    """

    def __init__(self, size: int, dropout: float = 0.3):
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.score = nn.Linear(size, 1)

    def forward(self, x: Tensor, count: int) -> Tensor:
        scores = torch.sigmoid(self.score(self.dropout(x)))
        best = scores.topk(count, dim=1).indices
        return (x * scores).gather(1, best.expand(-1, -1, x.shape[-1]))


def scale_dropout(module: nn.Module, factor: float) -> None:
    """Multiply the rates of all dropout in a module. Raise ConfigError where one would leave 0 to 1."""
    for part in module.modules():
        if isinstance(part, nn.Dropout):
            rate = part.p * factor
            if not 0 <= rate <= 1:
                raise ConfigError(
                    f"model.dropout: a factor of {factor:g} makes a rate of {rate:g} out of {part.p:g}; "
                    "rates go from 0 to 1"
                )
            part.p = rate


def attention_vector(size: int) -> nn.Parameter:
    """A vector (size, 1) that turns features of a pair of nodes into a score."""
    return nn.Parameter(nn.init.xavier_normal_(torch.empty(size, 1)))


def pairs(x: Tensor) -> Tensor:
    """(B, N, D) to the products of every two nodes (B, N, N, D)."""
    return x[:, :, None] * x[:, None]


def norm_selu(x: Tensor, norm: nn.BatchNorm1d) -> Tensor:
    """SELU of the BatchNorm over all nodes of all graphs of (B, N, D)."""
    return nn.functional.selu(norm(x.flatten(0, 1)).view_as(x))
