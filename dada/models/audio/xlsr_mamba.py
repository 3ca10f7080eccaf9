"""XLSR-Mamba: two columns of selective state spaces, one in each direction, on the last state of XLS-R.

Xiao and Das, "XLSR-Mamba: a dual-column bidirectional state space model for spoofing attack detection"
(IEEE SPL, 2025) and the authors' public code and weights, which `from_official` reads. Six layers a column,
attention pooling of each column, both joined. 1,936,950 parameters without the encoder.

Trap, kept (`dead_last`): what the authors' fused kernel normalises at the end of a column is its last
residual plus the column's input, in place of the last layer's output, so that the last layer of both
columns changes nothing and never learns (291,168 parameters), and that the backward column adds its input
in the forward direction. Published weights were trained so; without the trap a column ends as Mamba does.
The authors score by the bona fide logit alone; here a countermeasure's score is the difference of the two.
Nothing is padded: a pooling sees all frames.

Axes: B batch, L layers, N frames, D width of the network, K classes.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from dada.features.speech_encoder import Normalise
from dada.limits import Rate
from dada.models import Output
from dada.models.audio._conformer import Project
from dada.models.audio._mamba import Mixer, RMSNorm
from dada.models.audio._ssl import EncoderConfig, SslModel
from dada.models.official import with_encoder

DIRECTIONS = ("forwards", "backwards")


@dataclass
class Config(EncoderConfig):
    """The defaults are the authors', on XLS-R with 300 M parameters."""

    normalise: Normalise = "never"
    size: int = 144  # D
    num_layers_each: int = 6  # of a column
    expansion: int = 2  # channels of a layer, in D
    state: int = 16  # numbers of a channel's state
    taps: int = 4  # of the convolution in a layer
    dropout: Rate = 0.1
    dead_last: bool = True  # leave the last layer of a column out, as the published weights want it


class Model(SslModel):
    """States (B, L, N, D) to logits (B, K) and embeddings (B, size)."""

    def __init__(self, config: Config, num_classes: int):
        super().__init__(config)
        self.project = Project(self.width, config.size)
        self.columns = nn.ModuleDict({direction: Column(config) for direction in DIRECTIONS})
        self.norm = RMSNorm(config.size)
        self.pools = nn.ModuleDict({direction: nn.Linear(config.size, 1) for direction in DIRECTIONS})
        self.merge = nn.Linear(2 * config.size, config.size)
        self.dropout = nn.Dropout(config.dropout)
        self.classify = nn.Linear(config.size, num_classes)
        for linear in (self.project.linear, self.merge, self.classify, *self.pools.values()):
            nn.init.zeros_(linear.bias)  # type: ignore[arg-type]

    def head(self, states: Tensor) -> Output:
        """The embedding is both columns' joined one, before its dropout."""
        x = self.dropout(self.project(self.merged(states)))
        pooled = []
        for direction in DIRECTIONS:
            turned = x if direction == "forwards" else x.flip(1)
            hidden, residual = self.columns[direction](turned)
            h = self.norm((x if self.config.dead_last else hidden) + residual)  # type: ignore[attr-defined]
            pooled.append((self.pools[direction](h).softmax(1) * h).sum(1))
        embedding = self.merge(torch.cat(pooled, 1))
        return Output(self.classify(self.dropout(embedding)), embedding)


class Column(nn.ModuleList):
    """Layers one behind the other: (B, N, D) to the last one's output and the residual before it."""

    def __init__(self, config: Config):
        super().__init__(Layer(config) for _ in range(config.num_layers_each))
        self.dead_last = config.dead_last
        for parameter in self.frozen_parameters():
            parameter.requires_grad_(False)

    def frozen_parameters(self) -> list[nn.Parameter]:
        """Those of the last layer, where no output depends on it."""
        return list(self[-1].parameters()) if self.dead_last else []

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        hidden, residual = x, torch.zeros_like(x)
        for i, layer in enumerate(self):
            residual = residual + hidden
            if not (self.dead_last and i == len(self) - 1):
                hidden = layer(residual)
        return hidden, residual


class Layer(nn.Module):
    """(B, N, D) to the same."""

    def __init__(self, config: Config):
        super().__init__()
        self.mixer = Mixer(config.size, config.expansion, config.state, config.taps)
        self.norm = RMSNorm(config.size)
        with torch.no_grad():
            self.mixer.leave.weight /= config.num_layers_each**0.5

    def forward(self, residual: Tensor) -> Tensor:
        return self.mixer(self.norm(residual))


def example() -> tuple[Config, tuple[int, ...]]:
    """A small network for tests, without parameters that no output depends on."""
    sizes = {"size": 16, "num_layers_each": 2, "state": 4}
    return Config(width=12, num_layers=2, dead_last=False, **sizes), (24, 30)  # type: ignore[arg-type]


LAYER = r"^(columns\.\w+\.\d+)\.mixer\."
OFFICIAL_NAMES = (
    (r"^LL\.", "project.linear."),
    (r"^first_bn\.", "project.norm."),
    (r"^conformer\.(forward|backward)_layers\.", r"columns.\1s."),
    (r"^conformer\.norm_f\.", "norm."),
    (r"^conformer\.f_attention_pool\.", "pools.forwards."),
    (r"^conformer\.b_attention_pool\.", "pools.backwards."),
    (r"^conformer\.LL\.", "merge."),
    (r"^conformer\.classifier\.", "classify."),
    (LAYER + r"A_log$", r"\1.mixer.log_decay"),
    (LAYER + r"D$", r"\1.mixer.skip"),
    (LAYER + r"in_proj\.", r"\1.mixer.enter."),
    (LAYER + r"conv1d\.", r"\1.mixer.conv."),
    (LAYER + r"x_proj\.", r"\1.mixer.select."),
    (LAYER + r"dt_proj\.", r"\1.mixer.step."),
    (LAYER + r"out_proj\.", r"\1.mixer.leave."),
)


def from_official(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Names of the authors' released checkpoints, encoder and head, to ours."""
    return with_encoder(state, "ssl_model.model.", OFFICIAL_NAMES)
