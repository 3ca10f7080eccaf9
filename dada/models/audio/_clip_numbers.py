"""A few numbers per clip as the input of a classifier that scikit-learn fits.

Axes: B batch, F numbers, N frames, C clips.
"""

import numpy as np
from torch import Tensor

from dada.data.batch import Batch, required_labels
from dada.errors import DataError
from dada.models import Batches


def clip_means(batch: Batch) -> Tensor:
    """Features (B, F, N), averaged over valid frames: (B, F)."""
    mask = batch.mask[:, None, :]
    return (batch.inputs * mask).sum(-1) / mask.sum(-1)


def training_numbers(batches: Batches, num_classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Numbers (C, F) and class numbers (C,) of all labelled clips. Raise DataError where a class has none."""
    rows, labels = [], []
    for batch in batches():
        rows.append(clip_means(batch).double().cpu().numpy())
        labels.append(required_labels(batch).cpu().numpy())
    x, y = np.concatenate(rows), np.concatenate(labels)
    counts = np.bincount(y, minlength=num_classes)
    if (counts == 0).any():
        raise DataError(
            f"no training utterance has class number {int(np.argmin(counts))}: every class needs some"
        )
    return x, y
