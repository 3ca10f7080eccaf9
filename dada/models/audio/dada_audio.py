"""The DADA audio model: a compression module and a detection head on the hidden states of a frozen speech
encoder.

The paper (seed of the DADA project, section 3) trains the embedding by triplets in three phases (fixed,
adaptive, fixed margin) and puts a detector on it. Here the encoder is a feature (`speech_encoder`, its layers
averaged), so that training only sees this head.

Departures, each by an option: batch normalisation over the 256 channels instead of over the 199 frames of a 4
s clip, so that any length goes (`norm: frames` is the authors' form); ReLU between the head's linear layers,
which would otherwise be one linear map; attention of the pooling over time, after the compression, since the
paper does not say over what it attends.

Axes: B utterances, F width of a layer, L layers, N frames, C bottleneck, D embedding, M valid frames of the
whole batch.
"""

from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor, nn

from dada.data.batch import Batch
from dada.errors import ConfigError, DataError
from dada.limits import Rate
from dada.models import Output
from dada.models.audio import _compression
from dada.models.audio._lengths import all_valid, valid_frames


@dataclass
class Config:
    width: int = 1024  # F of one encoder layer
    # layers stacked in the features (L F, N), averaged with learned weights; 1 where the feature averaged
    # them
    num_layers: int = 1
    bottleneck: int = 256
    embedding: int = 256
    norm: Literal["channels", "frames", "none"] = "channels"  # axis of the bottleneck's batch normalisation
    num_frames: int = 199  # N that `norm: frames` fixes: 4 s of wav2vec2
    dropout: Rate = 0.5
    pooling: Literal["attentive", "mean"] = "attentive"  # over time
    attention: int = 128  # width of the attention
    head: list[int] = field(default_factory=lambda: [512, 256])  # widths of the head's hidden layers
    one_logit: bool = True  # two classes give one logit, the score of the second, for loss bce


class Compression(_compression.Compression):
    """Residual bottleneck and projection of each frame, (M, F) to (M, D), of unit length."""

    def __init__(self, config: Config):
        norms = {
            "channels": nn.BatchNorm1d(config.bottleneck),
            "frames": nn.BatchNorm1d(config.num_frames),
            "none": nn.Identity(),
        }
        super().__init__(
            config.width, config.bottleneck, config.embedding, norms[config.norm], config.dropout
        )
        self.num_frames = config.num_frames if config.norm == "frames" else None

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.normalize(super().forward(x), dim=-1)

    def normalise(self, y: Tensor) -> Tensor:
        if self.num_frames is None:
            return self.norm(y)
        return self.norm(y.reshape(-1, self.num_frames, y.shape[-1])).reshape(y.shape)


class Pooling(nn.Module):
    """Mean over valid frames, (B, N, D) to (B, D); attentive: weighted by softmax of vᵀ tanh(W h + b)."""

    def __init__(self, config: Config):
        super().__init__()
        layers = (
            nn.Linear(config.embedding, config.attention),
            nn.Tanh(),
            nn.Linear(config.attention, 1, bias=False),
        )
        self.score = nn.Sequential(*layers) if config.pooling == "attentive" else None

    def forward(self, frames: Tensor, mask: Tensor) -> Tensor:
        scores = (
            torch.zeros(mask.shape, dtype=frames.dtype, device=frames.device)
            if self.score is None
            else self.score(frames)[..., 0]
        )
        weights = scores.masked_fill(~mask, -torch.inf).softmax(dim=1)
        return torch.einsum("bn,bnd->bd", weights, frames)


class Model(nn.Module):
    """Features (B, L F, N) to logits and unit embeddings (B, D)."""

    def __init__(self, config: Config, num_classes: int):
        super().__init__()
        self.config = config
        self.layer_weights = nn.Parameter(torch.zeros(config.num_layers)) if config.num_layers > 1 else None
        self.compression = Compression(config)
        self.pooling = Pooling(config)
        widths = [config.embedding, *config.head]
        hidden = [
            layer for a, b in zip(widths, widths[1:], strict=False) for layer in (nn.Linear(a, b), nn.ReLU())
        ]
        num_logits = 1 if num_classes == 2 and config.one_logit else num_classes
        self.head = nn.Sequential(
            nn.BatchNorm1d(config.embedding), *hidden, nn.Linear(widths[-1], num_logits)
        )

    def forward(self, batch: Batch) -> Output:
        x = self._mean_of_layers(batch.inputs).transpose(1, 2)  # (B, N, F)
        mask = batch.mask
        if self.compression.num_frames is not None:
            self._require_fixed_length(batch)
            frames = self.compression(x)
        elif all_valid(batch):
            frames = self.compression(x.reshape(-1, x.shape[-1])).reshape(*mask.shape, -1)
        else:
            places = valid_frames(batch)  # padding must not enter the batch statistics
            packed = self.compression(x.flatten(0, 1)[places])
            frames = packed.new_zeros(mask.numel(), packed.shape[-1]).index_copy(0, places, packed)
            frames = frames.unflatten(0, mask.shape)
        embedding = nn.functional.normalize(self.pooling(frames, mask), dim=-1)
        return Output(self.head(embedding), embedding)

    def _mean_of_layers(self, x: Tensor) -> Tensor:
        layers = self.config.num_layers
        if x.shape[1] != layers * self.config.width:
            raise ConfigError(
                f"the features have {x.shape[1]} rows, but model.num_layers {layers} x model.width "
                f"{self.config.width} are expected: "
                "set them as input.features says"
            )
        if self.layer_weights is None:
            return x
        return torch.einsum(
            "l,blfn->bfn", self.layer_weights.softmax(dim=0), x.unflatten(1, (layers, self.config.width))
        )

    def _require_fixed_length(self, batch: Batch) -> None:
        num_frames = batch.inputs.shape[-1]
        if num_frames != self.config.num_frames or not all_valid(batch):
            raise DataError(
                f"norm: frames needs exactly {self.config.num_frames} frames of every utterance, got up to "
                f"{num_frames}: "
                f"set input.num_frames and model.num_frames alike with length_rule tile, or norm: channels"
            )


def example() -> tuple[Config, tuple[int, ...]]:
    """A small configuration and the shape of its input, for tests."""
    return Config(width=24, num_layers=2, bottleneck=8, embedding=16, attention=8, head=[12]), (48, 20)
