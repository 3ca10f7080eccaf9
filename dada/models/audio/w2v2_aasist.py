"""W2V2-AASIST: the graphs of AASIST on the hidden states of a speech encoder.

Han et al., "CAU_KU deep fake detection system for ADD 2023 challenge" (DADA workshop, 2023), figure 2: the
last layers of XLS-R are tuned, how many is not said, and a "variant encoder" that is not described leads to
AASIST's graphs. Here a linear layer to 128 dimensions makes an image of them, as in Tak et al., "Automatic
speaker verification spoofing and deepfake detection using wav2vec 2.0 and data augmentation" (Odyssey 2022):
3 x 3 max pool, BatchNorm, SELU, and the six residual blocks without their pools in time, since there are few
frames. 201 frames become 42 by 67 nodes, of which the pools keep half. Without the encoder 463,050 parameters
at a width of 1280.

The encoder is a part of the network, frozen up to its last `tuned_layers`; or its hidden states are features
(`speech_encoder`), which are frozen, and quick to train on. Of several layers a learned weighted mean is
taken.

Axes: B batch, T samples, F features, N frames, L layers, D width of the encoder, P image rows, K classes.
"""

from dataclasses import dataclass

from torch import Tensor, nn

from dada.features.speech_encoder import TunedLayers
from dada.limits import Share
from dada.models import Output
from dada.models.audio._ssl import EncoderConfig, SslModel
from dada.models.audio.aasist import NUM_BLOCKS, GraphConfig
from dada.models.audio.cqt_aasist import Trunk


@dataclass
class Config(GraphConfig, EncoderConfig):
    """The defaults are those of XLS-R with 1 B parameters, its last layers tuned."""

    tuned_layers: TunedLayers = 12
    width: int = 1280
    projection: int = 128  # P
    temporal_ratio: Share = 0.5


class Model(SslModel):
    """Waveforms (B, T) or features (B, L·D, N) to logits (B, K) and embeddings (B, 160)."""

    def __init__(self, config: Config, num_classes: int):
        super().__init__(config)
        self.project = nn.Linear(self.width, config.projection)
        self.trunk = Trunk(config, config.projection, [1] * NUM_BLOCKS)
        self.classify = nn.Linear(self.trunk.size, num_classes)
        self.shortest = self.trunk.shortest

    def head(self, states: Tensor) -> Output:
        """The embedding is what enters the last layer, after dropout."""
        embedding = self.trunk(self.project(self.merged(states)).transpose(1, 2)[:, None])
        return Output(self.classify(embedding), embedding)


def example() -> tuple[Config, tuple[int, ...]]:
    """A small network for tests, without parameters that no output depends on."""
    config = Config(
        channels=[4, 4, 8, 8, 8, 8],
        node_sizes=[8, 4],
        dead_preact=False,
        width=12,
        num_layers=2,
        projection=16,
    )
    return config, (24, 30)
