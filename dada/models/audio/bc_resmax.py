"""BC-ResMax: broadcasted residual learning for spoofing detection (Kwak et al., ICPR 2022; residuals after
Kim et al., Interspeech 2021).

A convolution along frequency on the whole map; then its mean over frequency, convolved along time, is added
to all rows.

The public Keras code, followed by default, has a ReLU after the convolution along frequency where the papers
have a max-feature-map (`mfm_before` the normalisation in the paper on frequency feature masking, `mfm_after`
it in ICPR's figure), and a plain BatchNorm along time, where a mean over frequency leaves no halves to
normalise apart.

Axes: B batch, F frequency, N frames, C channels.
"""

from dataclasses import dataclass

from torch import Tensor, nn

from dada.limits import Rate, Share
from dada.models.audio._maps import KERAS_MOMENTUM, NORM, fill_padding, set_norm_momentum
from dada.models.audio._separable import Activation, Depthwise, Mix, SubSpectralNorm, Trunk, Widen


@dataclass
class Config:
    """The defaults are the public code's. The activations mfm_before and mfm_after are
    max-feature-maps before and after the norm.
    """

    frequency_activation: Activation = "relu"  # after the convolution along frequency
    time_activation: Activation = "swish"  # after the convolution along time
    block_dropout: Rate = 0.1
    dropout: Rate = 0.5  # before the classifier
    # weight of a batch in the running statistics; a run of a few hundred steps needs more
    norm_momentum: Share = KERAS_MOMENTUM


def example() -> tuple[Config, tuple[int, ...]]:
    """A small configuration and the shape of an input."""
    return Config(), (36, 50)


class Model(Trunk):
    """Features (B, F, N) to logits (B, K) and embeddings (B, 64)."""

    def __init__(self, config: Config, num_classes: int):
        super().__init__(
            "bc_resmax", lambda channels, size: Block(channels, size, config), config.dropout, num_classes
        )
        set_norm_momentum(self, config.norm_momentum)


class Block(nn.Module):
    """out = x + y + broadcast(mix(time(mean y))), y = frequency(x); where channels change, x is widened first
    and not added.
    """

    def __init__(self, channels: int, size: int, config: Config):
        super().__init__()
        self.transition = channels != size
        self.widen = Widen(channels, size) if self.transition else nn.Identity()
        self.frequency = Depthwise(size, (3, 1), SubSpectralNorm, config.frequency_activation)
        self.time = Depthwise(size, (1, 3), lambda num: nn.BatchNorm2d(num, **NORM), config.time_activation)
        self.mix = Mix(size, size, config.block_dropout)

    def forward(self, x: Tensor, lengths: Tensor | None) -> Tensor:
        """(B, C, F, N), of which `lengths` frames are valid, to (B, size, F, N)."""
        y = self.frequency(self.widen(x))
        z = self.mix(self.time(fill_padding(y.mean(2, keepdim=True), lengths)))
        return y + z if self.transition else x + y + z
