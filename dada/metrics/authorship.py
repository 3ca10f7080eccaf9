"""How well a text system names authors and tells them apart, with intervals over resampled sources.

A source is a speech, a page's work, a written line: texts of one source are alike, so whole sources are
drawn. Letters: S training seeds, N texts, K authors, C sources, R resamples, M triples.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from scipy import sparse

from dada.errors import DataError
from dada.evaluation_settings import EvaluateConfig
from dada.metrics.abx import abx_triples
from dada.metrics.bootstrap import Resampler
from dada.metrics.figure import Figure, figure

ROWS = 64  # resamples whose triples are weighted at once: bounds the memory
DEFINITIONS = {
    "author_accuracy": "share of the texts whose author has the largest logit",
    "author_macro_f1": "unweighted mean of the F1 of the authors who wrote any of the texts",
    "author_weighted_f1": "mean of the authors' F1, weighted by their number of texts",
    "abx": "share of random triples in which a text lies nearer to another of its author than to one of "
    "somebody else",
    "abx_across": "the same, the two texts of one author being from different sources",
}


def measure_authors(
    truth: np.ndarray, decided: np.ndarray, num_authors: int, sources: Sequence[str], config: EvaluateConfig
) -> dict[str, Figure]:
    """Accuracy, macro F1 and weighted F1 of decisions (S, N) for authors (N,), each with its mean, spread and
    interval.

    Raises DataError for arrays of other shapes, or author indices out of range.
    """
    truth, decided = np.asarray(truth), np.atleast_2d(decided)
    if decided.shape[1:] != truth.shape or truth.size != len(sources) or not truth.size:
        raise DataError(f"{truth.size} texts, but decisions {decided.shape} and {len(sources)} sources")
    if min(truth.min(), decided.min()) < 0 or max(truth.max(), decided.max()) >= num_authors:
        raise DataError(f"indices of authors must be 0 to {num_authors - 1}")
    resampler = Resampler(list(sources), num_resamples=config.num_resamples, seed=config.seed, jackknife=True)
    counts = [_counts(truth, row, resampler.bonafide, num_authors) for row in decided]
    figures = {}
    for name, metric in (("accuracy", _accuracy), ("macro_f1", _macro_f1), ("weighted_f1", _weighted_f1)):
        pairs = [_with_resamples(metric, count, resampler) for count in counts]
        values, resamples = zip(*pairs, strict=True)
        figures[name] = figure(values, resamples, resampler, config.confidence, upper=1.0)
    return figures


def measure_abx(
    wins_of: Callable[[np.ndarray], np.ndarray],
    authors: Sequence[str],
    sources: Sequence[str],
    across: bool,
    config: EvaluateConfig,
) -> Figure | None:
    """ABX of embeddings by author; None where there is no triple.

    `wins_of(triples)` takes triples (M, 3) of indices of texts and returns `abx_wins` of every seed, (S, M).
    In a resample a triple counts as often as its three sources were drawn, multiplied.
    """
    try:
        triples = abx_triples(authors, config.abx_triples, config.seed, sources if across else None)
    except DataError:  # one author, or one source of each: nothing to compare, which is no fault
        return None
    resampler = Resampler(list(sources), num_resamples=config.num_resamples, seed=config.seed, jackknife=True)
    wins = wins_of(triples)
    clusters, shares = resampler.bonafide[triples].T, []
    for weights in resampler.chunks():
        for rows in np.array_split(weights, max(1, len(weights) // ROWS)):
            drawn = rows[:, clusters[0]] * rows[:, clusters[1]] * rows[:, clusters[2]]
            with np.errstate(invalid="ignore"):
                shares.append(drawn @ wins.T / drawn.sum(axis=1, keepdims=True))
    resamples = np.concatenate(shares)
    return figure(wins.mean(axis=1), list(resamples.T), resampler, config.confidence, upper=1.0)


def _counts(
    truth: np.ndarray, decided: np.ndarray, clusters: np.ndarray, num_authors: int
) -> "list[sparse.csr_array]":
    """By source and author, each (C, K): texts named rightly, texts taken for the author's, texts of the
    author.
    """
    from scipy import sparse  # slow to import

    shape = (int(clusters.max()) + 1, num_authors)
    ones = np.ones(truth.size)
    hits = sparse.coo_array(((decided == truth).astype(float), (clusters, truth)), shape)
    return [
        table.tocsr()
        for table in (
            hits,
            sparse.coo_array((ones, (clusters, decided)), shape),
            sparse.coo_array((ones, (clusters, truth)), shape),
        )
    ]


def _with_resamples(metric: Callable, counts: list, resampler: Resampler) -> tuple[float, np.ndarray]:
    value = metric(*(np.asarray(table.sum(axis=0))[None] for table in counts))[0]
    return float(value), np.concatenate(
        [metric(*(np.asarray(weights @ table) for table in counts)) for weights in resampler.chunks()]
    )


def _accuracy(hits: np.ndarray, decisions: np.ndarray, texts: np.ndarray) -> np.ndarray:
    return hits.sum(axis=1) / texts.sum(axis=1)


def _f1(hits: np.ndarray, decisions: np.ndarray, texts: np.ndarray) -> np.ndarray:
    return 2 * hits / np.maximum(decisions + texts, 1)


def _macro_f1(hits: np.ndarray, decisions: np.ndarray, texts: np.ndarray) -> np.ndarray:
    occurs = texts > 0
    return (_f1(hits, decisions, texts) * occurs).sum(axis=1) / occurs.sum(axis=1)


def _weighted_f1(hits: np.ndarray, decisions: np.ndarray, texts: np.ndarray) -> np.ndarray:
    return (_f1(hits, decisions, texts) * texts).sum(axis=1) / texts.sum(axis=1)
