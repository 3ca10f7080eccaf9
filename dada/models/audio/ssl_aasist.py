"""W2V2-AASIST of Tak et al.: AASIST on the last state of XLS-R, which is tuned with it.

Tak et al., "Automatic speaker verification spoofing and deepfake detection using wav2vec 2.0 and data
augmentation" (Odyssey 2022), and the authors' public code and weights, which `from_official` reads. A linear
layer makes an image of the frames; after AASIST's six residual blocks without their pools, learned attention
over time makes the nodes of its rows and attention over rows the nodes of its frames, in place of maxima
(`w2v2_aasist` takes these). 201 frames become 42 by 67 nodes. 447,242 parameters without the encoder.

Traps, kept, are AASIST's. The authors score by the bona fide logit alone; here a countermeasure's score is
the difference of the two.

Axes: B batch, L layers, N frames, D width of the encoder, P image rows, C channels, H and W of the reduced
image, K classes.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor, nn

from dada.errors import ConfigError
from dada.features.speech_encoder import Normalise
from dada.limits import Share
from dada.models import Output
from dada.models.audio import aasist
from dada.models.audio._norm import BatchNorm2d
from dada.models.audio._spectro_temporal import Encoder
from dada.models.audio._ssl import EncoderConfig, SslModel
from dada.models.audio.aasist import NUM_BLOCKS, GraphConfig, check_sizes
from dada.models.official import with_encoder

POOL = 3  # of the image, in both directions
ATTENTION = 128  # channels within the attention


@dataclass
class Config(GraphConfig, EncoderConfig):
    """The defaults are the authors', on XLS-R with 300 M parameters."""

    normalise: Normalise = "never"
    temporal_ratio: Share = 0.5
    projection: int = 128  # P


class Model(SslModel):
    """States (B, L, N, D) to logits (B, K) and embeddings (B, 160)."""

    shortest = POOL

    def __init__(self, config: Config, num_classes: int):
        super().__init__(config)
        check_sizes(config)
        if config.projection < POOL:
            raise ConfigError(
                f"ssl_aasist: projection is {config.projection}, but the pool needs {POOL} rows"
            )
        self.project = nn.Linear(self.width, config.projection)
        self.image_norm = BatchNorm2d(1)
        self.blocks = Encoder(config.channels, [1] * NUM_BLOCKS, config.dead_preact)
        self.map_norm = nn.BatchNorm2d(config.channels[-1])
        self.graphs = Graphs(config, config.channels[-1], config.projection // POOL)
        self.classify = nn.Linear(self.graphs.size, num_classes)

    def head(self, states: Tensor) -> Output:
        """The embedding is what enters the last layer, after dropout."""
        selu = nn.functional.selu
        image = self.project(self.merged(states)).transpose(1, 2)[:, None]  # (B, 1, P, N)
        image = selu(self.image_norm(nn.functional.max_pool2d(image, POOL)))
        embedding = self.graphs(selu(self.map_norm(self.blocks(image))))
        return Output(self.classify(embedding), embedding)


class Graphs(aasist.Graphs):
    """AASIST's graphs, whose nodes are means weighted by attention."""

    def __init__(self, config: GraphConfig, channels: int, height: int):
        super().__init__(config, channels, height)
        self.attention = nn.Sequential(
            nn.Conv2d(channels, ATTENTION, 1),
            nn.SELU(),
            nn.BatchNorm2d(ATTENTION),
            nn.Conv2d(ATTENTION, channels, 1),
        )

    def nodes(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """A map (B, C, H, W) to nodes of its rows (B, H, C) and of its frames (B, W, C)."""
        weights = self.attention(x)
        rows, frames = (x * weights.softmax(3)).sum(3), (x * weights.softmax(2)).sum(2)
        return rows.transpose(1, 2), frames.transpose(1, 2)


def example() -> tuple[Config, tuple[int, ...]]:
    """A small network for tests, without parameters that no output depends on."""
    sizes = {"channels": [4, 4, 8, 8, 8, 8], "node_sizes": [8, 4], "dead_preact": False}
    return Config(width=12, num_layers=2, projection=16, **sizes), (24, 30)  # type: ignore[arg-type]


OFFICIAL_NAMES = (
    (r"^LL\.", "project."),
    (r"^first_bn\.", "image_norm."),
    (r"^first_bn1\.", "map_norm."),
    (r"^attention\.", "graphs.attention."),
    (r"^encoder\.(\d)\.0\.", r"blocks.\1."),
    *aasist.OFFICIAL_NAMES,
)


def from_official(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Names of the authors' released checkpoints, encoder and head, to ours."""
    return with_encoder(state, "ssl_model.model.", OFFICIAL_NAMES)
