"""ABX discrimination of embeddings: is A nearer to P of its own class than to N of another?"""

import numpy as np
from numpy.typing import ArrayLike

from dada.errors import ConfigError, DataError

DISTANCES = ("cosine", "l2")


def abx(
    embeddings: ArrayLike,
    labels: ArrayLike,
    num_triples: int = 10_000,
    distance: str = "cosine",
    seed: int = 0,
) -> float:
    """Share of random triples with d(A, P) < d(A, N), equal distances counting half; .5 is chance.

    `embeddings` (N, D), `labels` (N,). A is drawn evenly from the utterances of classes with at least two, P
    from A's class without A, N from the other classes. Raise DataError where no triple exists.
    """
    return float(np.mean(abx_wins(embeddings, abx_triples(labels, num_triples, seed), distance)))


def abx_triples(
    labels: ArrayLike, num_triples: int = 10_000, seed: int = 0, sources: ArrayLike | None = None
) -> np.ndarray:
    """Random triples, the indices (M, 3) of A, P and N as `abx` draws them; with `sources` (N,) P is of
    another source than A.

    Raise DataError where no triple exists: fewer than two classes, or none with two utterances (of two
    sources).
    """
    _, classes, sizes = np.unique(np.asarray(labels), return_inverse=True, return_counts=True)
    stretches = (
        np.arange(len(classes)) if sources is None else np.unique(np.asarray(sources), return_inverse=True)[1]
    )
    order = np.lexsort(
        (stretches, classes)
    )  # utterances by class, then by source, so that either is a stretch of this order
    number = np.cumsum(
        np.concatenate([[0], (np.diff(stretches[order]) != 0) | (np.diff(classes[order]) != 0)])
    )
    own_source = np.bincount(number)
    source_ends = np.cumsum(own_source)[number]
    own, start = sizes[classes[order]], (np.cumsum(sizes) - sizes)[classes[order]]
    others = own - own_source[number]  # of the class, from other sources
    if len(sizes) < 2 or not others.any():
        what = "utterances" if sources is None else "utterances of different sources"
        raise DataError(f"ABX needs two classes, and two {what} in one of them")
    rng = np.random.default_rng(seed)
    anchors = rng.choice(np.flatnonzero(others), num_triples)
    own, start = own[anchors], start[anchors]
    positives = start + (source_ends[anchors] - start + rng.integers(others[anchors])) % own
    negatives = (start + own + rng.integers(len(order) - own)) % len(order)
    return order[np.stack([anchors, positives, negatives], axis=1)]


def abx_wins(embeddings: ArrayLike, triples: np.ndarray, distance: str = "cosine") -> np.ndarray:
    """For each triple (M, 3): 1 where A is nearer to P than to N, else 0; 1/2 for equal distances."""
    if distance not in DISTANCES:
        raise ConfigError(f"unknown distance {distance!r}; known: {', '.join(DISTANCES)}")
    embeddings = np.asarray(embeddings, dtype=np.float64)
    if not np.isfinite(embeddings).all():
        raise DataError("an embedding holds NaN or infinite values")
    if distance == "cosine":
        norms = np.linalg.norm(embeddings, axis=1, keepdims=True)
        embeddings = embeddings / np.where(norms > 0, norms, 1)
    anchor, positive, negative = (embeddings[triples[:, i]] for i in range(3))
    near = np.linalg.norm(anchor - positive, axis=1)  # of unit vectors it orders as the cosine does
    far = np.linalg.norm(anchor - negative, axis=1)
    return (near < far) + (near == far) / 2
