"""A light CNN and two bidirectional LSTMs on the features of Whisper's encoder.

Kawa et al., "Improved DeepFake detection using Whisper features" (Interspeech 2023; see `_whisper_image`).
The network is that of `lcnn_lstm` with 384 rows in place of 60. 7,248,449 parameters without the encoder.
`from_official` turns the kernels of the published weights, whose images have time first.

Axes: B batch, C channels, D rows, M columns, K classes.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from dada.limits import Rate
from dada.models import Output
from dada.models.audio._whisper_image import WhisperConfig, WhisperModel, from_official_whisper
from dada.models.audio.lcnn_lstm import LAYERS, REDUCTION, Block, run_lstm


@dataclass
class Config(WhisperConfig):
    dropout: Rate = 0.7  # after the last map


class Model(WhisperModel):
    """States (B, L, N, D) to one logit (B, 1), or (B, K), and embeddings (B, 32 · (D // 16))."""

    reduction, shortest = REDUCTION, REDUCTION // 2

    def __init__(self, config: Config, num_classes: int):
        super().__init__(config)
        blocks, channels = [], self.channels
        for size, kernel, pool, norm, _ in LAYERS:
            blocks.append(Block(channels, size, kernel, pool, norm))
            channels = size
        self.blocks = nn.ModuleList(blocks).to(memory_format=torch.channels_last)
        self.dropout = nn.Dropout(config.dropout)
        size = channels * (self.width // REDUCTION)
        self.lstms = nn.ModuleList(
            nn.LSTM(size, size // 2, batch_first=True, bidirectional=True) for _ in range(2)
        )
        self.classify = nn.Linear(size, config.num_logits(num_classes))

    def read(self, image: Tensor) -> Output:
        """(B, C, D, M) to the output; the embedding is the mean over time."""
        x = image.contiguous(memory_format=torch.channels_last)
        for block in self.blocks:
            x, _ = block(x, None)
        steps = self.dropout(x).flatten(1, 2).transpose(1, 2).contiguous()
        hidden = steps
        for lstm in cast(Iterable[nn.LSTM], self.lstms):
            hidden = run_lstm(lstm, hidden, None)
        embedding = (hidden + steps).mean(1)
        return Output(self.classify(embedding), embedding)


def example() -> tuple[Config, tuple[int, ...]]:
    """A small network for tests."""
    return Config(width=16, num_layers=2), (32, 30)


def from_official(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Names of the authors' released checkpoint, encoder and head, to ours, kernels with frequency first."""
    rules: list[tuple[str, str]] = [
        (r"^m_output_act\.", "classify."),
        (r"^m_before_pooling\.(\d)\.l_blstm\.", r"lstms.\1."),
    ]
    for i, (_, _, pool, norm, place) in enumerate(LAYERS):
        rules.append((rf"^m_transform\.{place}\.", f"blocks.{i}.conv."))
        if norm:
            rules.append((rf"^m_transform\.{place + 2 + pool}\.", f"blocks.{i}.norm."))
    return {
        name: value.transpose(2, 3).contiguous() if name.startswith("blocks.") and value.ndim == 4 else value
        for name, value in from_official_whisper(state, tuple(rules)).items()
    }
