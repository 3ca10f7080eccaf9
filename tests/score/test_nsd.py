"""Novel similarity detection against its formula, written out clip by clip, and its threshold."""

import numpy as np
import pytest
import torch

from dada import models
from dada.errors import DataError
from dada.models.inference import Outputs
from dada.score.open_set import score_open_set

K, D = 3, 5


def outputs(num, seed, scale=1.0):
    """Outputs of a classifier whose embeddings point towards their class."""
    rng = np.random.default_rng(seed)
    classes = rng.integers(K, size=num)
    logits = rng.normal(0, 1, (num, K))
    logits[np.arange(num), classes] += 4 * scale
    embeddings = rng.normal(0, 0.3, (num, D))
    embeddings[np.arange(num), classes] += scale
    names = [f"u{i:03d}" for i in range(num)]
    return Outputs(names, torch.tensor(logits).float(), torch.tensor(embeddings).float()), classes


def joined(found):
    return torch.cat([found.logits, found.embeddings], 1)


def similarity(x, train):
    """The paper's sum, clip by clip."""

    def confidence(logits):
        return float(np.log(np.exp(logits.double().numpy()).sum()))

    def direction(f):
        f = f.double().numpy()
        return f / np.sqrt((f**2).sum())

    values = []
    for logits, f in zip(x.logits, x.embeddings, strict=True):
        parts = [
            float(direction(f) @ direction(g)) * confidence(other)
            for other, g in zip(train.logits, train.embeddings, strict=True)
        ]
        values.append(confidence(logits) * np.mean(parts))
    return np.array(values)


@pytest.fixture
def fitted():
    model = models.build("open_set", {"name": "nsd", "width": D, "rejected": 0.1}, K + 1)
    train, dev = outputs(60, 1)[0], outputs(40, 2)[0]
    return model, train, dev, model.fit(joined(train), joined(dev))


def test_it_is_the_mean_over_all_training_clips(fitted):
    model, train, dev, numbers = fitted
    expected = similarity(dev, train)
    np.testing.assert_allclose(model.similarity(joined(dev)).numpy(), expected, rtol=1e-6)
    assert numbers["threshold"] == pytest.approx(np.quantile(expected, 0.1), rel=1e-6)
    assert numbers["scale"] == pytest.approx(expected.std(ddof=1), rel=1e-6)


def test_what_is_unlike_train_is_unknown(fitted):
    model, train, dev, numbers = fitted
    test, classes = outputs(80, 3)
    found = score_open_set(model, test)
    decided = model.classes(found.logits)
    unlike = similarity(test, train) < numbers["threshold"]
    assert 0 < unlike.sum() < 40 and (decided[unlike] == K).all()
    assert (decided[~unlike] == test.logits.numpy().argmax(1)[~unlike]).all()
    assert torch.allclose(found.logits.exp().sum(1), torch.ones(80, dtype=torch.float64))
    assert torch.equal(found.embeddings, test.logits)
    odds = found.logits[:, -1] - torch.log1p(-found.logits[:, -1].exp())
    expected = (numbers["threshold"] - similarity(test, train)) / numbers["scale"]
    np.testing.assert_allclose(odds.numpy(), expected, rtol=1e-5, atol=1e-8)
    noise = Outputs(test.utts, torch.zeros(80, K), -test.embeddings)
    assert (model.classes(score_open_set(model, noise).logits) == K).mean() > 0.9


def test_a_classifier_that_says_the_same_of_all_is_refused():
    model = models.build("open_set", {"name": "nsd", "width": D}, K + 1)
    same = torch.ones(9, K + D)
    with pytest.raises(DataError, match="the 9 utterances of dev are all equally like train"):
        model.fit(same, same)
