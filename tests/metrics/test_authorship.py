"""Authorship figures against scikit-learn, and their intervals against resampling by hand."""

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score

from dada.errors import DataError
from dada.evaluation_settings import EvaluateConfig
from dada.metrics.abx import abx, abx_triples, abx_wins
from dada.metrics.authorship import measure_abx, measure_authors
from dada.metrics.bootstrap import Resampler
from dada.metrics.figure import figure

CONFIG = EvaluateConfig(num_resamples=40, abx_triples=2000)
RNG = np.random.default_rng(0)
TRUTH = RNG.integers(0, 5, 200)
DECIDED = np.where(RNG.random((2, 200)) < 0.6, TRUTH, RNG.integers(0, 6, (2, 200)))
SOURCES = [f"{k}-{i % 7}" for i, k in enumerate(TRUTH)]


def figures(truth, decided):
    present = np.unique(truth)
    return [
        accuracy_score(truth, decided),
        *(f1_score(truth, decided, average=kind, labels=present) for kind in ("macro", "weighted")),
    ]


def test_figures_and_intervals():
    found = measure_authors(TRUTH, DECIDED, 6, SOURCES, CONFIG)
    expected = [figures(TRUTH, row) for row in DECIDED]
    resampler = Resampler(SOURCES, num_resamples=CONFIG.num_resamples, seed=CONFIG.seed, jackknife=True)
    repeated = []
    for weights in np.concatenate(list(resampler.chunks())).astype(int):
        rows = np.repeat(np.arange(200), weights[resampler.bonafide])
        repeated.append([figures(TRUTH[rows], row[rows]) for row in DECIDED])
    rows = np.array(repeated).T
    for i, name in enumerate(("accuracy", "macro_f1", "weighted_f1")):
        assert found[name].per_seed == pytest.approx([row[i] for row in expected])
        again = figure([row[i] for row in expected], list(rows[i]), resampler, 0.95, upper=1.0)
        assert (found[name].low, found[name].high) == pytest.approx((again.low, again.high))


def wins_of(vectors, num_seeds=1):
    return lambda triples: np.stack([abx_wins(vectors, triples)] * num_seeds)


def test_abx_and_its_interval():
    vectors = np.eye(5)[TRUTH] + RNG.normal(size=(200, 5))
    plain = measure_abx(wins_of(vectors, 2), TRUTH, SOURCES, False, CONFIG)
    assert (
        plain.mean == pytest.approx(abx(vectors, TRUTH, 2000, "cosine", 0))
        and plain.low < plain.mean < plain.high
    )
    across = abx_triples(TRUTH, 2000, 0, SOURCES)
    assert (TRUTH[across[:, 0]] == TRUTH[across[:, 1]]).all() and (
        TRUTH[across[:, 0]] != TRUTH[across[:, 2]]
    ).all()
    assert all(SOURCES[a] != SOURCES[p] for a, p, _ in across)
    assert measure_abx(wins_of(vectors), TRUTH, SOURCES, True, CONFIG).mean == pytest.approx(
        abx_wins(vectors, across).mean()
    )


def test_texts_of_one_source_flatter():
    sources = np.array([f"{k}-{i % 4}" for i, k in enumerate(TRUTH)])
    place = {source: RNG.normal(size=8) for source in np.unique(sources)}
    vectors = np.array([place[source] for source in sources]) + 0.1 * RNG.normal(size=(200, 8))
    within, across = (
        measure_abx(wins_of(vectors), TRUTH, sources, flag, CONFIG).mean for flag in (False, True)
    )
    assert across < 0.6 < within  # topics alone, no style


def test_what_cannot_be_measured():
    assert measure_abx(wins_of(np.zeros((4, 2))), ["a"] * 4, list("wxyz"), False, CONFIG) is None
    assert measure_abx(wins_of(np.zeros((4, 2))), list("aabb"), list("wwxx"), True, CONFIG) is None
    with pytest.raises(DataError, match="indices of authors"):
        measure_authors([0, 3], [[0, 1]], 3, ["a", "b"], CONFIG)
    with pytest.raises(DataError, match="2 texts, but decisions"):
        measure_authors([0, 1], [[0, 1, 1]], 3, ["a", "b"], CONFIG)
