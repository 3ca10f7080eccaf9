"""Gaussian mixtures against scikit-learn."""

import logging

import numpy as np
import pytest
import torch
from sklearn.mixture import GaussianMixture

from dada.data import Batch, pad_stack
from dada.errors import DataError
from dada.models.audio import gmm

log = logging.getLogger(__name__)


@pytest.fixture(scope="module")
def clips():
    """40 clips of 30 to 80 frames with 6 features of very different scales, of two classes."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(2, 5, 6)) * 3
    scale = np.array([0.01, 0.1, 1, 1, 10, 100])
    rows = []
    for i in range(40):
        size = int(rng.integers(30, 80))
        rows.append(
            (centres[i % 2, rng.integers(5, size=size)] + rng.normal(size=(size, 6))) * scale + 50 * scale
        )
    return [torch.from_numpy(row.T.astype(np.float32)) for row in rows]


def batches_of(clips, size=8):
    def batches():
        for i in range(0, len(clips), size):
            inputs, lengths = pad_stack(clips[i : i + size], value=1e6)
            yield Batch(
                [str(k) for k in range(i, i + len(inputs))],
                inputs,
                lengths,
                torch.arange(i, i + len(inputs)) % 2,
            )

    return batches


def scikit(model, label, **settings):
    """The same mixture in scikit-learn."""
    mixture = GaussianMixture(len(model.weights[label]), covariance_type="diag", **settings)
    mixture.weights_, mixture.means_, mixture.covariances_ = (
        b[label].numpy() for b in (model.weights, model.means, model.variances)
    )
    mixture.precisions_cholesky_ = 1 / np.sqrt(mixture.covariances_)
    return mixture


@pytest.mark.parametrize("init", ["kmeans", "random"])
def test_likelihood_and_em_are_scikits(clips, init, caplog):
    fitted = {}
    for iterations in (2, 3):
        torch.manual_seed(1)
        model = gmm.Model(
            gmm.Config(num_components=4, num_features=6, init=init, iterations=iterations, tolerance=0), 2
        )
        model.estimate(batches_of(clips), log)
        fitted[iterations] = model
    for label in (0, 1):
        frames = torch.cat([clip.T for clip in clips[label::2]]).double()
        before, after = fitted[2], fitted[3]
        np.testing.assert_allclose(
            before.log_likelihood(frames)[:, label].numpy(),
            scikit(before, label).score_samples(frames.numpy()),
            atol=1e-8,
        )
        reference = scikit(before, label)
        _, responsibilities = reference._e_step(frames.numpy())
        reference._m_step(frames.numpy(), responsibilities)
        np.testing.assert_allclose(after.weights[label].numpy(), reference.weights_, rtol=2e-4)
        np.testing.assert_allclose(after.means[label].numpy(), reference.means_, rtol=2e-4)
        np.testing.assert_allclose(after.variances[label].numpy(), reference.covariances_, rtol=2e-3)


def test_score_is_the_mean_over_valid_frames(clips):
    torch.manual_seed(0)
    model = gmm.Model(gmm.Config(num_components=4, num_features=6, iterations=3), 2)
    model.estimate(batches_of(clips), log)
    batch = next(batches_of(clips)())
    logits = model(batch).logits
    for i, clip in enumerate(clips[:8]):
        torch.testing.assert_close(
            logits[i], model.log_likelihood(clip.T.double()).mean(0).float(), atol=1e-4, rtol=1e-5
        )
    assert ((logits[:, 1] > logits[:, 0]) == batch.labels.bool()).all()


def test_estimate_does_not_depend_on_the_batch_size(clips):
    models = []
    for size in (8, 40):
        torch.manual_seed(5)
        model = gmm.Model(gmm.Config(num_components=4, num_features=6, init_frames=10_000, iterations=2), 2)
        model.estimate(batches_of(clips, size), log)
        models.append(model)
    torch.testing.assert_close(models[0].means, models[1].means, rtol=1e-3, atol=1e-3)


def test_bad_training_data_is_refused(clips):
    with pytest.raises(DataError, match="set it to 6"):
        gmm.Model(gmm.Config(num_components=4, num_features=60), 2).estimate(batches_of(clips), log)
    with pytest.raises(DataError, match="class number 1 has 0 training frames"):
        gmm.Model(gmm.Config(num_components=4, num_features=6), 2).estimate(
            lambda: iter([_one_class(clips)]), log
        )


def _one_class(clips) -> Batch:
    inputs, lengths = pad_stack(clips[:4])
    return Batch(list("abcd"), inputs, lengths, torch.zeros(4, dtype=torch.long))
