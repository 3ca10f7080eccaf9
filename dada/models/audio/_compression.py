"""A residual bottleneck and a projection of each frame: SLIM's compression module, which DADA took over.

Zhu et al., "SLIM: style-linguistics mismatch model for generalized audio deepfake detection" (NeurIPS 2024),
figure 7; details that it does not give are as in the code of DADA's authors. M frames, F features, C
bottleneck, D projection.
"""

from torch import Tensor, nn


class Compression(nn.Module):
    """Frames (M, F) to (M, D), with `norm` on the bottleneck."""

    def __init__(self, width: int, bottleneck: int, size: int, norm: nn.Module, dropout: float):
        super().__init__()
        self.down = nn.Linear(width, bottleneck)
        self.norm = norm
        self.up = nn.Linear(bottleneck, width)
        self.project = nn.Linear(width, size)
        self.dropout = nn.Dropout(dropout)
        self.activation = nn.LeakyReLU(0.01)

    def forward(self, x: Tensor) -> Tensor:
        residual = x + self.up(self.dropout(self.activation(self.normalise(self.down(x)))))
        return self.project(self.activation(self.dropout(residual)))

    def normalise(self, y: Tensor) -> Tensor:
        """The bottleneck's (M, C) to the same."""
        return self.norm(y)
