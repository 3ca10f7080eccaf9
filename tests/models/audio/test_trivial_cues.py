"""The baseline of trivial cues."""

import logging

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from dada.data import Batch
from dada.errors import DataError
from dada.models.audio import trivial_cues

log = logging.getLogger(__name__)


def made_up(num_clips: int, num_classes: int, seed: int = 0) -> Batch:
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(num_classes, (num_clips,), generator=generator)
    x = torch.randn(num_clips, 4, generator=generator) + labels[:, None] * torch.tensor([1.0, 0.5, 0, 0])
    return Batch(
        [str(i) for i in range(num_clips)],
        (x * torch.tensor([1, 100, 0.01, 1]))[..., None],
        torch.ones(num_clips).long(),
        labels,
    )


@pytest.mark.parametrize("num_classes", [2, 3])
def test_it_is_scikits(num_classes):
    batch = made_up(200, num_classes)
    model = trivial_cues.Model(trivial_cues.Config(num_features=4), num_classes)
    model.estimate(lambda: iter([batch]), log)
    x = batch.inputs[..., 0].double().numpy()
    scaled = StandardScaler().fit_transform(x)
    expected = (
        LogisticRegression(class_weight="balanced", max_iter=1000)
        .fit(scaled, batch.labels.numpy())
        .predict_log_proba(scaled)
    )
    with torch.no_grad():
        output = model(batch)
    np.testing.assert_allclose(output.logits.log_softmax(1).numpy(), expected, atol=1e-4)
    np.testing.assert_allclose(output.embedding.numpy(), scaled, atol=1e-4)


def test_a_constant_cue_does_no_harm():
    batch = made_up(50, 2)
    batch.inputs[:, 3] = 4.0
    model = trivial_cues.Model(trivial_cues.Config(num_features=4), 2)
    model.estimate(lambda: iter([batch]), log)
    assert torch.isfinite(model(batch).logits).all()


def test_a_class_without_clips_is_refused():
    batch = made_up(50, 2)
    batch.labels[:] = 1
    with pytest.raises(DataError, match="class number 0"):
        trivial_cues.Model(trivial_cues.Config(num_features=4), 2).estimate(lambda: iter([batch]), log)
