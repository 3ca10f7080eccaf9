"""SLS: which layers of a speech encoder count, by a gate for each layer of each clip.

Zhang, Wen, Hu, "Audio deepfake detection with self-supervised XLS-R and SLS classifier" (ACM MM 2024) and
the authors' public code and weights, which `from_official` reads. The outputs of all layers as they leave
them (`final_norm: false`); a gate on the mean over time of each; their gated sum as an image of one
channel, which a pool reduces by 3 in both directions; two linear layers. 23,399,429 parameters without the
encoder.

The first linear layer reads the whole image, so the network takes windows of one length alone: 201 to 203
frames, 64,400 to 65,359 samples. Traps, kept: SELU behind the last layer, which holds every logit above
-1.7581, so that the scores of clear spoofs pile up. Departures: no logarithm of the softmax in the network,
as the loss takes it, and with two classes the order of scores stays; the authors score by the logarithm of
bona fide's probability.

Axes: B batch, L layers, N frames, D width of the encoder, K classes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import Tensor, nn

from dada.errors import ConfigError
from dada.features.speech_encoder import Normalise
from dada.models import Output
from dada.models.audio._ssl import EncoderConfig, SslModel
from dada.models.official import with_encoder

POOL = 3  # of the image, in both directions


@dataclass
class Config(EncoderConfig):
    """The defaults are the authors', on XLS-R with 300 M parameters."""

    layers: list[int] = field(default_factory=lambda: list(range(1, 25)))
    final_norm: bool = False
    normalise: Normalise = "never"
    num_layers: int = 24
    num_frames: int = 201  # N, down to a multiple of 3
    hidden: int = 1024


class Model(SslModel):
    """States (B, L, N, D) to logits (B, K) and embeddings (B, hidden)."""

    def __init__(self, config: Config, num_classes: int):
        super().__init__(config, merge=False)
        self.num_frames = config.num_frames
        self.rows = config.num_frames // POOL
        self.shortest = self.rows * POOL
        if not self.rows or self.width < POOL:
            raise ConfigError(
                f"sls: num_frames {config.num_frames} and width {self.width} must be {POOL} or more"
            )
        self.gate = nn.Linear(self.width, 1)
        self.norm = nn.BatchNorm2d(1)
        self.hidden = nn.Linear(self.rows * (self.width // POOL), config.hidden)
        self.classify = nn.Linear(config.hidden, num_classes)

    def head(self, states: Tensor) -> Output:
        """The embedding is the hidden layer. Raise ConfigError for more frames than there are weights for."""
        num_frames = states.shape[2]
        if num_frames // POOL != self.rows:
            raise ConfigError(
                f"sls: a clip has {num_frames} frames, but model.num_frames is {self.num_frames}: "
                f"the network takes {self.shortest} to {self.shortest + POOL - 1} (64,600 samples make 201); "
                "set input.num_samples and input.length_rule"
            )
        gates = self.gate(states.mean(2)).sigmoid()  # (B, L, 1)
        image = (states * gates[..., None]).sum(1, keepdim=True)  # (B, 1, N, D)
        image = nn.functional.max_pool2d(nn.functional.selu(self.norm(image)), POOL)
        embedding = nn.functional.selu(self.hidden(image.flatten(1)))
        return Output(nn.functional.selu(self.classify(embedding)), embedding)


def example() -> tuple[Config, tuple[int, ...]]:
    """A small network for tests."""
    return Config(width=12, num_layers=2, num_frames=4, hidden=16), (24, 5)


OFFICIAL_NAMES = (
    (r"^first_bn\.", "norm."),
    (r"^fc0\.", "gate."),
    (r"^fc1\.", "hidden."),
    (r"^fc3\.", "classify."),
)


def from_official(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Names of the authors' released checkpoint, encoder and head, to ours."""
    return with_encoder(state, "ssl_model.model.", OFFICIAL_NAMES)
