"""Networks on the hidden states of a speech encoder, which is a part of the network or was run before.

With an `encoder` in its settings a network reads waveforms, and the encoder may be tuned with it. Without one
it reads what the feature `speech_encoder` gives, in arks or computed on the fly: the chosen states of a
frozen encoder, stacked (L·D, N).

Axes: B batch, T samples, L states, N frames, D width of the encoder, K classes.
"""

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from dada.data.batch import Batch
from dada.errors import ConfigError
from dada.features.speech_encoder import Lora, Normalise, SpeechEncoder, TunedLayers
from dada.limits import Positive, Rate
from dada.models import Output
from dada.models.audio._lengths import run_by_length


@dataclass
class EncoderConfig:
    """With an `encoder` the inputs are waveforms; without, `num_layers` states of `width` features."""

    encoder: str = ""  # folder, relative to the recipe, or id on Hugging Face
    layers: list[int] = field(default_factory=lambda: [-1])  # hidden states of `encoder`
    final_norm: bool = True  # the last state behind the encoder's last LayerNorm, where it has one there
    # of `encoder`: its last ones in use; 0 freezes it, -1 tunes the whole of it
    tuned_layers: TunedLayers = -1
    lora_rank: int = 0  # of adapters in a frozen encoder; 0 has none
    lora_alpha: Positive = 16.0  # adapters count for α / rank
    lora_dropout: Rate = 0.0  # before the adapters
    lora_targets: list[str] = field(default_factory=list)  # with adapters; empty: the attention's layers
    encoder_dropout: Rate | None = None  # of the tuned encoder, all its rates; without, as it was pretrained
    # false: random weights of the size in the encoder's config.json, for `init` to fill
    pretrained: bool = True
    # keep little of the tuned layers for the backward pass, and run each again in it: for long clips on a GPU
    recompute: bool = False
    normalise: Normalise = "auto"  # as of speech_encoder
    allow_download: bool = False
    width: int = 1024  # D of features
    num_layers: int = 1  # L of features


class SslModel(nn.Module):
    """Waveforms (B, T) or features (B, L·D, N) to hidden states (B, L, N, D), and what `head` makes of them.

    `width` is D and `num_states` L, of the encoder or of the features. `shortest` frames are the fewest that
    `head` takes. Heads of a single state `merge` several into their mean with learned weights.
    """

    shortest = 1

    def __init__(self, config: EncoderConfig, merge: bool = True):
        super().__init__()
        self.config = config
        self.encoder: SpeechEncoder | None = None
        self.width, self.num_states = config.width, config.num_layers
        if config.encoder:
            lora = Lora(config.lora_rank, config.lora_alpha, config.lora_dropout, config.lora_targets)
            self.encoder = SpeechEncoder(
                config.encoder,
                config.layers,
                config.normalise,
                config.allow_download,
                config.tuned_layers,
                config.recompute,
                config.final_norm,
                lora,
                config.encoder_dropout,
                config.pretrained,
            )
            self.width, self.num_states = self.encoder.width, len(config.layers)
        self.layer_weights = (
            nn.Parameter(torch.zeros(self.num_states)) if merge and self.num_states > 1 else None
        )

    def forward(self, batch: Batch) -> Output:
        """(B, T) or (B, L·D, N) to logits (B, K) and embeddings.

        Raise ConfigError for inputs of another kind or size, DataError for a clip of too few frames.
        """
        if self.encoder is not None:
            check_waveform(batch)
            return run_by_length(batch, self.encoder.samples(self.shortest), self.of_waveforms)
        layers, width = self.num_states, self.width
        check_features(batch, layers * width, f"model.num_layers {layers} x model.width {width}")
        return run_by_length(
            batch,
            self.shortest,
            lambda x: self.head(x.unflatten(1, (layers, width)).transpose(2, 3)),
            "frames",
        )

    def of_waveforms(self, x: Tensor) -> Output:
        """Waveforms (B, T) to the output, with the encoder inside."""
        assert self.encoder is not None
        return self.head(self.encoder(x))

    def head(self, states: Tensor) -> Output:
        """Hidden states (B, L, N, D) to the output: what a network adds to this class."""
        raise NotImplementedError

    def merged(self, states: Tensor) -> Tensor:
        """Hidden states (B, L, N, D) to their weighted mean (B, N, D); a single one as it is."""
        if self.layer_weights is None:
            return states[:, 0]
        return torch.einsum("l,blnd->bnd", self.layer_weights.softmax(0), states)


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
