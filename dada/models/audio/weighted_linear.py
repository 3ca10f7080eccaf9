"""The weighted mean of a frozen encoder's states, a linear layer, the mean over time, and another one.

How Spoof-SUPERB compares encoders (Ali et al., ICASSP 2026, arXiv 2603.01482): the featuriser and the head
for utterances of s3prl. 25 states of XLS-R with 300 M parameters (0 to 24, the last one normalised), 256
dimensions: 262,939 parameters. Nothing is bent in between, so the logits are a linear map of the clip's mean
states, and what differs between encoders is the encoders.

Departures: s3prl repeats the last frame where the clip's length is no multiple of 320 samples; here frames
are those of the encoder. The authors' trained tensors leave the encoder out; their score is the second logit.

Axes: B batch, L layers, N frames, D width of the encoder, K classes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import Tensor, nn

from dada.features.speech_encoder import Normalise, TunedLayers
from dada.models import Output
from dada.models.audio._ssl import EncoderConfig, SslModel
from dada.models.official import with_encoder


@dataclass
class Config(EncoderConfig):
    """The defaults are those of XLS-R with 300 M parameters."""

    layers: list[int] = field(default_factory=lambda: list(range(25)))
    tuned_layers: TunedLayers = 0
    normalise: Normalise = "always"
    num_layers: int = 25
    projection: int = 256


class Model(SslModel):
    """States (B, L, N, D) to logits (B, K) and embeddings (B, projection)."""

    def __init__(self, config: Config, num_classes: int):
        super().__init__(config)
        self.project = nn.Linear(self.width, config.projection)
        self.classify = nn.Linear(config.projection, num_classes)

    def head(self, states: Tensor) -> Output:
        """The embedding is the mean over time of the projected states."""
        embedding = self.project(self.merged(states)).mean(1)
        return Output(self.classify(embedding), embedding)


def example() -> tuple[Config, tuple[int, ...]]:
    """A small network for tests."""
    return Config(width=12, num_layers=3, projection=8), (36, 30)


OFFICIAL_NAMES = (
    (r"^ssl_model\.featurizer\.weights$", "layer_weights"),
    (r"^projector\.", "project."),
    (r"^post_net\.linear\.", "classify."),
)


def from_official(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Names of the released tensors to ours, and of the encoder's where a file has them."""
    return with_encoder(state, "ssl_model.upstream.upstream.model.", OFFICIAL_NAMES)
