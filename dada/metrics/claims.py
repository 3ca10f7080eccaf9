"""Claims on texts, "would this person say this?": drawing of trials, and their scores from author posteriors.

A trial is a claimed speaker and one or several texts of one source. It is a target where the speaker said
them, and an impostor's where somebody else did. Letters: N texts, K speakers, P pools of n texts, T trials.
"""

from collections import defaultdict
from collections.abc import Hashable, Sequence

import numpy as np

from dada.errors import DataError


def draw_pools(sources: Sequence[Hashable], num_texts: int, seed: int) -> np.ndarray:
    """Return indices of texts (P, n): disjoint pools of `num_texts` texts of one source, at random.

    `sources` (N,) are the sources of the texts. Texts that are left over in a source are in no pool. With one
    text a pool, each text is a pool of its own, in order.
    """
    if num_texts < 1:
        raise DataError(f"a claim is judged by {num_texts} texts, and needs at least one")
    members: dict[Hashable, list[int]] = defaultdict(list)
    for i, source in enumerate(sources):
        members[source].append(i)
    rng = np.random.default_rng([seed, num_texts])
    pools = []
    for own in members.values():
        order = np.sort(own) if num_texts == 1 else rng.permutation(own)
        whole = len(own) // num_texts * num_texts
        pools.append(order[:whole].reshape(-1, num_texts))
    rows = np.concatenate(pools) if pools else np.empty((0, num_texts), dtype=np.int64)
    return rows[np.argsort(rows[:, 0], kind="stable")]


def draw_claims(
    authors: np.ndarray, num_speakers: int, num_impostors: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return pool and claimed speaker of each trial, both (T,), sorted by pool.

    `authors` (P,) are indices of the speakers who said the pools, -1 for somebody who is none of them. A pool
    is claimed once by its own speaker, and by `num_impostors` others at random, or by all others for 0.
    """
    authors = np.asarray(authors)
    others = np.arange(num_speakers) != authors[:, None]
    impostors = others
    if num_impostors:
        order = np.where(others, np.random.default_rng(seed).random(others.shape), np.inf)
        impostors = np.zeros_like(others)
        np.put_along_axis(impostors, np.argsort(order, axis=1)[:, :num_impostors], True, axis=1)
    pool, claimed = np.nonzero((impostors & others) | ~others)
    return pool, claimed


def claim_log_odds(log_posterior: np.ndarray) -> np.ndarray:
    """Return log p(k|t) - log(1 - p(k|t)) of every speaker k, (N, K), from logits or log posteriors (N, K).

    The rest is summed over the other speakers, so that a posterior of 1 does not saturate. Raise DataError
    for a single speaker.
    """
    x = np.asarray(log_posterior, dtype=np.float64)
    if x.shape[1] < 2:
        raise DataError("a claim needs two speakers to decide between, and there is one")
    edge = np.full((len(x), 1), -np.inf)
    before = np.concatenate([edge, np.logaddexp.accumulate(x[:, :-1], axis=1)], axis=1)
    after = np.concatenate([np.logaddexp.accumulate(x[:, :0:-1], axis=1)[:, ::-1], edge], axis=1)
    return x - np.logaddexp(before, after)


def pooled(values: np.ndarray, pools: np.ndarray) -> np.ndarray:
    """Return the sum (P, K) of values (N, K) over the texts of each pool (P, n).

    Of log posteriors under equal priors it is the log posterior of all texts together, were they independent.
    """
    return np.asarray(values, dtype=np.float64)[pools].sum(axis=1)


def split_by_claim(scores: np.ndarray, authors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the scores of true claims (N,) and of all others (N (K - 1),), of scores (N, K) of texts by
    known `authors` (N,).
    """
    own = np.arange(scores.shape[1]) == np.asarray(authors)[:, None]
    return scores[own], scores[~own]
