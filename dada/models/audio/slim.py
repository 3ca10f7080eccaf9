"""SLIM: style and linguistics of genuine speech depend on each other, and a fake is where they do not.

Zhu et al., "SLIM: style-linguistics mismatch model for generalized audio deepfake detection" (NeurIPS 2024).
Hidden states of two speech encoders, one tuned to emotion and one to recognition, are averaged over chosen
layers. First, on bona fide speech alone, two compression modules learn to make one predictable from the other
(loss `dependency`). Then they are frozen, and a detector learns from their temporal means and from attentive
statistics of the hidden states themselves. Two `phases` of one training, told apart by `train.trainable`.

The paper gives neither the widths of the detector nor the kind of its statistics. Here the attention is
ECAPA-TDNN's (Desplanques et al., Interspeech 2020), for each channel and with the clip's mean and deviation
as context, and widths are such that phase two trains 10,755,329 parameters; the paper says 11 M. Each
compression module has 787,968 and its BatchNorm's 512.

Encoders are frozen features (`style_linguistics`), or parts of the network that phase two tunes.

Axes: B batch, T samples, N frames, D width of the encoders, E size of an embedding, K classes.
"""

from dataclasses import dataclass, field
from typing import cast

import torch
from torch import Tensor, nn

from dada.data.batch import Batch
from dada.errors import ConfigError
from dada.features.speech_encoder import Normalise, SpeechEncoder, TunedLayers
from dada.limits import Rate
from dada.models import Output
from dada.models.audio._compression import Compression
from dada.models.audio._lengths import run_by_length
from dada.models.audio._ssl import check_features, check_waveform

PARTS = ("style", "linguistics")
VARIANCE_FLOOR = 1e-6  # below which a deviation's gradient would explode


@dataclass
class Config:
    """With both encoders the inputs are waveforms; without, features (2·D, N), those of style first."""

    width: int = 1024  # D
    style_encoder: str = ""  # folder, relative to the recipe, or id on Hugging Face
    style_layers: list[int] = field(default_factory=lambda: list(range(11)))  # hidden states to average
    style_tuned_layers: TunedLayers = 0  # last ones in use; 0 freezes the encoder, -1 tunes the whole of it
    linguistics_encoder: str = ""
    linguistics_layers: list[int] = field(default_factory=lambda: list(range(14, 22)))
    linguistics_tuned_layers: TunedLayers = 0
    # keep little of the tuned layers for the backward pass, and run each again in it: for long clips on a GPU
    recompute: bool = False
    normalise: Normalise = "auto"  # as of speech_encoder
    allow_download: bool = False
    bottleneck: int = 256
    embedding: int = 256  # E of each of four parts
    dropout: Rate = 0.1  # of the compression modules
    attention: int = 128  # width of the attention
    hidden: int = 2048  # between the statistics and their embedding
    head: int = 256  # hidden width of the detector
    head_dropout: Rate = 0.25
    one_logit: bool = True  # two classes give one logit, the score of the second, for loss bce
    # one more number behind the embedding, how far style and linguistics of the frames are apart, for a loss
    distance: bool = False


