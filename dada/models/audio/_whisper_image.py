"""What the detectors on Whisper's features share: the image of its frames, written twice.

Kawa et al., "Improved DeepFake detection using Whisper features" (Interspeech 2023) and the authors' public
code and weights. They tile clips to 30 s, 1,500 frames of Whisper tiny.en's encoder behind its final norm,
and repeat the sequence once more along time, so that 384 x 3,000 cells match their other features.

Axes: B batch, L layers, N frames, D width of the encoder.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from dada.features.speech_encoder import TunedLayers
from dada.models import Output
from dada.models.audio._ssl import EncoderConfig, SslModel
from dada.models.official import Rule, encoder_from_whisper, with_encoder


@dataclass
class WhisperConfig(EncoderConfig):
    """The defaults are those of Whisper tiny.en, frozen as in the authors' first stage."""

    tuned_layers: TunedLayers = 0
    width: int = 384
    one_logit: bool = True  # two classes give one logit, the score of the second, for loss bce

    def num_logits(self, num_classes: int) -> int:
        """Outputs of the last layer."""
        return 1 if num_classes == 2 and self.one_logit else num_classes


class WhisperModel(SslModel):
    """States (B, L, N, D) to logits and embeddings, by way of the image (B, 1, D, 2·N)."""

    def head(self, states: Tensor) -> Output:
        """The embedding is what enters the last layer."""
        x = self.merged(states).transpose(1, 2)[:, None]
        return self.read(torch.cat([x, x], 3))

    def read(self, image: Tensor) -> Output:
        """An image (B, 1, D, M) to the output: what a network adds to this class."""
        raise NotImplementedError


def from_official_whisper(state: Mapping[str, Tensor], rules: tuple[Rule, ...]) -> dict[str, Tensor]:
    """Names of the authors' released checkpoints, Whisper's encoder and a head, to ours."""
    return with_encoder(state, "whisper_model.encoder.", rules, encoder_from_whisper)
