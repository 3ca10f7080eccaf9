"""ABX discrimination of embeddings: is A nearer to P of its own class than to N of another?"""

import numpy as np

from dada.errors import ConfigError, DataError

DISTANCES = ("cosine", "l2")


def abx(embeddings, labels, num_triples: int = 10_000, distance: str = "cosine", seed: int = 0) -> float:
    """Share of random triples with d(A, P) < d(A, N), equal distances counting half; .5 is chance.

    `embeddings` (N, D), `labels` (N,). A is drawn evenly from the utterances of classes with at least two, P from A's class
    without A, N from the other classes. Raises DataError where no triple exists.
    """
    if distance not in DISTANCES:
        raise ConfigError(f"unknown distance {distance!r}; known: {', '.join(DISTANCES)}")
    embeddings = np.asarray(embeddings, dtype=np.float64)
    _, classes, sizes = np.unique(np.asarray(labels), return_inverse=True, return_counts=True)
    if len(sizes) < 2 or sizes.max() < 2:
        raise DataError("ABX needs two classes, and two utterances in one of them")
    if not np.isfinite(embeddings).all():
        raise DataError("an embedding holds NaN or infinite values")
    order = np.argsort(classes, kind="stable")  # utterances by class, so that a class is a stretch of this order
    starts = np.cumsum(sizes) - sizes
    rng = np.random.default_rng(seed)
    anchors = rng.choice(np.flatnonzero(sizes[classes[order]] > 1), num_triples)
    own, start = sizes[classes[order[anchors]]], starts[classes[order[anchors]]]
    positives = start + (anchors - start + 1 + rng.integers(own - 1)) % own
    negatives = (start + own + rng.integers(len(order) - own)) % len(order)
    ordered = embeddings[order]
    if distance == "cosine":
        norms = np.linalg.norm(ordered, axis=1, keepdims=True)
        ordered = ordered / np.where(norms > 0, norms, 1)
    near = np.linalg.norm(ordered[anchors] - ordered[positives], axis=1)  # of unit vectors it orders as the cosine does
    far = np.linalg.norm(ordered[anchors] - ordered[negatives], axis=1)
    return float(np.mean(near < far) + np.mean(near == far) / 2)