class Model(nn.Module):
    """Waveforms (B, T) or features (B, 2·D, N) to logits and embeddings (B, 4·E), or (B, 4·E + 1) with the
    distance.
    """

    pretrained_parts = ("encoders.",)  # weights learned on stored hidden states (slim_pretraining) lack them

    def __init__(self, config: Config, num_classes: int):
        super().__init__()
        if bool(config.style_encoder) != bool(config.linguistics_encoder):
            raise ConfigError(
                "slim: give both model.style_encoder and model.linguistics_encoder, or none of them for "
                "features"
            )
        self.config = config
        self.encoders = nn.ModuleDict(
            {part: _encoder(config, part) for part in PARTS} if config.style_encoder else {}
        )
        self.compression = nn.ModuleDict({part: _compression(config) for part in PARTS})
        self.statistics = nn.ModuleDict({part: _statistics(config) for part in PARTS})
        num_logits = 1 if num_classes == 2 and config.one_logit else num_classes
        self.head = nn.Sequential(
            nn.Linear(4 * config.embedding, config.head),
            nn.ReLU(),
            nn.Dropout(config.head_dropout),
            nn.Linear(config.head, num_logits),
        )

    def forward(self, batch: Batch) -> Output:
        """The embedding is [statistics of style | of linguistics | mean of compressed style | of compressed
        linguistics | distance].

        The distance, where the configuration asks for it, is the mean over frames of the squared Euclidean
        one between what both modules make of a frame. The detector does not see it.

        Raise ConfigError for inputs of another kind or size, DataError for a clip without a frame.
        """
        if self.encoders:
            check_waveform(batch)
            return run_by_length(batch, max(self._encoder(part).samples(1) for part in PARTS), self._encode)
        check_features(batch, 2 * self.config.width, f"2 x model.width {self.config.width}")
        return run_by_length(
            batch,
            1,
            lambda x: self._run(dict(zip(PARTS, x.transpose(1, 2).chunk(2, dim=2), strict=True))),
            "frames",
        )

    def _encoder(self, part: str) -> SpeechEncoder:
        return cast(SpeechEncoder, self.encoders[part])

    def _encode(self, x: Tensor) -> Output:
        return self._run({part: self._encoder(part).mean(x) for part in PARTS})

    def _run(self, states: dict[str, Tensor]) -> Output:
        """Hidden states (B, N, D) of both parts to the output."""
        statistics = [self.statistics[part](states[part]) for part in PARTS]
        frames = [
            self.compression[part](states[part].flatten(0, 1)).unflatten(0, states[part].shape[:2])
            for part in PARTS
        ]
        embedding = torch.cat([*statistics, *(x.mean(1) for x in frames)], dim=1)
        logits = self.head(embedding)
        if self.config.distance:
            distance = (frames[0] - frames[1]).square().sum(2).mean(1)
            embedding = torch.cat([embedding, distance[:, None]], dim=1)
        return Output(logits, embedding)


class AttentiveStatistics(nn.Module):
    """Means and deviations over time, weighted by attention of each channel: (B, N, D) to (B, 2·D)."""

    def __init__(self, width: int, attention: int):
        super().__init__()
        self.score = nn.Sequential(nn.Linear(3 * width, attention), nn.Tanh(), nn.Linear(attention, width))

    def forward(self, x: Tensor) -> Tensor:
        evenly = torch.full_like(x, 1 / x.shape[1])
        context = weighted_statistics(x, evenly)[:, None].expand(-1, x.shape[1], -1)
        return weighted_statistics(x, self.score(torch.cat([x, context], dim=2)).softmax(1))


def weighted_statistics(x: Tensor, weights: Tensor) -> Tensor:
    """Means and deviations (B, 2·D) of (B, N, D) with weights (B, N, D) that add up to one over time."""
    mean = (weights * x).sum(1)
    variance = (weights * (x - mean[:, None]).square()).sum(1)
    return torch.cat([mean, variance.clamp_min(VARIANCE_FLOOR).sqrt()], dim=1)


def _encoder(config: Config, part: str) -> SpeechEncoder:
    model, layers, tuned = (getattr(config, f"{part}_{key}") for key in ("encoder", "layers", "tuned_layers"))
    options = (config.normalise, config.allow_download, tuned, config.recompute)
    encoder = SpeechEncoder(model, layers, *options)
    if encoder.width != config.width:
        raise ConfigError(
            f"slim: model.width is {config.width}, but {model} is {encoder.width} wide: set it to that"
        )
    return encoder


def _compression(config: Config) -> Compression:
    norm = nn.BatchNorm1d(config.bottleneck)
    return Compression(config.width, config.bottleneck, config.embedding, norm, config.dropout)


def _statistics(config: Config) -> nn.Sequential:
    layers = (
        nn.Linear(2 * config.width, config.hidden),
        nn.ReLU(),
        nn.Linear(config.hidden, config.embedding),
    )
    return nn.Sequential(AttentiveStatistics(config.width, config.attention), *layers)


def example() -> tuple[Config, tuple[int, ...]]:
    """A small configuration and the shape of its input, for tests."""
    return Config(width=12, bottleneck=6, embedding=8, attention=4, hidden=16, head=8), (24, 20)
