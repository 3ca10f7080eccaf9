"""SpecRNet on the features of Whisper's encoder.

Kawa et al., "Improved DeepFake detection using Whisper features" (Interspeech 2023; see `_whisper_image`),
with the network of Kawa et al., "SpecRNet: towards faster and more accessible audio DeepFake detection"
(TrustCom 2022): three residual blocks with an attention gate, and a recurrent network over time. 277,963
parameters without the encoder.

Traps, kept: as in AASIST the BatchNorm for a block's input is computed and not used (`dead_preact`); the
recurrent network is read at the last step in both directions (`last_step`).

Axes: B batch, C channels, D rows, M columns, K classes.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from dada.models import Output
from dada.models.audio._whisper_image import WhisperConfig, WhisperModel, from_official_whisper

REDUCTION = 64  # of both axes
SLOPE = 0.3  # of the leaky ReLUs


@dataclass
class Config(WhisperConfig):
    channels: int = 20  # of the first block
    size: int = 64  # of the others, and of the recurrent network in each direction
    # read the recurrent network at the last step, where its backward direction has seen that step alone, as
    # the published weights want it; false: each direction where it ends
    last_step: bool = True
    dead_preact: bool = True  # pass the unused BatchNorms by, as the published weights want it


class Model(WhisperModel):
    """States (B, L, N, D) to one logit (B, 1), or (B, K), and embeddings (B, 2·size)."""

    reduction, shortest = REDUCTION, REDUCTION // 2

    def __init__(self, config: Config, num_classes: int):
        super().__init__(config)
        self.last_step = config.last_step
        size, sizes = config.size, [self.channels, config.channels, config.size, config.size]
        self.image_norm = nn.BatchNorm2d(self.channels)
        self.blocks = nn.ModuleList(
            Block(before, after, i == 0, config.dead_preact)
            for i, (before, after) in enumerate(zip(sizes, sizes[1:], strict=False))
        )
        self.gates = nn.ModuleList(nn.Linear(after, after) for after in sizes[1:])
        self.norm = nn.BatchNorm2d(size)
        self.recurrent = nn.GRU(size, size, num_layers=2, batch_first=True, bidirectional=True)
        self.hidden = nn.Linear(2 * size, 2 * size)
        self.classify = nn.Linear(2 * size, config.num_logits(num_classes))

    def read(self, image: Tensor) -> Output:
        """(B, C, D, M) to the output."""
        x = nn.functional.selu(self.image_norm(image))
        for block, gate in zip(self.blocks, self.gates, strict=True):
            x = block(x)
            scale = gate(x.mean((2, 3))).sigmoid()[..., None, None]
            x = nn.functional.max_pool2d(x * scale + scale, 2)
        steps = nn.functional.selu(self.norm(x)).mean(2).transpose(1, 2)  # (B, M / 64, size)
        outputs, ends = self.recurrent(steps)
        embedding = self.hidden(outputs[:, -1] if self.last_step else torch.cat([ends[-2], ends[-1]], 1))
        return Output(self.classify(embedding), embedding)


class Block(nn.Module):
    """Two 3 x 3 convolutions, a shortcut and a 2 x 2 max pool: (B, C, D, M) to (B, size, D / 2, M / 2)."""

    def __init__(self, channels: int, size: int, first: bool, dead_preact: bool):
        super().__init__()
        self.norm1 = None if first else nn.BatchNorm2d(channels)
        self.conv1 = nn.Conv2d(channels, size, 3, padding=1)
        self.norm2 = nn.BatchNorm2d(size)
        self.conv2 = nn.Conv2d(size, size, 3, padding=1)
        self.shortcut = nn.Conv2d(channels, size, 1) if channels != size else None
        self.dead_preact = dead_preact
        if self.norm1 is not None and dead_preact:
            self.norm1.requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        used = self.norm1 is not None and not self.dead_preact
        h = nn.functional.leaky_relu(self.norm1(x), SLOPE) if used else x  # type: ignore[misc]
        h = self.conv2(nn.functional.leaky_relu(self.norm2(self.conv1(h)), SLOPE))
        return nn.functional.max_pool2d(h + (x if self.shortcut is None else self.shortcut(x)), 2)


def example() -> tuple[Config, tuple[int, ...]]:
    """A small network for tests, without parameters that no output depends on."""
    return Config(width=64, num_layers=2, channels=4, size=8, dead_preact=False, last_step=False), (128, 80)


OFFICIAL_NAMES = (
    (r"^first_bn\.", "image_norm."),
    (r"^block(\d)\.0\.", lambda match: f"blocks.{int(match[1]) // 2}."),
    (r"\.bn(\d)\.", r".norm\1."),
    (r"\.conv_downsample\.", ".shortcut."),
    (r"^fc_attention(\d)\.0\.", lambda match: f"gates.{int(match[1]) // 2}."),
    (r"^bn_before_gru\.", "norm."),
    (r"^gru\.", "recurrent."),
    (r"^fc1_gru\.", "hidden."),
    (r"^fc2_gru\.", "classify."),
)


def from_official(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Names of the authors' released checkpoints, encoder and head, to ours."""
    return from_official_whisper(state, OFFICIAL_NAMES)
