"""Confidence intervals by resampling whole clusters of trials (speakers, attacks), exact and without scoring
any resample again.

Letters: S clusters, R resamples, G distinct scores, K blocks of them, N trials of one class, C classes: bona
fide first, then one or two kinds of trials that are to be rejected.

A resample draws S clusters with replacement, so it is a row of S multiplicities, and a trial counts as often
as its cluster was drawn. ResampledScores are sorted once. How many of each cluster fall into each block of
neighbouring scores is a small matrix, and one product with the multiplicities gives every resample's curve at
the block edges. The EER of a resample lies in the one block in which the curve crosses, and only there its
trials are counted one by one. The result equals that of repeating the trials and calling `eer` anew.

Where no cluster holds trials of two classes, each class is resampled by itself. Many trials without a speaker
are dealt at random into MOST_ALONE clusters of equal size: the trials being independent, that estimates the
same spread, with a standard deviation of 1 / sqrt(2 MOST_ALONE), 2 %, which is half of what a thousand
resamples leave uncertain.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from dada.errors import DataError
from dada.metrics.auc import num_below
from dada.metrics.calibration import pooled_cllr

if TYPE_CHECKING:
    from scipy import sparse
from dada.metrics.check import scores_of
from dada.metrics.eer import crossing, crossing_official
from dada.metrics.named import NO_CLUSTER, Named

FEW_CLUSTERS = 100  # up to so many in every class, the jackknife leaves out each once
MOST_ALONE = 1000  # of each class; more are dealt into so many clusters
NUM_BLOCKS = 1024
CHUNK = 20_000_000  # multiplicities held at once
FEW = 1_000_000  # multiplicities that are drawn once and kept
MAX_DENSE_CLUSTERS = 4096
CLASSES = ("bona fide", "spoof", "other")


@dataclass(frozen=True)
class Interval:
    """Ends of a percentile interval, and how many resamples it rests on: those that hold all classes."""

    low: float
    high: float
    num_resamples: int


class Resampler:
    """Draws the resamples of a set of trials. Several seeds or systems scored on the same trials share one,
    and so its resamples.

    `clusters` name, class by class, the cluster of each trial, `-` for a trial that is a cluster of its own.
    With `jackknife` the rows leave out each cluster once instead, where all have names and there are few of
    them: a bootstrap of few clusters says too little of the variance.
    """

    def __init__(
        self,
        *clusters: Sequence[str] | np.ndarray | Named,
        num_resamples: int = 1000,
        seed: int = 0,
        jackknife: bool = False,
    ):
        names = [part if isinstance(part, Named) else Named.of(part) for part in clusters]
        known = sorted(set().union(*(part.present() for part in names)) - {NO_CLUSTER})  # for any order
        number = dict(zip(known, range(len(known)), strict=True))
        self.classes, used = [], len(known)
        for part in names:
            index = part.numbered(number, -1)
            alone = np.flatnonzero(index < 0)
            index[alone] = used + _dealt(alone.size, seed)
            used += min(alone.size, MOST_ALONE)
            self.classes.append(index)
        self.num_clusters, self.num_resamples, self.seed = used, num_resamples, seed
        self.strata = self._strata()
        sizes = [members.size for members in self.strata]
        self.leaves_out = jackknife and used == len(known) and min(sizes) > 1 and max(sizes) <= FEW_CLUSTERS
        self._few: list[np.ndarray] | None = None

    def _strata(self) -> list[np.ndarray]:
        """The clusters (S,) that are drawn from together: those of each class, or all where one holds trials
        of two classes.
        """
        present = [np.unique(index) for index in self.classes if index.size]
        if sum(part.size for part in present) > self.num_clusters:
            return [np.arange(self.num_clusters)]
        return present

    @property
    def bonafide(self) -> np.ndarray:
        """Cluster of each trial of the first class (N,)."""
        return self.classes[0]

    @property
    def spoof(self) -> np.ndarray:
        """Cluster of each trial of the second class (N,)."""
        return self.classes[1]

    def chunks(self) -> Iterator[np.ndarray]:
        """Multiplicities (r, S) as float64, some rows at a time, the same on every call: all R resamples in
        order, or where the resampler leaves clusters out a row for each, stratum by stratum.
        """
        if self.leaves_out:
            yield 1 - np.eye(self.num_clusters)[np.concatenate(self.strata)]
        else:
            yield from self.draws()

    def draws(self) -> Iterator[np.ndarray]:
        """Multiplicities (r, S) of all R bootstrap resamples."""
        if self._few is None and self.num_resamples * self.num_clusters <= FEW:
            self._few = list(self._drawn())
        yield from self._drawn() if self._few is None else self._few

    def _drawn(self) -> Iterator[np.ndarray]:
        rng = np.random.default_rng(self.seed)
        size = max(1, CHUNK // self.num_clusters)
        for start in range(0, self.num_resamples, size):
            rows = min(size, self.num_resamples - start)
            weights = np.zeros((rows, self.num_clusters))
            for members in self.strata:
                drawn = (
                    rng.integers(members.size, size=(rows, members.size))
                    + np.arange(rows)[:, None] * members.size
                )
                weights[:, members] = np.bincount(drawn.ravel(), minlength=rows * members.size).reshape(
                    rows, -1
                )
            yield weights

    @cached_property
    def counts(self) -> tuple[np.ndarray, ...]:
        """How many trials of each class every resample holds, each (R,)."""
        sizes = [np.bincount(index, minlength=self.num_clusters).astype(np.float64) for index in self.classes]
        parts = [[weights @ size for size in sizes] for weights in self.chunks()]
        return tuple(np.concatenate(part) for part in zip(*parts, strict=True))

    def over(self, *scores: ArrayLike) -> "ResampledScores":
        """These scores, class by class, in the order of the clusters."""
        # A set of one class has rates at a threshold.
        checked = [
            scores_of(part, CLASSES[i]) if self.classes[i].size or np.size(part) else np.empty(0)
            for i, part in enumerate(scores)
        ]
        sizes = [part.size for part in checked], [index.size for index in self.classes]
        if sizes[0] != sizes[1]:
            there, wanted = (" + ".join(map(str, part)) for part in sizes)
            raise DataError(f"there are {there} scores for {wanted} clusters")
        return ResampledScores(self, checked)

    def interval(self, values: np.ndarray, confidence: float = 0.95) -> Interval:
        """Percentile interval of `values` (R,). Resamples that lack a class are NaN and are left out."""
        values = values[np.isfinite(values)]
        if values.size == 0:
            raise DataError(
                "no resample holds both classes: the trials of one class all lie in too few clusters"
            )
        low, high = np.quantile(values, [(1 - confidence) / 2, (1 + confidence) / 2])
        return Interval(float(low), float(high), int(values.size))


def _summed(counts: np.ndarray) -> np.ndarray:
    """Running sums (r, K + 1) of counts (r, K), from 0."""
    return np.pad(np.cumsum(counts, axis=1), ((0, 0), (1, 0)))


def _dealt(num_trials: int, seed: int) -> np.ndarray:
    """Clusters (N,) of trials without one: each its own, or at random MOST_ALONE of them of the same size."""
    if num_trials <= MOST_ALONE:
        return np.arange(num_trials)
    return np.random.default_rng(seed).permutation(num_trials) % MOST_ALONE


class ResampledScores:
    """One system's scores under a Resampler; each method gives a metric of every resample, (R,), NaN where a
    class is missing.
    """

    def __init__(self, resampler: Resampler, scores: Sequence[np.ndarray]):
        self.resampler, self.scores = resampler, tuple(scores)
        merged = np.concatenate(scores)
        order = np.argsort(merged, kind="stable")
        merged = merged[order]
        self.cluster = np.concatenate(resampler.classes)[order]
        kind = np.repeat(np.arange(len(scores)), [part.size for part in scores])[order]
        self.is_of = [kind == c for c in range(len(scores))]
        self.group_starts = np.concatenate(
            [[0], np.flatnonzero(merged[1:] != merged[:-1]) + 1, [merged.size]]
        )
        num_groups = self.group_starts.size - 1
        num_blocks = min(NUM_BLOCKS, num_groups)
        self.edges = np.linspace(0, num_groups, num_blocks + 1).round().astype(int)  # in groups, (K + 1,)
        block = np.repeat(np.arange(num_blocks), np.diff(self.group_starts[self.edges]))
        self._histograms = [self._histogram(block, mine) for mine in self.is_of]
        self._eers: dict[str, np.ndarray] = {}

    def eer(self, ties: str = "grouped") -> np.ndarray:
        """EER of every resample, as `eer` of its repeated trials by the same rule for ties."""
        if ties not in self._eers:  # other metrics are made from it
            rule = crossing_official if ties == "official" else lambda *counts: crossing(*counts)[0]
            self._eers[ties] = np.concatenate(
                [self._eer(weights, rule) for weights in self.resampler.chunks()]
            )
        return self._eers[ties]

    def min_cost(self, of_misses: float, *of_false_accepts: float, constant: float = 0.0) -> np.ndarray:
        """Least constant + of_misses Pmiss + of_false_accepts Pfa, one for each class to reject, over all
        thresholds.

        minDCF, min t-DCF and a-DCF are such costs.
        """
        factors = (of_misses, *of_false_accepts)
        return (
            np.concatenate([self._min_cost(weights, factors) for weights in self.resampler.chunks()])
            + constant
        )

    def mean_cost(self, of_bonafide: np.ndarray, of_spoof: np.ndarray) -> np.ndarray:
        """Mean of `of_bonafide` (N,) over bona fide trials plus that of `of_spoof` over spoofs: actDCF and
        Cllr are such costs.
        """
        resampler, parts = self.resampler, []
        costs = ((resampler.bonafide, of_bonafide), (resampler.spoof, of_spoof))
        sums = [np.bincount(clusters, cost, resampler.num_clusters) for clusters, cost in costs]
        for weights in resampler.chunks():
            parts.append(np.stack([weights @ total for total in sums]))
        totals = np.concatenate(parts, axis=1)
        num_bonafide, num_spoof = resampler.counts
        with np.errstate(divide="ignore", invalid="ignore"):
            return totals[0] / num_bonafide + totals[1] / num_spoof

    def min_cllr(self) -> np.ndarray:
        """min Cllr of every resample; neighbouring scores of a block are pooled, which raises it a little
        where there are more distinct scores than blocks.
        """
        values = []
        for weights in self.resampler.chunks():
            counts = [np.diff(part, axis=1) for part in self._below(weights)]
            values += [pooled_cllr(*row) for row in zip(*counts, strict=True)]
        return np.array(values)

    def mean_of(self, kind: int, values: np.ndarray) -> np.ndarray:
        """Mean of `values` (N,) over the trials of one class, 0 for bona fide and 1 for spoof."""
        resampler = self.resampler
        total = np.bincount(resampler.classes[kind], values, resampler.num_clusters)
        sums = np.concatenate([weights @ total for weights in resampler.chunks()])
        with np.errstate(divide="ignore", invalid="ignore"):
            return sums / resampler.counts[kind]

    def auc(self) -> np.ndarray:
        """AUC of every resample: from the counts of won pairs between every two clusters (S, S), or trial by
        trial where S is large.
        """
        resampler = self.resampler
        count = self._won_by_cluster if resampler.num_clusters <= MAX_DENSE_CLUSTERS else self._won_by_trial
        num_bonafide, num_spoof = resampler.counts
        with np.errstate(divide="ignore", invalid="ignore"):
            return count() / (num_bonafide * num_spoof)

    def _won_by_cluster(self) -> np.ndarray:
        resampler, (bonafide, spoof) = self.resampler, self.scores
        won = np.zeros((resampler.num_clusters, resampler.num_clusters))
        order = np.argsort(bonafide)
        ordered, owner = bonafide[order], resampler.bonafide[order]
        by_cluster = np.split(
            np.argsort(resampler.spoof, kind="stable"), np.cumsum(np.bincount(resampler.spoof))[:-1]
        )
        for cluster, mine in enumerate(by_cluster):
            if mine.size:
                won[:, cluster] = np.bincount(
                    owner, num_below(ordered, np.sort(spoof[mine])), resampler.num_clusters
                )
        return np.concatenate([((weights @ won) * weights).sum(axis=1) for weights in resampler.chunks()])

    def _won_by_trial(self) -> np.ndarray:
        """Won pairs (R,): per distinct score, its bona fide trials times the spoofs below, and half of those
        beside them.
        """
        totals, starts = [], self.group_starts[:-1]
        for weights in self.resampler.chunks():
            for row in weights:
                drawn = row[self.cluster]
                bonafide, spoof = (np.add.reduceat(drawn * mine, starts) for mine in self.is_of)
                totals.append(bonafide @ (np.cumsum(spoof) - spoof / 2))
        return np.array(totals)

    def p_miss_at(self, p_fa: np.ndarray, every: bool = False) -> np.ndarray:
        """Pmiss (R, P) of every draw where its Pfa is `p_fa` (P,), on the line between neighbouring block
        edges; of `every` resample those that leave a cluster out as well, as other metrics have them.
        """
        rows = []
        for weights in self.resampler.chunks() if every else self.resampler.draws():
            misses, false_accepts = self.at_edges(weights)[:2]
            for miss, fa in zip(misses, false_accepts, strict=True):
                empty = not (miss[-1] and fa[0])
                rows.append(
                    np.full(p_fa.size, np.nan)
                    if empty
                    else np.interp(p_fa, fa[::-1] / fa[0], miss[::-1] / miss[-1])
                )
        return np.stack(rows)

    def _histogram(self, block: np.ndarray, mine: np.ndarray) -> "np.ndarray | sparse.csr_array":
        from scipy import sparse  # slow to import

        shape = (self.resampler.num_clusters, int(block[-1]) + 1)
        counts = sparse.coo_array(
            (np.ones(int(mine.sum())), (self.cluster[mine], block[mine])), shape=shape
        ).tocsr()
        return _summed(counts.toarray()) if shape[0] <= MAX_DENSE_CLUSTERS else counts

    def at_edges(self, weights: np.ndarray) -> list[np.ndarray]:
        """Misses and, for each class to reject, false accepts (r, K + 1) at the block edges, from
        multiplicities (r, S).
        """
        below = self._below(weights)
        return [below[0], *(rejected[:, -1:] - rejected for rejected in below[1:])]

    def _below(self, weights: np.ndarray) -> list[np.ndarray]:
        """Trials of each class (r, K + 1) below the block edges. All are whole numbers, and so exact."""
        parts = [(weights @ histogram, histogram) for histogram in self._histograms]
        return [part if isinstance(of, np.ndarray) else _summed(part) for part, of in parts]

    def _eer(self, weights: np.ndarray, rule: Callable) -> np.ndarray:
        misses, rejected = self._below(weights)
        num_bonafide, num_spoof = misses[:, -1], rejected[:, -1]
        values = np.full(len(weights), np.nan)
        full = np.flatnonzero((num_bonafide > 0) & (num_spoof > 0))
        low, high = np.zeros(full.size, dtype=int), np.full(full.size, misses.shape[1] - 1)
        while (high - low > 1).any():  # not crossed at the edge `low`, crossed at `high`
            middle = (low + high) // 2
            p_fa = (num_spoof[full] - rejected[full, middle]) / num_spoof[full]
            crossed = p_fa <= misses[full, middle] / num_bonafide[full]
            low, high = np.where(crossed, low, middle), np.where(crossed, middle, high)
        for k in np.unique(low):
            rows = full[low == k]
            miss, fa = self.within(weights[rows], k, [misses[rows, k], num_spoof[rows] - rejected[rows, k]])
            bona, spoof = num_bonafide[rows], num_spoof[rows]
            after = np.argmax(fa / spoof[:, None] <= miss / bona[:, None], axis=1)
            r = np.arange(len(rows))
            values[rows] = rule(
                miss[r, after - 1], fa[r, after - 1], miss[r, after], fa[r, after], bona, spoof
            )
        return values

    def _min_cost(self, weights: np.ndarray, factors: Sequence[float]) -> np.ndarray:
        edges = self.at_edges(weights)
        totals = [edges[0][:, -1], *(edge[:, 0] for edge in edges[1:])]
        with np.errstate(divide="ignore", invalid="ignore"):
            costs = [
                factor * (edge / total[:, None])
                for factor, edge, total in zip(factors, edges, totals, strict=True)
            ]
            best = sum(costs).min(axis=1)
            bound = costs[0][:, :-1] + sum(
                cost[:, 1:] for cost in costs[1:]
            )  # no point inside a block can cost less
            open_blocks = (bound < best[:, None]) & (np.diff(self.edges) > 1)
        for k in np.flatnonzero(open_blocks.any(axis=0)).tolist():
            rows = np.flatnonzero(open_blocks[:, k] & (bound[:, k] < best))
            inside = self.within(weights[rows], k, [edge[rows, k] for edge in edges])
            cost = sum(
                factor * (part / total[rows, None])
                for factor, part, total in zip(factors, inside, totals, strict=True)
            )
            best[rows] = np.minimum(best[rows], cost.min(axis=1))
        return best

    def within(self, weights: np.ndarray, block: int, at_start: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Misses and false accepts (r, groups + 1) at every distinct score of a block, from those at its
        start (r,).
        """
        starts = self.group_starts[self.edges[block] : self.edges[block + 1] + 1]
        trials = slice(starts[0], starts[-1])
        drawn = weights[:, self.cluster[trials]]
        counts = [
            np.add.reduceat(drawn * mine[trials], starts[:-1] - starts[0], axis=1) for mine in self.is_of
        ]
        passed = [np.pad(np.cumsum(count, axis=1), ((0, 0), (1, 0))) for count in counts]
        return [
            at_start[0][:, None] + passed[0],
            *(start[:, None] - part for start, part in zip(at_start[1:], passed[1:], strict=True)),
        ]
