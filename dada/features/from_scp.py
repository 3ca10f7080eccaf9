"""Features that another program has computed: matrices (N, F) of Kaldi arks, one index for each split."""

from dataclasses import dataclass

from torch import Tensor, nn

from dada.errors import ConfigError


@dataclass
class Config:
    # the index, relative to the recipe: feats/{split}/feats.scp. `{split}` stands for the name of the split,
    # `{protocol}` for that of the protocol
    scp: str = ""


class Feature(nn.Module):
    """Stage extract_features reads the matrices. They cannot be computed from a waveform."""

    def __init__(self, config: Config):
        super().__init__()
        self.config = config

    def forward(self, x: Tensor) -> Tensor:
        """Raise ConfigError."""
        raise ConfigError(
            f"the features of this system are read from {self.config.scp}: they cannot be computed from audio"
        )
