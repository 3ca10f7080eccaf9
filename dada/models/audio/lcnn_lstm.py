"""LFCC-LCNN-LSTM, baseline B03 of ASVspoof 2021 (Wang and Yamagishi, "A comparative study on recent neural
spoofing countermeasures", Interspeech 2021; Yamagishi et al., ASVspoof 2021 workshop).

A light CNN whose two image axes are pooled by 16, two bidirectional LSTMs with a shortcut around both, the
mean over time, and one logit, higher for bona fide. It reads whole utterances of 60 LFCC (`lfcc`, variant
nii), 16 frames at least. The original holds time as the first image axis, we as the second, so
`from_official` turns its kernels.

Axes: B batch, F features, N frames, C channels, K classes.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from dada.data.batch import Batch
from dada.limits import Rate
from dada.models import Output
from dada.models.audio._heads import Kind, head
from dada.models.audio._maps import MaxConv2d, fill_padding, image, max_pool
from dada.models.official import rename

# (channels after the max-feature-map, kernel size, pool, BatchNorm, place of the convolution in the published
# list of layers)
LAYERS = [
    (32, 5, True, False, 0),
    (32, 1, False, True, 3),
    (48, 3, True, True, 6),
    (48, 1, False, True, 10),
    (64, 3, True, False, 13),
    (64, 1, False, True, 16),
    (32, 3, False, True, 19),
    (32, 1, False, True, 22),
    (32, 3, True, False, 25),
]
REDUCTION = 16  # of both axes


@dataclass
class Config:
    """The defaults are the baseline's."""

    num_features: int = 60
    dropout: Rate = 0.7  # after the last map
    # cosine is for loss p2sgrad, one_class for loss oc_softmax, attractors for loss samo
    head: Kind = "linear"


def example() -> tuple[Config, tuple[int, ...]]:
    """A small configuration and the shape of an input."""
    return Config(num_features=32), (32, 80)


class Model(nn.Module):
    """Features (B, F, N) to one logit (B, 1), or (B, K) for more than two classes or head cosine, and
    embeddings (B, 32 · (F // 16)).
    """

    def __init__(self, config: Config, num_classes: int):
        super().__init__()
        blocks, channels = [], 1
        for size, kernel, pool, norm, _ in LAYERS:
            blocks.append(Block(channels, size, kernel, pool, norm))
            channels = size
        self.blocks = nn.ModuleList(blocks)
        self.dropout = nn.Dropout(config.dropout)
        size = channels * (config.num_features // REDUCTION)
        self.lstms = nn.ModuleList(
            nn.LSTM(size, size // 2, batch_first=True, bidirectional=True) for _ in range(2)
        )
        self.classify = head(config.head, size, num_classes)
        self.to(memory_format=torch.channels_last)

    def forward(self, batch: Batch) -> Output:
        """(B, F, N) to logits; the embedding is the mean over time. Raise DataError for a clip of fewer than
        16 frames.
        """
        x, lengths = image(batch, "lcnn_lstm", REDUCTION, REDUCTION)
        for block in self.blocks:
            x, lengths = block(x, lengths)
        steps = self.dropout(x).flatten(1, 2).transpose(1, 2).contiguous()  # (B, N, C·F)
        hidden = steps
        num_steps = None if lengths is None else batch.lengths.cpu() // REDUCTION
        for lstm in cast(Iterable[nn.LSTM], self.lstms):
            hidden = run_lstm(lstm, hidden, num_steps)
        total = (hidden + steps).sum(1)
        embedding = total / (steps.shape[1] if lengths is None else lengths[:, None])
        return Output(self.classify(embedding), embedding)


class Block(nn.Module):
    """Convolution to twice the channels, max-feature-map, 2 x 2 max pool, BatchNorm without scale and offset,
    the last two as asked.
    """

    def __init__(self, channels: int, size: int, kernel: int, pool: bool, norm: bool):
        super().__init__()
        self.conv = MaxConv2d(channels, size, kernel)
        self.norm = nn.BatchNorm2d(size, affine=False) if norm else None
        self.pool = pool

    def forward(self, x: Tensor, lengths: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """(B, C, F, N) and the numbers of valid frames (B,), None where all are valid, to the same."""
        x = self.conv(x)
        if self.pool:
            x, lengths = max_pool(x, lengths, ceil=False)
        return fill_padding(x if self.norm is None else self.norm(x), lengths), lengths


def run_lstm(lstm: nn.LSTM, x: Tensor, lengths: Tensor | None) -> Tensor:
    """(B, N, D) to the same shape, zero behind each clip's end, where the backward direction starts.
    `lengths` are on the CPU.
    """
    if lengths is None:
        return lstm(x)[0]
    packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
    return pad_packed_sequence(lstm(packed)[0], batch_first=True, total_length=x.shape[1])[0]


def from_official(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Parameters of the published checkpoint under our names, kernels with frequency first; its front end's
    constants are left out.
    """
    rules = [(r"^m_output_act\.0\.", "classify."), (r"^m_before_pooling\.0\.(\d)\.l_blstm\.", r"lstms.\1.")]
    for i, (_, _, pool, norm, place) in enumerate(LAYERS):
        rules.append((rf"^m_transform\.0\.{place}\.", f"blocks.{i}.conv."))
        if norm:
            rules.append((rf"^m_transform\.0\.{place + 2 + pool}\.", f"blocks.{i}.norm."))
    left_out = ("input_", "output_", "m_frontend.")
    renamed = rename({name: value for name, value in state.items() if not name.startswith(left_out)}, rules)
    return {
        name: value.transpose(2, 3).contiguous() if value.ndim == 4 else value
        for name, value in renamed.items()
    }
