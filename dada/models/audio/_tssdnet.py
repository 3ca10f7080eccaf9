"""What the networks of the TSSDNet family share: residual modules, the head, and the names in the authors'
checkpoints.

A waveform is an image with one row: convolutions and pools of two dimensions, with the channels last in
memory, train one and a half times as fast as those of one dimension, at the same numbers.

Axes: B batch, C channels, F rows, N steps in time, K classes, D embedding.
"""

import torch
from torch import Tensor, nn

from dada.models import Output
from dada.models.audio._norm import BatchNorm2d
from dada.models.official import Rule, rename

CHANNELS = (16, 32, 64, 128, 128)  # after the first convolution, and after each of four modules


class Residual(nn.Module):
    """Three convolutions over `rows` rows (1 for waveforms, 3 for images) and three steps in time, beside one
    of size 1.

    The last BatchNorm acts on the sum of both ways, and the shortcut is a convolution also where the channels
    stay as many. The last ReLU is left to the caller.
    """

    def __init__(self, channels: int, size: int, rows: int):
        super().__init__()
        self.conv1 = convolution(channels, size, rows, 3)
        self.norm1 = BatchNorm2d(size)
        self.conv2 = convolution(size, size, rows, 3)
        self.norm2 = BatchNorm2d(size)
        self.conv3 = convolution(size, size, rows, 3)
        self.shortcut = nn.Conv2d(channels, size, 1, bias=False)
        self.norm3 = BatchNorm2d(size)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, F, N) to (B, size, F, N)."""
        h = nn.functional.relu(self.norm1(self.conv1(x)))
        h = nn.functional.relu(self.norm2(self.conv2(h)))
        return self.norm3(self.conv3(h) + self.shortcut(x))


def convolution(channels: int, size: int, rows: int, steps: int, dilation: int = 1) -> nn.Conv2d:
    """A convolution over `rows` x `steps` pixels that keeps the size of the map; `dilation` is in time."""
    padding = rows // 2, dilation * (steps // 2)
    return nn.Conv2d(channels, size, (rows, steps), padding=padding, dilation=(1, dilation), bias=False)


class Head(nn.Module):
    """Pooled channels (B, 128) to logits (B, K) and embeddings (B, 32), the inputs of the last layer."""

    def __init__(self, num_classes: int):
        super().__init__()
        self.hidden1 = nn.Linear(CHANNELS[-1], 64)
        self.hidden2 = nn.Linear(64, 32)
        self.classify = nn.Linear(32, num_classes)

    def forward(self, x: Tensor) -> Output:
        embedding = nn.functional.relu(self.hidden2(nn.functional.relu(self.hidden1(x))))
        return Output(self.classify(embedding), embedding)


SHARED_NAMES: tuple[Rule, ...] = (
    (r"^bn1\.", "norm."),
    (r"^conv1\.", "conv."),
    (r"^fc(\d)\.", r"head.hidden\1."),
    (r"^out\.", "head.classify."),
)
RESIDUAL_NAMES: tuple[Rule, ...] = (
    (r"^RSM(\d)\.", lambda match: f"blocks.{int(match[1]) - 1}."),
    (r"\.bn(\d)\.", r".norm\1."),
    (r"\.nin\.", ".shortcut."),
)


def official_state(state: dict, module_names: tuple[Rule, ...]) -> dict:
    """The authors' checkpoint, or the state dict in it, under our names, with the logits in our order and
    kernels of two dimensions.

    The authors' classes are 0 bona fide, 1 spoof, so that the two rows of the last layer change places.
    """
    renamed = rename(state.get("model_state_dict", state), (*module_names, *SHARED_NAMES))
    renamed = {name: value[:, :, None] if value.ndim == 3 else value for name, value in renamed.items()}
    for name in ("head.classify.weight", "head.classify.bias"):
        if name in renamed and len(renamed[name]) == 2:
            renamed[name] = torch.flip(renamed[name], (0,))
    return renamed
