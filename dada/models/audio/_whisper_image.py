"""What the detectors on Whisper's features share: the image of its frames, written twice.

Kawa et al., "Improved DeepFake detection using Whisper features" (Interspeech 2023) and the authors' public
code and weights. They tile clips to 30 s, 1,500 frames of Whisper tiny.en's encoder behind its final norm,
and repeat the sequence once more along time, so that 384 x 3,000 cells match those of cepstra, which their
best system has as a second channel.

Axes: B batch, L layers, N frames, D width of the encoder.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from dada.errors import ConfigError
from dada.features.speech_encoder import TunedLayers
from dada.models import Output
from dada.models.audio._cepstra import Cepstra, Kind
from dada.models.audio._ssl import EncoderConfig, SslModel
from dada.models.official import Rule, encoder_from_whisper, with_encoder


@dataclass
class WhisperConfig(EncoderConfig):
    """The defaults are those of Whisper tiny.en, frozen as in the authors' first stage."""

    tuned_layers: TunedLayers = 0
    width: int = 384
    # a second channel made of the waveform, with the encoder inside: MFCC or LFCC with differences
    cepstra: Kind = "none"
    one_logit: bool = True  # two classes give one logit, the score of the second, for loss bce

    def num_logits(self, num_classes: int) -> int:
        """Outputs of the last layer."""
        return 1 if num_classes == 2 and self.one_logit else num_classes


class WhisperModel(SslModel):
    """States (B, L, N, D) to logits and embeddings, by way of the image (B, C, D, 2·N).

    There are C = 2 `channels` with cepstra, 1 without. A network states the `reduction` of both axes by its
    pools. Raise ConfigError for an encoder whose width is below it.
    """

    reduction: int

    def __init__(self, config: WhisperConfig):
        super().__init__(config)
        if self.width < self.reduction:
            name = type(self).__module__.rpartition(".")[2]
            raise ConfigError(f"{name}: {self.width} features are too few: the pools need {self.reduction}")
        self.cepstra: Cepstra | None = None
        if config.cepstra != "none":
            if self.width % 3:
                raise ConfigError(
                    f"model.cepstra: {self.width} rows cannot be thirds of coefficients and differences"
                )
            self.cepstra = Cepstra(config.cepstra, self.width)
        self.channels = 1 if self.cepstra is None else 2

    def of_waveforms(self, x: Tensor) -> Output:
        """Waveforms (B, T) to the output."""
        assert self.encoder is not None
        image = self.image(self.encoder(x))
        if self.cepstra is not None:
            image = torch.cat([image, self.cepstra(x, image.shape[3])[:, None]], 1)
        return self.read(image)

    def head(self, states: Tensor) -> Output:
        """The embedding is what enters the last layer."""
        if self.cepstra is not None:
            raise ConfigError(
                "model.cepstra are made of waveforms: set input.kind waveform and model.encoder, or leave "
                "them out"
            )
        return self.read(self.image(states))

    def image(self, states: Tensor) -> Tensor:
        """Hidden states (B, L, N, D) to the image of their mean, twice along time, (B, 1, D, 2·N)."""
        x = self.merged(states).transpose(1, 2)[:, None]
        return torch.cat([x, x], 3)

    def read(self, image: Tensor) -> Output:
        """An image (B, C, D, M) to the output: what a network adds to this class."""
        raise NotImplementedError


def from_official_whisper(state: Mapping[str, Tensor], rules: tuple[Rule, ...]) -> dict[str, Tensor]:
    """Names of the authors' released checkpoints, Whisper's encoder and a head, to ours."""
    return with_encoder(state, "whisper_model.encoder.", rules, encoder_from_whisper)
