"""MesoInception-4 on the features of Whisper's encoder.

Kawa et al., "Improved DeepFake detection using Whisper features" (Interspeech 2023; see `_whisper_image`),
with the network of Afchar et al., "MesoNet: a compact facial video forgery detection network" (WIFS 2018).
28,486 parameters without the encoder.

Trap, kept (`shared_norm`): both convolutions after the inceptions share one BatchNorm, whose running
statistics are thus those of two distributions. Departure: the authors' dropout of whole channels, which on
vectors drops single values or whole clips depending on the library's release, drops single values here.

Axes: B batch, C channels, D rows, M columns, K classes.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from dada.limits import Rate
from dada.models import Output
from dada.models.audio._whisper_image import WhisperConfig, WhisperModel, from_official_whisper

REDUCTION = 32  # of both axes
POOLED = 1024  # values of the map that the linear layers read


@dataclass
class Config(WhisperConfig):
    hidden: int = 16  # between the linear layers
    shared_norm: bool = True  # one BatchNorm behind both convolutions, as the published weights want it
    dropout: Rate = 0.5


class Model(WhisperModel):
    """States (B, L, N, D) to one logit (B, 1), or (B, K), and embeddings (B, hidden)."""

    reduction, shortest = REDUCTION, REDUCTION // 2

    def __init__(self, config: Config, num_classes: int):
        super().__init__(config)
        self.inceptions = nn.ModuleList([Inception(self.channels, 1), Inception(11, 2)])
        self.convs = nn.ModuleList(nn.Conv2d(size, 16, 5, padding=2, bias=False) for size in (12, 16))
        self.norms = nn.ModuleList(nn.BatchNorm2d(16) for _ in range(1 if config.shared_norm else 2))
        self.pool, self.dropout = nn.AdaptiveAvgPool1d(POOLED), nn.Dropout(config.dropout)
        self.hidden = nn.Linear(POOLED, config.hidden)
        self.classify = nn.Linear(config.hidden, config.num_logits(num_classes))

    def read(self, image: Tensor) -> Output:
        """(B, C, D, M) to the output."""
        x = image
        for inception in self.inceptions:
            x = inception(x)
        for conv, norm, size in zip(self.convs, (self.norms[0], self.norms[-1]), (2, 4), strict=True):
            x = nn.functional.max_pool2d(norm(nn.functional.relu(conv(x))), size)
        x = self.hidden(self.pool(self.dropout(x.flatten(1))))
        embedding = self.dropout(nn.functional.leaky_relu(x, 0.1))
        return Output(self.classify(embedding), embedding)


class Inception(nn.Module):
    """Four branches, BatchNorm, 2 x 2 max pool: (B, C, D, M) to (B, first + 10, D / 2, M / 2)."""

    def __init__(self, channels: int, first: int):
        super().__init__()
        self.point = nn.Conv2d(channels, first, 1, bias=False)
        sizes = (4, 4, 2)
        self.reduce = nn.ModuleList(nn.Conv2d(channels, size, 1, bias=False) for size in sizes)
        self.wide = nn.ModuleList(
            nn.Conv2d(size, size, 3, padding=dilation, dilation=dilation, bias=False)
            for dilation, size in enumerate(sizes, start=1)
        )
        self.norm = nn.BatchNorm2d(first + sum(sizes))

    def forward(self, x: Tensor) -> Tensor:
        branches = [wide(reduce(x)) for reduce, wide in zip(self.reduce, self.wide, strict=True)]
        return nn.functional.max_pool2d(self.norm(torch.cat([self.point(x), *branches], 1)), 2)


def example() -> tuple[Config, tuple[int, ...]]:
    """A small network for tests."""
    return Config(width=32, num_layers=2, shared_norm=False), (64, 30)


OFFICIAL_NAMES = (
    (r"^Incption(\d)_conv1\.", lambda match: f"inceptions.{int(match[1]) - 1}.point."),
    (r"^Incption(\d)_conv(\d)_1\.", lambda m: f"inceptions.{int(m[1]) - 1}.reduce.{int(m[2]) - 2}."),
    (r"^Incption(\d)_conv(\d)_2\.", lambda m: f"inceptions.{int(m[1]) - 1}.wide.{int(m[2]) - 2}."),
    (r"^Incption(\d)_bn\.", lambda match: f"inceptions.{int(match[1]) - 1}.norm."),
    (r"^conv(\d)\.", lambda match: f"convs.{int(match[1]) - 1}."),
    (r"^bn1\.", "norms.0."),
    (r"^fc1\.", "hidden."),
    (r"^fc2\.", "classify."),
)


def from_official(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Names of the authors' released checkpoints, encoder and head, to ours."""
    return from_official_whisper(state, OFFICIAL_NAMES)
