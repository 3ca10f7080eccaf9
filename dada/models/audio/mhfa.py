"""MHFA: multi-head factorised attentive pooling over the states of a speech encoder.

Peng et al., "An attention-based backend allowing efficient fine-tuning of transformer models for speaker
verification" (SLT 2022), for spoofing in WeDefense (arXiv 2601.15240), whose weights `from_official` reads.
Two learned means of all states, one for keys and one for values, each through its own linear layer; every
head weighs the frames by the keys and takes its mean of the same values. 25 states, the last one normalised,
32 heads, XLS-R with 300 M parameters: 1,316,436 parameters without the encoder.

Traps, kept by options: WeDefense's recipes subtract what they call the cepstral mean, but over the features
of each frame and not over time (`subtract: features`); the gradient into the encoder is made smaller
(`encoder_gradient`). The published class order is bona fide, spoof; `from_official` turns it to ours. The
published score adds the classes' shares in training, the same number for every clip.

Axes: B batch, L layers, N frames, D width of the encoder, C compressed width, H heads, K classes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor, nn

from dada.features.speech_encoder import Normalise
from dada.limits import Share
from dada.models import Output
from dada.models.audio._ssl import EncoderConfig, SslModel
from dada.models.official import with_encoder


@dataclass
class Config(EncoderConfig):
    """The defaults are WeDefense's, on encoders of 24 layers."""

    layers: list[int] = field(default_factory=lambda: list(range(25)))
    normalise: Normalise = "always"
    num_layers: int = 25
    heads: int = 32
    compression: int = 128
    embedding: int = 256
    subtract: Literal["nothing", "features", "time"] = "nothing"  # the mean of states over this axis
    encoder_gradient: Share = 1.0  # factor on the gradient into a tuned encoder


class Model(SslModel):
    """States (B, L, N, D) to logits (B, K) and embeddings (B, embedding)."""

    def __init__(self, config: Config, num_classes: int):
        super().__init__(config, merge=False)
        self.subtract, self.encoder_gradient = config.subtract, config.encoder_gradient
        self.key_layers = nn.Parameter(torch.ones(self.num_states))
        self.value_layers = nn.Parameter(torch.ones(self.num_states))
        self.key = nn.Linear(self.width, config.compression)
        self.value = nn.Linear(self.width, config.compression)
        self.heads = nn.Linear(config.compression, config.heads)
        self.embed = nn.Linear(config.heads * config.compression, config.embedding)
        self.norm = nn.BatchNorm1d(config.embedding)
        self.classify = nn.Linear(config.embedding, num_classes)

    def head(self, states: Tensor) -> Output:
        """The embedding is that of the pooled heads, before its BatchNorm."""
        if self.encoder is not None and states.requires_grad and self.encoder_gradient != 1:
            states.register_hook(lambda gradient: gradient * self.encoder_gradient)
        if self.subtract != "nothing":
            states = states - states.mean(3 if self.subtract == "features" else 2, keepdim=True)
        keys, values = (
            linear(torch.einsum("l,blnd->bnd", weights.softmax(0), states))
            for linear, weights in ((self.key, self.key_layers), (self.value, self.value_layers))
        )
        attention = self.heads(keys).softmax(1)  # (B, N, H)
        pooled = torch.einsum("bnh,bnc->bhc", attention, values)
        embedding = self.embed(pooled.flatten(1))
        return Output(self.classify(nn.functional.relu(self.norm(embedding))), embedding)


def example() -> tuple[Config, tuple[int, ...]]:
    """A small network for tests."""
    return Config(width=12, num_layers=3, heads=4, compression=8, embedding=16), (36, 30)


OFFICIAL_NAMES = (
    (r"^(backend|back_end)\.", ""),
    (r"^weights_k$", "key_layers"),
    (r"^weights_v$", "value_layers"),
    (r"^cmp_linear_k\.", "key."),
    (r"^cmp_linear_v\.", "value."),
    (r"^att_head\.", "heads."),
    (r"^pooling_fc\.", "embed."),
    (r"^projection\.trans\.0\.", "norm."),
    (r"^projection\.trans\.2\.", "classify."),
)


def from_official(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Names and class order of the published checkpoints, encoder and head, to ours."""
    named = with_encoder(state, "frontend.upstream.upstream.model.", OFFICIAL_NAMES)
    return {
        name: value.flip(0) if name in ("classify.weight", "classify.bias") else value
        for name, value in named.items()
    }
