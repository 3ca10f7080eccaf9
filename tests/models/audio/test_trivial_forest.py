"""The forest of trivial cues."""

import logging

import numpy as np
import pytest
import torch
from sklearn.ensemble import RandomForestClassifier

from dada.data import Batch
from dada.errors import DataError
from dada.models.audio import trivial_forest

log = logging.getLogger(__name__)


def made_up(num_clips: int, num_classes: int) -> Batch:
    """Clips whose class is how many of two numbers are large: no line parts them."""
    x = torch.randn(num_clips, 4, generator=torch.Generator().manual_seed(0))
    labels = ((x[:, 0] > 0) ^ (x[:, 1] > 0)).long() if num_classes == 2 else (x[:, :2] > 0).sum(1)
    return Batch([str(i) for i in range(num_clips)], x[..., None], torch.ones(num_clips).long(), labels)


@pytest.mark.parametrize("num_classes", [2, 3])
def test_it_is_scikits(num_classes):
    batch = made_up(200, num_classes)
    config = trivial_forest.Config(num_features=4, num_trees=20, depth=5)
    model = trivial_forest.Model(config, num_classes)
    torch.manual_seed(7)
    model.estimate(lambda: iter([batch]), log)
    torch.manual_seed(7)
    x = batch.inputs[..., 0].numpy()
    same = RandomForestClassifier(
        20,
        max_depth=5,
        min_samples_leaf=config.min_leaf,
        class_weight="balanced_subsample",
        random_state=int(torch.randint(2**31, ())),
    ).fit(x, batch.labels.numpy())
    expected = np.log(np.clip(same.predict_proba(x), trivial_forest.LEAST, None))
    with torch.no_grad():
        logits = model(batch).logits.numpy()
    np.testing.assert_allclose(logits, expected, atol=1e-5)
    assert (logits.argmax(1) == batch.labels.numpy()).mean() > 0.9


def test_a_class_without_clips_is_refused():
    batch = made_up(50, 2)
    batch.labels[:] = 1
    with pytest.raises(DataError, match="class number 0"):
        trivial_forest.Model(trivial_forest.Config(num_features=4), 2).estimate(lambda: iter([batch]), log)
