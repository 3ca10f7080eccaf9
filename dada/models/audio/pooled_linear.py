"""The mean over time of a speech encoder's last state, and one linear layer.

The detector of AntiDeepfake (Ge, Wang, Liu, Yamagishi, "Post-training for deepfake speech detection", ASRU
2025), whose strength is its encoder: tuned as a whole on many corpora. `from_official` reads its released
checkpoints (CC BY-NC-SA 4.0). 2·D + 2 parameters without the encoder.

Each waveform is normalised as a whole (`normalise: always`; the authors add 1e-5 to the variance, this
package 1e-7). Departure: clips are encoded with others of their length only, so that the mean is that of the
clip; in the authors' batches it also takes zeros behind shorter clips. Their class order is as here: 0 fake,
1 real; their score is the second logit.

Axes: B batch, L layers, N frames, D width of the encoder, K classes.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor, nn

from dada.features.speech_encoder import Normalise
from dada.models import Output
from dada.models.audio._ssl import EncoderConfig, SslModel
from dada.models.official import with_encoder


@dataclass
class Config(EncoderConfig):
    normalise: Normalise = "always"


class Model(SslModel):
    """States (B, L, N, D) to logits (B, K) and embeddings (B, D)."""

    def __init__(self, config: Config, num_classes: int):
        super().__init__(config)
        self.classify = nn.Linear(self.width, num_classes)

    def head(self, states: Tensor) -> Output:
        """The embedding is the mean over time."""
        embedding = self.merged(states).mean(1)
        return Output(self.classify(embedding), embedding)


def example() -> tuple[Config, tuple[int, ...]]:
    """A small network for tests."""
    return Config(width=12, num_layers=2), (24, 30)


def from_official(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Names of the authors' released checkpoints, encoder and head, to ours."""
    return with_encoder(state, "m_ssl.model.", [(r"^proj_fc\.", "classify.")])
