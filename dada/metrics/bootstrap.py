"""Confidence intervals by resampling whole clusters of trials (speakers), exact and without scoring any resample again.

Letters: S clusters, R resamples, G distinct scores, K blocks of them, N trials of one class.

A resample draws S clusters with replacement, so it is a row of S multiplicities, and a trial counts as often as its cluster was
drawn. Trials are sorted once. How many of each cluster fall into each block of neighbouring scores is a small matrix, and one
product with the multiplicities gives every resample's curve at the block edges. The EER of a resample lies in the one block in
which the curve crosses, and only there its trials are counted one by one. The result equals that of repeating the trials and
calling `eer` anew.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse

from dada.errors import DataError
from dada.metrics.auc import num_below
from dada.metrics.check import both_classes
from dada.metrics.eer import crossing

NO_CLUSTER = "-"  # a trial without a speaker is a cluster of its own
NUM_BLOCKS = 1024
CHUNK = 20_000_000  # multiplicities held at once
MAX_DENSE_CLUSTERS = 4096


@dataclass(frozen=True)
class Interval:
    """Ends of a percentile interval, and how many resamples it rests on: those that hold both classes."""

    low: float
    high: float
    num_resamples: int


class Resampler:
    """Draws the resamples of a set of trials. Several seeds or systems scored on the same trials share one, and so its resamples.

    `bonafide_clusters` and `spoof_clusters` name the cluster of each trial, `-` for a trial that is a cluster of its own.
    """

    def __init__(self, bonafide_clusters: Sequence[str], spoof_clusters: Sequence[str], num_resamples: int = 1000, seed: int = 0):
        names = [*bonafide_clusters, *spoof_clusters]
        known = sorted(set(names) - {NO_CLUSTER})  # sorted, so that the order of the trials does not matter
        number = dict(zip(known, range(len(known)), strict=True))
        index = np.array([number.get(name, -1) for name in names])
        alone = np.flatnonzero(index < 0)
        index[alone] = len(known) + np.arange(alone.size)
        self.bonafide, self.spoof = index[: len(bonafide_clusters)], index[len(bonafide_clusters) :]
        self.num_clusters = int(index.max()) + 1
        self.num_resamples, self.seed = num_resamples, seed

    def chunks(self) -> Iterator[np.ndarray]:
        """Multiplicities (r, S) as float64, all R of them in order, some at a time; the same on every call."""
        rng = np.random.default_rng(self.seed)
        size = max(1, CHUNK // self.num_clusters)
        for start in range(0, self.num_resamples, size):
            rows = min(size, self.num_resamples - start)
            drawn = rng.integers(self.num_clusters, size=(rows, self.num_clusters))
            offsets = np.arange(rows)[:, None] * self.num_clusters
            counts = np.bincount((drawn + offsets).ravel(), minlength=rows * self.num_clusters)
            yield counts.reshape(rows, self.num_clusters).astype(np.float64)

    @cached_property
    def counts(self) -> tuple[np.ndarray, np.ndarray]:
        """How many bona fide trials and spoofs each resample holds, each (R,)."""
        sizes = [np.bincount(c, minlength=self.num_clusters).astype(np.float64) for c in (self.bonafide, self.spoof)]
        parts = [[weights @ size for size in sizes] for weights in self.chunks()]
        return np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts])

    def over(self, bonafide, spoof) -> "Trials":
        """These scores, in the order of the clusters."""
        bonafide, spoof = both_classes(bonafide, spoof)
        if (bonafide.size, spoof.size) != (self.bonafide.size, self.spoof.size):
            raise DataError(f"there are {bonafide.size} + {spoof.size} scores for {self.bonafide.size} + {self.spoof.size} clusters")
        return Trials(self, bonafide, spoof)

    def interval(self, values: np.ndarray, confidence: float = 0.95) -> Interval:
        """Percentile interval of `values` (R,); a resample that lacks a class is NaN there and is left out."""
        values = values[np.isfinite(values)]
        if values.size == 0:
            raise DataError("no resample holds both classes: the trials of one class all lie in too few clusters")
        low, high = np.quantile(values, [(1 - confidence) / 2, (1 + confidence) / 2])
        return Interval(float(low), float(high), int(values.size))


class Trials:
    """One system's scores under a Resampler; each method gives a metric of every resample, (R,), NaN where a class is missing."""

    def __init__(self, resampler: Resampler, bonafide: np.ndarray, spoof: np.ndarray):
        self.resampler = resampler
        self.scores = (bonafide, spoof)
        scores = np.concatenate([bonafide, spoof])
        order = np.argsort(scores, kind="stable")
        merged = scores[order]
        self.cluster = np.concatenate([resampler.bonafide, resampler.spoof])[order]
        self.is_bonafide = order < bonafide.size
        self.group_starts = np.concatenate([[0], np.flatnonzero(merged[1:] != merged[:-1]) + 1, [merged.size]])
        num_groups = self.group_starts.size - 1
        num_blocks = min(NUM_BLOCKS, num_groups)
        self.edges = np.linspace(0, num_groups, num_blocks + 1).round().astype(int)  # in groups, (K + 1,)
        block = np.repeat(np.arange(num_blocks), np.diff(self.group_starts[self.edges]))
        self._histograms = [self._histogram(block, mine) for mine in (self.is_bonafide, ~self.is_bonafide)]

    def eer(self) -> np.ndarray:
        """EER of every resample, as `eer(..., ties="grouped")` of its repeated trials."""
        return np.concatenate([self._eer(weights) for weights in self.resampler.chunks()])

    def min_cost(self, of_misses: float, of_false_accepts: float, constant: float = 0.0) -> np.ndarray:
        """Least constant + of_misses Pmiss + of_false_accepts Pfa over all thresholds: minDCF and min t-DCF are such costs."""
        return np.concatenate([self._min_cost(weights, of_misses, of_false_accepts) for weights in self.resampler.chunks()]) + constant

    def mean_cost(self, of_bonafide: np.ndarray, of_spoof: np.ndarray) -> np.ndarray:
        """Mean of `of_bonafide` (N,) over bona fide trials plus that of `of_spoof` over spoofs: actDCF and Cllr are such costs."""
        resampler, parts = self.resampler, []
        costs = ((resampler.bonafide, of_bonafide), (resampler.spoof, of_spoof))
        sums = [np.bincount(clusters, cost, resampler.num_clusters) for clusters, cost in costs]
        for weights in resampler.chunks():
            parts.append(np.stack([weights @ total for total in sums]))
        totals = np.concatenate(parts, axis=1)
        num_bonafide, num_spoof = resampler.counts
        with np.errstate(divide="ignore", invalid="ignore"):
            return totals[0] / num_bonafide + totals[1] / num_spoof

    def auc(self) -> np.ndarray:
        """AUC of every resample: from the counts of won pairs between every two clusters (S, S), or trial by trial where S is large."""
        resampler = self.resampler
        count = self._won_by_cluster if resampler.num_clusters <= MAX_DENSE_CLUSTERS else self._won_by_trial
        num_bonafide, num_spoof = resampler.counts
        with np.errstate(divide="ignore", invalid="ignore"):
            return count() / (num_bonafide * num_spoof)

    def _won_by_cluster(self) -> np.ndarray:
        resampler, (bonafide, spoof) = self.resampler, self.scores
        won = np.zeros((resampler.num_clusters, resampler.num_clusters))
        for cluster in np.unique(resampler.spoof):
            below = num_below(bonafide, np.sort(spoof[resampler.spoof == cluster]))
            won[:, cluster] = np.bincount(resampler.bonafide, below, resampler.num_clusters)
        return np.concatenate([((weights @ won) * weights).sum(axis=1) for weights in resampler.chunks()])

    def _won_by_trial(self) -> np.ndarray:
        """Won pairs (R,): per distinct score, its bona fide trials times the spoofs below, and half of those beside them."""
        totals, starts = [], self.group_starts[:-1]
        for weights in self.resampler.chunks():
            for row in weights:
                drawn = row[self.cluster]
                bonafide, spoof = (np.add.reduceat(drawn * mine, starts) for mine in (self.is_bonafide, ~self.is_bonafide))
                totals.append(bonafide @ (np.cumsum(spoof) - spoof / 2))
        return np.array(totals)

    def p_miss_at(self, p_fa: np.ndarray) -> np.ndarray:
        """Pmiss (R, P) of every resample where its Pfa is `p_fa` (P,), on the line between neighbouring block edges: for plots."""
        rows = []
        for weights in self.resampler.chunks():
            misses, false_accepts = self._at_edges(weights)
            for miss, fa in zip(misses, false_accepts, strict=True):
                empty = not (miss[-1] and fa[0])
                rows.append(np.full(p_fa.size, np.nan) if empty else np.interp(p_fa, fa[::-1] / fa[0], miss[::-1] / miss[-1]))
        return np.stack(rows)

    def _histogram(self, block: np.ndarray, mine: np.ndarray):
        shape = (self.resampler.num_clusters, int(block[-1]) + 1)
        counts = sparse.coo_array((np.ones(int(mine.sum())), (self.cluster[mine], block[mine])), shape=shape).tocsr()
        return counts.toarray() if shape[0] <= MAX_DENSE_CLUSTERS else counts

    def _at_edges(self, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Misses and false accepts (r, K + 1) at the block edges, from multiplicities (r, S)."""
        misses, rejected = (np.pad(np.cumsum(weights @ histogram, axis=1), ((0, 0), (1, 0))) for histogram in self._histograms)
        return misses, rejected[:, -1:] - rejected

    def _eer(self, weights: np.ndarray) -> np.ndarray:
        misses, false_accepts = self._at_edges(weights)
        num_bonafide, num_spoof = misses[:, -1], false_accepts[:, 0]
        values = np.full(len(weights), np.nan)
        full = np.flatnonzero((num_bonafide > 0) & (num_spoof > 0))
        if not full.size:
            return values
        with np.errstate(divide="ignore", invalid="ignore"):
            crossed = false_accepts / num_spoof[:, None] <= misses / num_bonafide[:, None]
        block = np.argmax(crossed[full], axis=1) - 1
        for k in np.unique(block):
            rows = full[block == k]
            miss, fa = self._within(weights[rows], k, misses[rows, k], false_accepts[rows, k])
            bona, spoof = num_bonafide[rows, None], num_spoof[rows, None]
            after = np.argmax(fa / spoof <= miss / bona, axis=1)
            r = np.arange(len(rows))
            values[rows] = crossing(miss[r, after - 1], fa[r, after - 1], miss[r, after], fa[r, after], bona[:, 0], spoof[:, 0])[0]
        return values

    def _min_cost(self, weights: np.ndarray, of_misses: float, of_false_accepts: float) -> np.ndarray:
        misses, false_accepts = self._at_edges(weights)
        num_bonafide, num_spoof = misses[:, -1], false_accepts[:, 0]
        with np.errstate(divide="ignore", invalid="ignore"):
            miss_cost, fa_cost = of_misses * (misses / num_bonafide[:, None]), of_false_accepts * (false_accepts / num_spoof[:, None])
            best = (miss_cost + fa_cost).min(axis=1)
            bound = miss_cost[:, :-1] + fa_cost[:, 1:]  # no point inside a block can cost less
            wide = np.diff(self.edges) > 1
            open_blocks = (bound < best[:, None]) & wide
        for k in np.flatnonzero(open_blocks.any(axis=0)):
            rows = np.flatnonzero(open_blocks[:, k] & (bound[:, k] < best))
            miss, fa = self._within(weights[rows], k, misses[rows, k], false_accepts[rows, k])
            cost = of_misses * (miss / num_bonafide[rows, None]) + of_false_accepts * (fa / num_spoof[rows, None])
            best[rows] = np.minimum(best[rows], cost.min(axis=1))
        return best

    def _within(self, weights: np.ndarray, block: int, miss: np.ndarray, fa: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Misses and false accepts (r, groups + 1) at every distinct score of a block, from those at its start (r,)."""
        starts = self.group_starts[self.edges[block] : self.edges[block + 1] + 1]
        trials = slice(starts[0], starts[-1])
        drawn = weights[:, self.cluster[trials]]
        counts = [np.add.reduceat(drawn * mine[trials], starts[:-1] - starts[0], axis=1) for mine in (self.is_bonafide, ~self.is_bonafide)]
        rejected = [np.pad(np.cumsum(count, axis=1), ((0, 0), (1, 0))) for count in counts]
        return miss[:, None] + rejected[0], fa[:, None] - rejected[1]


def bootstrap_eer(
    bonafide, spoof, bonafide_clusters, spoof_clusters, num_resamples: int = 1000, seed: int = 0, confidence: float = 0.95
) -> Interval:
    """Interval of the EER over resampled clusters (speakers)."""
    resampler = Resampler(bonafide_clusters, spoof_clusters, num_resamples, seed)
    return resampler.interval(resampler.over(bonafide, spoof).eer(), confidence)


def bootstrap_mean(values, clusters: Sequence[str], num_resamples: int = 1000, seed: int = 0, confidence: float = 0.95) -> Interval | None:
    """Interval of the mean of values (N,) over resampled clusters; None where all are of one cluster. NaN are left out."""
    values = np.asarray(values, dtype=np.float64)
    known = np.isfinite(values)
    resampler = Resampler([name for name, good in zip(clusters, known, strict=True) if good], [], num_resamples, seed) if known.any() else None
    if resampler is None or resampler.num_clusters < 2:
        return None
    sums, counts = (np.bincount(resampler.bonafide, weights, resampler.num_clusters) for weights in (values[known], np.ones(known.sum())))
    means = np.concatenate([(weights @ sums) / (weights @ counts) for weights in resampler.chunks()])
    return resampler.interval(means, confidence)


def bootstrap_difference(
    resampler: Resampler, first, second, metric: Callable[[Trials], np.ndarray] = Trials.eer, confidence: float = 0.95
) -> Interval:
    """Interval of metric(first) - metric(second) on the same resamples; each is a (bonafide, spoof) pair on the same trials.

    Zero outside the interval says that the systems differ beyond what the choice of speakers explains.
    """
    return resampler.interval(metric(resampler.over(*first)) - metric(resampler.over(*second)), confidence)
