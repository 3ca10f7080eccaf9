"""The pool of text systems: weights fitted on dev, and a recipe without audio that has one."""

import numpy as np
import pytest
import torch
from small_recipe import small_recipe

from dada.data import Batch, DataDir
from dada.errors import ConfigError, DataError
from dada.experiment.config import SystemConfig
from dada.experiment.folder import ExperimentFolder
from dada.metrics.claims import claim_log_odds
from dada.models.ensemble import authors
from dada.models.inference import Outputs
from dada.score.author_ensemble import fit_pool
from dada.stages import s07_train_fusion, s08_score

AUTHORS = ["ann", "bob", "cid"]


def members(num: int = 120, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Logits (N, 3, K) of a good member, the same one ten times too sure of itself, and noise."""
    rng = np.random.default_rng(seed)
    truth = np.arange(num) % len(AUTHORS)
    good = rng.normal(size=(num, len(AUTHORS))) + 2 * np.eye(len(AUTHORS))[truth]
    other = rng.normal(size=good.shape) + 2 * np.eye(len(AUTHORS))[truth]
    return np.stack([good, 10 * other, rng.normal(size=good.shape)], axis=1), truth


def mean_loss(logits: np.ndarray, truth: np.ndarray, weights) -> float:
    x = logits - np.logaddexp.reduce(logits, axis=2, keepdims=True)
    pooled = np.einsum("nmk,m->nk", x, weights)
    return float(np.mean(np.logaddexp.reduce(pooled, axis=1) - pooled[np.arange(len(truth)), truth]))


def test_weights_make_the_authors_most_likely():
    logits, truth = members()
    weights = fit_pool(logits, truth, balanced=False)
    assert weights[0] > 5 * weights[1] > 0 and weights[2] < 0.5 * weights[0]
    best = mean_loss(logits, truth, weights)
    for change in np.eye(3) * 0.05:
        for moved in (weights + change, np.maximum(weights - change, 0)):
            assert mean_loss(logits, truth, moved) >= best - 1e-9
    assert best < min(mean_loss(logits, truth, alone) for alone in np.eye(3))
    with pytest.raises(DataError, match="no text on dev"):
        fit_pool(logits[:0], truth[:0], balanced=True)


def test_balanced_weights_count_every_author_the_same():
    logits, truth = members()
    uneven = np.flatnonzero((truth == 0) | (np.arange(120) < 30))
    repeated = np.concatenate([uneven, np.repeat(np.flatnonzero(truth == 1), 4)])
    same = fit_pool(logits[repeated], truth[repeated], balanced=True)
    assert not np.allclose(same, fit_pool(logits[repeated], truth[repeated], balanced=False), rtol=1e-3)


def test_the_pool_is_a_posterior():
    model = authors.Model(authors.Config(members=["a", "b"]), 3)
    model.factors.copy_(torch.tensor([0.5, 2.0]))
    logits = torch.randn(4, 2, 3, generator=torch.Generator().manual_seed(0))
    output = model(Batch(list("abcd"), logits, torch.full((4,), 2)))
    expected = (0.5 * logits[:, 0].log_softmax(1) + 2 * logits[:, 1].log_softmax(1)).log_softmax(1)
    torch.testing.assert_close(output.logits, expected)
    assert np.isfinite(claim_log_odds(output.logits.numpy())).all()


@pytest.fixture
def recipe(tmp_path):
    """A recipe without audio, whose two text systems have outputs on dev and test."""
    systems = {
        "good": SystemConfig(task="text", labels=[], model={"name": "tfidf"}),
        "sure": SystemConfig(task="text", labels=[], model={"name": "tfidf"}),
        "pool": SystemConfig(
            task="ensemble", labels=[], model={"name": "authors"}, branches={"a": "good", "b": "sure"}
        ),
    }
    for config in systems.values():
        config.input.kind = "branches" if config.branches else "text"
    recipe = small_recipe(tmp_path, systems, corpus={"name": "small", "audio": False})
    for split, seed in (("dev", 0), ("test", 1)):
        logits, truth = members(seed=seed)
        utts = [f"{i:03d}" for i in range(len(truth))]
        tables = {
            "text": dict.fromkeys(utts, "some words"),
            "utt2spk": {u: AUTHORS[k] for u, k in zip(utts, truth, strict=True)},
        }
        DataDir(recipe.data_dir(split), tables).write()
        for member, name in enumerate(("good", "sure")):
            folder = ExperimentFolder(recipe.seed_dir(name, 1))
            rows = torch.tensor(logits[:, member]).float()
            folder.write_outputs(split, Outputs(utts, rows, rows))
            folder.write_labels(AUTHORS)
    return recipe


def test_a_recipe_fits_and_scores_a_pool(recipe):
    (job,) = s07_train_fusion.plan(recipe)
    assert recipe.data_dir("dev") / "utt2spk" in job.inputs
    s07_train_fusion.run(recipe, job)
    assert all(path.exists() for path in job.outputs)
    score = next(job for job in s08_score.plan(recipe) if job.systems == ("pool",))
    home = ExperimentFolder(recipe.seed_dir("pool", 1))
    for keys in s08_score.shards(recipe, score):
        s08_score.run_shard(recipe, score, keys, recipe.root / "part")
    s08_score.merge(recipe, score, [recipe.root / "part"])
    assert home.logits("test").exists() and not home.scores("test").exists()
    pooled, truth = home.read_outputs("test").logits.numpy(), members(seed=1)[1]
    alone = ExperimentFolder(recipe.seed_dir("good", 1)).read_outputs("test").logits.numpy()
    assert np.mean(pooled.argmax(1) == truth) > np.mean(alone.argmax(1) == truth)


def test_pools_of_other_systems_are_refused(recipe, tmp_path):
    wrong = {
        "sound": SystemConfig(model={"name": "lcnn"}),
        "pool": SystemConfig(task="ensemble", labels=[], model={"name": "authors"}, branches={"a": "sound"}),
    }
    with pytest.raises(ConfigError, match="sound is not a text system"):
        small_recipe(tmp_path / "wrong", wrong, corpus={"name": "small", "audio": False})
    wrong["sound"] = SystemConfig(task="text", labels=[], model={"name": "tfidf"})
    wrong["sound"].input.kind = "text"
    with pytest.raises(ConfigError, match="for recipes without audio"):
        s07_train_fusion.plan(small_recipe(tmp_path / "audio", wrong))
