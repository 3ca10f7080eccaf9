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

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from dada.data.batch import Batch
from dada.errors import ConfigError
from dada.features.speech_encoder import Normalise, SpeechEncoder
from dada.limits import Share
from dada.models import Output
from dada.models.audio._lengths import run_by_length
from dada.models.audio.aasist import NUM_BLOCKS, GraphConfig
from dada.models.audio.cqt_aasist import Trunk


@dataclass
class Config(GraphConfig):
    """With an `encoder` the inputs are waveforms; without, `num_layers` layers of hidden states, stacked
    (L·D, N).
    """

    encoder: str = ""  # folder, relative to the recipe, or id on Hugging Face
    layers: list[int] = field(default_factory=lambda: [-1])  # hidden states of `encoder`
    tuned_layers: int = 12  # of `encoder`: its last ones in use; 0 freezes it, -1 tunes the whole of it
    # keep little of the tuned layers for the backward pass, and run each again in it: for long clips on a GPU
    recompute: bool = False
    normalise: Normalise = "auto"  # as of speech_encoder
    allow_download: bool = False
    width: int = 1280  # D of features
    num_layers: int = 1  # L of features
    projection: int = 128  # P
    temporal_ratio: Share = 0.5


class Model(nn.Module):
    """Waveforms (B, T) or features (B, L·D, N) to logits (B, K) and embeddings (B, 160)."""

    def __init__(self, config: Config, num_classes: int):
        super().__init__()
        self.config = config
        self.encoder: SpeechEncoder | None = None
        width, num_layers = config.width, config.num_layers
        if config.encoder:
            options = (config.normalise, config.allow_download, config.tuned_layers, config.recompute)
            self.encoder = SpeechEncoder(config.encoder, config.layers, *options)
            width, num_layers = self.encoder.width, len(config.layers)
        self.layer_weights = nn.Parameter(torch.zeros(num_layers)) if num_layers > 1 else None
        self.project = nn.Linear(width, config.projection)
        self.trunk = Trunk(config, config.projection, [1] * NUM_BLOCKS)
        self.classify = nn.Linear(self.trunk.size, num_classes)

    def forward(self, batch: Batch) -> Output:
        """(B, T) or (B, L·D, N) to logits (B, K); the embedding is what enters the last layer, after dropout.

        Raise ConfigError for inputs of another kind or size, DataError for a clip of too few frames.
        """
        if self.encoder is not None:
            encoder = self.encoder
            check_waveform(batch)
            return run_by_length(batch, encoder.samples(self.trunk.shortest), lambda x: self._run(encoder(x)))
        num_layers, width = self.config.num_layers, self.config.width
        check_features(batch, num_layers * width, f"model.num_layers {num_layers} x model.width {width}")
        return run_by_length(
            batch,
            self.trunk.shortest,
            lambda x: self._run(x.unflatten(1, (num_layers, width)).transpose(2, 3)),
            "frames",
        )

    def _run(self, states: Tensor) -> Output:
        """Hidden states (B, L, N, D) to the output."""
        x = (
            states[:, 0]
            if self.layer_weights is None
            else torch.einsum("l,blnd->bnd", self.layer_weights.softmax(0), states)
        )
        embedding = self.trunk(self.project(x).transpose(1, 2)[:, None])
        return Output(self.classify(embedding), embedding)


def check_waveform(batch: Batch) -> None:
    """Raise ConfigError for inputs that an encoder inside the network cannot read."""
    if batch.inputs.ndim != 2:
        raise ConfigError(
            "the network holds its speech encoder, which reads waveforms: set input.kind waveform, or "
            "leave the encoder out"
        )


def check_features(batch: Batch, num_rows: int, meaning: str) -> None:
    """Raise ConfigError for inputs that are not `num_rows` features a frame."""
    shape = tuple(batch.inputs.shape[1:])
    if batch.inputs.ndim != 3 or shape[0] != num_rows:
        raise ConfigError(
            f"an utterance's input is {shape}, but {meaning} = {num_rows} features a frame are expected: "
            "see input.features"
        )


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
