"""Claims on texts: pools of one source, every claim once, and log odds of posteriors."""

import numpy as np
import pytest

from dada.errors import DataError
from dada.metrics.claims import claim_log_odds, draw_claims, draw_pools, pooled, split_by_claim


def test_pools_are_disjoint_texts_of_one_source():
    sources = [f"speech {i // 7}" for i in range(40)]
    for size, expected in ((1, 40), (2, 5 * 3 + 2), (4, 5 * 1 + 1), (8, 0)):
        pools = draw_pools(sources, size, seed=3)
        assert pools.shape == (expected, size) and len(set(pools.ravel().tolist())) == pools.size
        assert all(len({sources[i] for i in pool}) == 1 for pool in pools)
    assert draw_pools(sources, 1, 0).ravel().tolist() == list(range(40))
    assert np.array_equal(draw_pools(sources, 2, 5), draw_pools(sources, 2, 5))
    assert not np.array_equal(draw_pools(sources, 2, 5), draw_pools(sources, 2, 6))
    with pytest.raises(DataError, match="at least one"):
        draw_pools(sources, 0, 1)


def test_a_pool_is_claimed_by_its_own_speaker_and_by_others():
    owners = np.array([0, 2, -1])  # the last is by nobody who can be claimed
    pool, claimed = draw_claims(owners, 4, 0, seed=1)
    assert list(zip(pool.tolist(), claimed.tolist(), strict=True)) == [
        (p, k) for p in range(3) for k in range(4)
    ]
    pool, claimed = draw_claims(owners, 4, 2, seed=1)
    own = owners[pool] == claimed
    assert own.tolist().count(True) == 2 and np.bincount(pool[~own]).tolist() == [2, 2, 2]
    assert len({*zip(pool.tolist(), claimed.tolist(), strict=True)}) == len(pool)
    assert draw_claims(owners, 4, 9, seed=1)[0].size == 12  # as many others as there are


def test_log_odds_do_not_saturate():
    logits = np.array([[0.0, 1.0, -2.0], [800.0, 0.0, 1.0], [5.0, 5.0, 5.0]])
    odds = claim_log_odds(logits)
    p = np.exp(logits[0]) / np.exp(logits[0]).sum()
    np.testing.assert_allclose(odds[0], np.log(p / (1 - p)), rtol=1e-12)
    np.testing.assert_allclose(odds[1], [800 - np.logaddexp(0, 1), -800, 1 - 800])
    np.testing.assert_allclose(odds[2], -np.log(2))
    np.testing.assert_allclose(claim_log_odds(logits + 7), odds)  # logits or log posteriors
    np.testing.assert_allclose(claim_log_odds(logits[:, :2])[0], [-1, 1])
    with pytest.raises(DataError, match="two speakers"):
        claim_log_odds(logits[:, :1])


def test_sums_of_pools_and_the_two_kinds_of_claims():
    values = np.arange(12.0).reshape(4, 3)
    assert pooled(values, np.array([[0, 3], [1, 2]])).tolist() == [[9, 11, 13], [9, 11, 13]]
    own, others = split_by_claim(values, np.array([0, 1, 2, 0]))
    assert own.tolist() == [0, 4, 8, 9] and sorted(others.tolist()) == [1, 2, 3, 5, 6, 7, 10, 11]
