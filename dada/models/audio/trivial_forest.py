"""A random forest on a few numbers per clip: trivial cues in combination, which a linear classifier misses.

scikit-learn grows the trees (Breiman, Machine Learning 45, 2001); their nodes are kept as tensors, so that
the forest is stored and run as any other network.

Axes: B batch, F numbers, K classes, R trees, M nodes of a tree.
"""

import logging
from dataclasses import dataclass
from typing import Annotated, Any

import torch
from torch import Tensor, nn

from dada.data.batch import Batch
from dada.limits import Limits
from dada.models import Batches, Output
from dada.models.audio._clip_numbers import clip_means, training_numbers

SCORE_KIND = "log_odds"  # shares of trees are no calibrated probabilities
LEAST = 1e-3  # share of a class, so that its logarithm is finite


@dataclass
class Config:
    """`num_features` is the number of cues (dada.features.cues.NAMES)."""

    num_features: int = 15
    num_trees: Annotated[int, Limits(least=1)] = 300
    depth: Annotated[int, Limits(least=1, most=12)] = 8  # splits on the way to a leaf, at most
    min_leaf: Annotated[int, Limits(least=1)] = 3  # clips of a leaf


def example() -> tuple[Config, tuple[int, ...]]:
    """A small configuration and the shape of an input."""
    return Config(num_features=5, num_trees=25, depth=3, min_leaf=1), (5, 1)


class Model(nn.Module):
    """Features (B, F, N), averaged over valid frames, to logits (B, K); the embedding is the numbers (B, F).

    A node sends numbers up to its threshold to the left; a leaf sends all of them to itself.
    """

    number: Tensor
    threshold: Tensor
    left: Tensor
    right: Tensor
    shares: Tensor

    def __init__(self, config: Config, num_classes: int):
        super().__init__()
        self.config = config
        size = (config.num_trees, 2 ** (config.depth + 1) - 1)  # R, M
        self.register_buffer("number", torch.zeros(size, dtype=torch.long))
        self.register_buffer("threshold", torch.zeros(size, dtype=torch.float64))
        self.register_buffer("left", torch.zeros(size, dtype=torch.long))
        self.register_buffer("right", torch.zeros(size, dtype=torch.long))
        self.register_buffer("shares", torch.full((*size, num_classes), 1 / num_classes))

    def forward(self, batch: Batch) -> Output:
        """Logarithms of the mean share of each class in the leaves of a clip."""
        x = clip_means(batch)
        trees = torch.arange(self.config.num_trees, device=x.device)
        node = torch.zeros(len(x), self.config.num_trees, dtype=torch.long, device=x.device)  # (B, R)
        for _ in range(self.config.depth):
            value = x.gather(1, self.number[trees, node])
            goes_left = value.double() <= self.threshold[trees, node]
            node = torch.where(goes_left, self.left[trees, node], self.right[trees, node])
        return Output(self.shares[trees, node].mean(1).clamp(min=LEAST).log(), x)

    def estimate(self, batches: Batches, log: logging.Logger) -> None:
        """Grow the trees, classes weighted equally, from labelled batches. Raise DataError where a class has
        no clips.
        """
        from sklearn.ensemble import RandomForestClassifier

        x, y = training_numbers(batches, self.shares.shape[-1])
        fit = RandomForestClassifier(
            self.config.num_trees,
            max_depth=self.config.depth,
            min_samples_leaf=self.config.min_leaf,
            class_weight="balanced_subsample",
            random_state=int(torch.randint(2**31, ())),  # of the training seed
        ).fit(x, y)
        for row, tree in enumerate(fit.estimators_):
            self._take(row, tree.tree_)
        log.info("random forest on %d clips, training accuracy %.3f", len(y), fit.score(x, y))

    def _take(self, row: int, tree: Any) -> None:
        """Copy the nodes of a tree of scikit-learn, whose leaves have -1 as children."""
        nodes = torch.arange(tree.node_count)
        left, right = (torch.as_tensor(side) for side in (tree.children_left, tree.children_right))
        leaf = left < 0
        self.left[row, nodes] = torch.where(leaf, nodes, left)
        self.right[row, nodes] = torch.where(leaf, nodes, right)
        self.number[row, nodes] = torch.as_tensor(tree.feature).clamp(min=0)
        self.threshold[row, nodes] = torch.as_tensor(tree.threshold)
        counts = torch.as_tensor(tree.value)[:, 0]
        self.shares[row, nodes] = (counts / counts.sum(-1, keepdim=True)).float()
