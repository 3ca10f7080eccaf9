"""Distance to the nearest texts of each author, in a space in which an author's texts lie close together.

Vectors of a frozen encoder are projected by linear discriminant analysis (Fisher, 1936): directions in which
authors differ most for the spread within them, which becomes the identity. The spread is shrunk towards
its diagonal, as elements are many and texts few. The score of an author is the mean cosine similarity to the
nearest of the author's training texts. B and N texts, D elements, E projected, M texts kept of each of K
authors.
"""

import logging
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import torch
from torch import Tensor, nn

from dada.data.batch import Batch, required_labels
from dada.errors import DataError
from dada.limits import Limits, Positive, Share
from dada.models import Batches, Output
from dada.models.text._logistic import ABSENT_BIAS


@dataclass
class Config:
    """`input_size` is filled in by stage train_text."""

    input_size: int = 0  # elements of a vector
    embedding_size: int = 64  # E; with fewer authors at most their number less one
    neighbours: Annotated[int, Limits(least=1)] = 10  # nearest texts of an author that are averaged
    texts_per_author: Annotated[int, Limits(least=1)] = 200  # M, spread evenly over an author's texts
    shrinkage: Share = 0.1  # of the spread within authors towards its diagonal
    scale: Positive = 20.0  # of the similarity, to a logit


def example() -> tuple[Config, tuple[int, ...]]:
    """A small configuration and the shape of an input."""
    return Config(input_size=8, embedding_size=2, neighbours=2, texts_per_author=5), (8,)


class Model(nn.Module):
    """Vectors (B, D) to author logits (B, K) and unit-length embeddings (B, E)."""

    mean: Tensor
    projection: Tensor
    texts: Tensor
    counts: Tensor

    def __init__(self, config: Config, num_classes: int):
        super().__init__()
        self.config = config
        size = min(config.embedding_size, max(num_classes - 1, 1))
        self.register_buffer("mean", torch.zeros(config.input_size))
        self.register_buffer("projection", torch.zeros(size, config.input_size))
        self.register_buffer("texts", torch.zeros(num_classes, config.texts_per_author, size))
        self.register_buffer("counts", torch.zeros(num_classes, dtype=torch.int64))

    def forward(self, batch: Batch) -> Output:
        """An author without texts gets a logit that is next to impossible."""
        x = nn.functional.normalize((batch.inputs - self.mean) @ self.projection.T, dim=-1)
        similarity = torch.einsum("be,kme->bkm", x, self.texts)
        kept = torch.arange(self.texts.shape[1], device=x.device) < self.counts[:, None]
        num = min(self.config.neighbours, similarity.shape[2])
        nearest = similarity.masked_fill(~kept, -torch.inf).topk(num, dim=2).values
        found = nearest.isfinite()
        mean = nearest.masked_fill(~found, 0.0).sum(2) / found.sum(2).clamp(min=1)
        return Output(torch.where(self.counts > 0, self.config.scale * mean, ABSENT_BIAS), x)

    def estimate(self, batches: Batches, log: logging.Logger) -> None:
        """Fit to labelled batches. Raise DataError for fewer than two authors."""
        parts = [(batch.inputs.cpu(), required_labels(batch).cpu()) for batch in batches()]
        x, labels = (torch.cat(part).numpy() for part in zip(*parts, strict=True))
        authors = np.unique(labels)
        if len(authors) < 2:
            raise DataError(f"{len(labels)} texts by {len(authors)} author: too few to learn from")
        rows = x.astype(np.float64) - x.mean(axis=0, dtype=np.float64)
        projection = discriminants(rows, labels, len(self.projection), self.config.shrinkage)
        projected = rows @ projection.T
        projected /= np.linalg.norm(projected, axis=1, keepdims=True).clip(min=1e-12)
        self.mean.copy_(torch.from_numpy(x.mean(axis=0, dtype=np.float64)))
        self.projection[: len(projection)] = torch.from_numpy(projection).float()
        for author in authors.tolist():
            own = np.flatnonzero(labels == author)
            most = self.config.texts_per_author
            own = own if len(own) <= most else own[np.arange(most) * len(own) // most]
            self.texts[author, : len(own), : len(projection)] = torch.from_numpy(projected[own]).float()
            self.counts[author] = len(own)
        log.info(
            "nearest texts: %d of %d texts kept, %d authors, %d dimensions",
            int(self.counts.sum()),
            len(labels),
            len(authors),
            len(projection),
        )


def discriminants(x: np.ndarray, labels: np.ndarray, size: int, shrinkage: float) -> np.ndarray:
    """Return the `size` most discriminative directions (E, D), under which the spread within authors is 1.

    `x` (N, D) is centred. Authors weigh alike between them, texts alike within. E is at most the number of
    authors less one.
    """
    from scipy.linalg import eigh

    authors = np.unique(labels)
    means = np.stack([x[labels == author].mean(axis=0) for author in authors])
    within = x - means[np.searchsorted(authors, labels)]
    spread = within.T @ within / max(len(x) - len(authors), 1)
    diagonal = np.diag(np.diag(spread).clip(min=1e-12))
    spread = (1 - shrinkage) * spread + shrinkage * diagonal + 1e-9 * np.trace(spread) * np.eye(len(spread))
    centred = means - means.mean(axis=0)
    between = centred.T @ centred / len(authors)
    size = min(size, len(authors) - 1, x.shape[1])
    _, directions = eigh(between, spread, subset_by_index=[x.shape[1] - size, x.shape[1] - 1])
    return directions.T[::-1].copy()
