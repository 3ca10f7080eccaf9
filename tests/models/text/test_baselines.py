"""Baselines on vectors of a frozen encoder: against scikit-learn, rows alone, saved and loaded, bad texts."""

import logging

import numpy as np
import pytest
import torch
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression

from dada import models
from dada.data.batch import Batch
from dada.errors import DataError
from dada.models.text import logistic, nearest

LOG = logging.getLogger("test")
SIZE, AUTHORS = 8, 4  # the last author has no text


@pytest.fixture(scope="module")
def texts() -> tuple[np.ndarray, np.ndarray]:
    """Vectors (60, 8) of three authors around their means."""
    rng = np.random.default_rng(0)
    labels = np.arange(60) % 3
    return rng.normal(size=(60, SIZE)).astype(np.float32) + 1.5 * np.eye(SIZE)[labels].astype(
        np.float32
    ), labels


def batch_of(x: np.ndarray, labels: np.ndarray | None = None) -> Batch:
    utts = [str(i) for i in range(len(x))]
    known = None if labels is None else torch.from_numpy(labels)
    return Batch(utts, torch.from_numpy(x), torch.full((len(x),), x.shape[1]), known)


def estimated(module, texts, **settings):
    x, labels = texts
    model = module.Model(module.Config(input_size=SIZE, **settings), AUTHORS)
    model.estimate(lambda: iter([batch_of(x[:25], labels[:25]), batch_of(x[25:], labels[25:])]), LOG)
    return model.eval()


def test_logits_are_those_of_scikit_learn(texts):
    x, labels = texts
    model = estimated(logistic, texts, inverse_penalty=0.1)
    standard = (x - x.mean(axis=0)) / x.std(axis=0)
    fit = LogisticRegression(C=0.1, class_weight="balanced", max_iter=500).fit(standard, labels)
    found = model(batch_of(x)).logits.numpy()
    np.testing.assert_allclose(found[:, :3], fit.decision_function(standard), atol=2e-3)
    assert (found[:, 3] < found[:, :3].min(axis=1) - 10).all()


def test_discriminants_are_those_of_scikit_learn(texts):
    """The same space, up to the length of its axes: within it the spread is 1 here and there."""
    x, labels = texts
    x = x.astype(np.float64) - x.mean(axis=0)
    ours = nearest.discriminants(x, labels, 2, shrinkage=0.0)
    theirs = LinearDiscriminantAnalysis(solver="eigen").fit(x, labels).scalings_[:, :2].T
    for one, other in zip(ours, theirs, strict=True):
        cosine = abs(one @ other) / np.linalg.norm(one) / np.linalg.norm(other)
        assert cosine == pytest.approx(1, abs=1e-6)
    within = (x - np.stack([x[labels == k].mean(axis=0) for k in range(3)])[labels]) @ ours.T
    np.testing.assert_allclose(within.T @ within / 57, np.eye(2), atol=1e-6)


def test_the_score_is_the_mean_similarity_to_the_nearest_texts(texts):
    x, labels = texts
    model = estimated(nearest, texts, neighbours=3, texts_per_author=20, embedding_size=2, scale=5.0)
    output = model(batch_of(x[:4] + 0.1))
    rows = (x - x.mean(axis=0)) @ model.projection.numpy().T
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    for row, logits in zip(output.embedding.numpy(), output.logits.numpy(), strict=True):
        expected = [5 * np.sort(rows[labels == k] @ row)[-3:].mean() for k in range(3)]
        np.testing.assert_allclose(logits[:3], expected, atol=1e-4)
        assert logits[3] == -30
    few = estimated(nearest, texts, neighbours=9, texts_per_author=4, embedding_size=2)
    assert few.counts.tolist() == [4, 4, 4, 0] and few(batch_of(x[:2])).logits.isfinite().all()


@pytest.mark.parametrize("module", [logistic, nearest])
def test_rows_stand_alone_and_weights_load(module, texts, tmp_path):
    x, _ = texts
    model = estimated(module, texts)
    together = model(batch_of(x[:6]))
    for i in range(6):
        torch.testing.assert_close(model(batch_of(x[i : i + 1])).logits[0], together.logits[i])
    assert together.logits.argmax(1).tolist()[:3] == [0, 1, 2]
    torch.save(model.state_dict(), tmp_path / "weights.pt")
    fresh = module.Model(model.config, AUTHORS)
    name = module.__name__.rpartition(".")[2]
    models.load_weights(fresh, "text", name, tmp_path / "weights.pt")
    assert torch.equal(fresh(batch_of(x[:6])).logits, together.logits)
    with pytest.raises(DataError, match="too few to learn from"):
        fresh.estimate(lambda: iter([batch_of(x[:3], np.zeros(3, dtype=np.int64))]), LOG)
