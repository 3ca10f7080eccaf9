"""Input of SLIM: means over chosen layers of two frozen encoders, one tuned to style, one to linguistics.

Zhu et al., "SLIM: style-linguistics mismatch model for generalized audio deepfake detection" (NeurIPS 2024):
XLSR tuned to recognise emotion, layers 0 to 10, and XLSR tuned to recognise English, layers 14 to 21, here
both counted as `speech_encoder` does.

Axes: B batch, T samples, N frames, D width of an encoder.
"""

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from dada.errors import ConfigError
from dada.features.speech_encoder import Normalise, SpeechEncoder

VERSION = 2  # 2: the last state of encoders that normalise first is the normalised one


@dataclass
class Config:
    """Models are ids on Hugging Face, or folders; layers are hidden states, as in `speech_encoder`."""

    style_model: str = "ehcalabres/wav2vec2-lg-xlsr-en-speech-emotion-recognition"
    style_layers: list[int] = field(default_factory=lambda: list(range(11)))
    linguistics_model: str = "jonatasgrosman/wav2vec2-large-xlsr-53-english"
    linguistics_layers: list[int] = field(default_factory=lambda: list(range(14, 22)))
    # auto | always | never: zero mean and unit variance of each clip; auto asks each model's processor
    normalise: Normalise = "auto"
    allow_download: bool = False  # fetch a model from Hugging Face when it is not on disk


class Feature(nn.Module):
    """Waveform (B, T) at 16 kHz to means of hidden states, (B, 2·D, N), those of style first, without
    gradient.
    """

    def __init__(self, config: Config):
        super().__init__()
        options = (config.normalise, config.allow_download)
        self.style = SpeechEncoder(config.style_model, config.style_layers, *options)
        self.linguistics = SpeechEncoder(config.linguistics_model, config.linguistics_layers, *options)
        if self.style.is_whisper != self.linguistics.is_whisper:
            raise ConfigError(
                "style_linguistics: Whisper gives a frame more than wav2vec 2.0 does: take both encoders "
                "of one kind"
            )
        self.num_features = self.style.width + self.linguistics.width

    @torch.no_grad()
    def forward(self, x: Tensor) -> Tensor:
        """(B, T) to (B, F, N). Raise DataError for a clip shorter than one frame."""
        return torch.cat([self.style.mean(x), self.linguistics.mean(x)], dim=2).transpose(1, 2)
