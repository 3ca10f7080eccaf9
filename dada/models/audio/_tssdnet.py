"""What the networks of the TSSDNet family share: residual modules, the head, and the names in the authors' checkpoints.

Axes: B batch, C channels, K classes, D embedding; "…" is time, or frequency and time.
"""

import torch
from torch import Tensor, nn

from dada.models import Output
from dada.models.official import Rule, rename

CHANNELS = (16, 32, 64, 128, 128)  # after the first convolution, and after each of four modules


class Residual(nn.Module):
    """Three convolutions of size 3 beside one of size 1; `conv` and `norm` are the layers of one dimension or two.

    The last BatchNorm acts on the sum of both ways, and the shortcut is a convolution also where the channels stay as many. The last
    ReLU is left to the caller.
    """

    def __init__(self, conv: type[nn.Module], norm: type[nn.Module], channels: int, size: int):
        super().__init__()
        self.conv1 = conv(channels, size, 3, padding=1, bias=False)
        self.norm1 = norm(size)
        self.conv2 = conv(size, size, 3, padding=1, bias=False)
        self.norm2 = norm(size)
        self.conv3 = conv(size, size, 3, padding=1, bias=False)
        self.shortcut = conv(channels, size, 1, bias=False)
        self.norm3 = norm(size)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, …) to (B, size, …)."""
        h = nn.functional.relu(self.norm1(self.conv1(x)))
        h = nn.functional.relu(self.norm2(self.conv2(h)))
        return self.norm3(self.conv3(h) + self.shortcut(x))


class Head(nn.Module):
    """Pooled channels (B, 128) to logits (B, K) and embeddings (B, 32), which are what enters the last layer."""

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
    """The authors' checkpoint, or the state dict in it, under our names and with the logits in our order.

    The authors' classes are 0 bona fide, 1 spoof, so that the two rows of the last layer change places.
    """
    renamed = rename(state.get("model_state_dict", state), (*module_names, *SHARED_NAMES))
    for name in ("head.classify.weight", "head.classify.bias"):
        if name in renamed and len(renamed[name]) == 2:
            renamed[name] = torch.flip(renamed[name], (0,))
    return renamed
