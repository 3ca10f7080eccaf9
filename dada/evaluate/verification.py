"""Claims on the texts of a split: whether a text system tells a claimed speaker's words from others'.

The trials follow from the texts and the settings, so that they are the same for every system and seed. The
score of a claim is the log odds of the claimed speaker, given all pooled texts as if they were independent;
of a system with a binary head it is the sum of the logits. K training seeds, N texts, A authors, P pools, T
trials.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dada.data import DataDir
from dada.data.datadir import sources_of, table_of
from dada.data.vectors import Vectors
from dada.errors import ConfigError, DataError
from dada.evaluate.compare import compare
from dada.evaluate.measure import Sampled, measure
from dada.evaluate.results import Comparison, Measurements
from dada.evaluate.trials import NO_VALUE, Trials
from dada.evaluation_settings import EvaluateConfig
from dada.metrics.claims import claim_log_odds, draw_claims, draw_pools, pooled
from dada.metrics.measures import MEASURES
from dada.metrics.named import Named
from dada.plugins import nearest


@dataclass(frozen=True)
class Judge:
    """What a system says of texts: the logits.npy of all seeds, and the order of their columns.

    `by_logit` means that each logit is the log odds of a claim by itself.
    """

    logits: Sequence[Path]
    authors: Sequence[str]
    by_logit: bool = False


def verification(
    data: DataDir, judge: Judge, texts: Sequence[str] | None, config: EvaluateConfig
) -> dict[str, Measurements]:
    """Metrics of the claims on `texts`, by the number of pooled texts; empty where none are to be measured.

    Impostors of the same period and others are measured by the EER alone. A number that leaves no trials of
    both kinds is left out. Raise ConfigError for an unknown metric or a missing table.
    """
    results = {}
    for size in config.verification.pooled:
        trials = claim_trials(data, judge, texts or [], size, config)
        if trials is not None:
            sampled = Sampled(trials, config)
            results[str(size)] = measure(sampled, _metrics(config), list(trials.conditions))
            results[str(size)].num_speakers = len(trials.clusters.present())
    return results


def compare_verification(
    data: DataDir, judges: tuple[Judge, Judge], texts: Sequence[str] | None, config: EvaluateConfig
) -> dict[str, Comparison]:
    """Paired differences of two systems on the same claims, by the number of pooled texts.

    Raise DataError for systems that know other authors, whose claims differ.
    """
    if list(judges[0].authors) != list(judges[1].authors):
        raise DataError("two text systems that know other authors cannot be compared by their claims")
    results = {}
    for size in config.verification.pooled:
        pair = [claim_trials(data, judge, texts or [], size, config) for judge in judges]
        sampled = [Sampled(trials, config) for trials in pair if trials is not None]
        if len(sampled) == 2:
            names = [name for name in _metrics(config) if MEASURES[name].paired]
            results[str(size)] = compare(sampled[0], sampled[1], names, list(sampled[0].trials.conditions))
    return results


def claim_trials(
    data: DataDir, judge: Judge, texts: Sequence[str], num_pooled: int, config: EvaluateConfig
) -> Trials | None:
    """Trials of claims by the authors who said any of the texts; None without trials of both kinds.

    Words of others are impostors' only. Bona fide stands for the claims that are true.
    """
    settings = config.verification
    said_by = [data.speakers[utt] for utt in texts]
    speakers = [name for name in judge.authors if name in set(said_by)]
    source_of = dict(zip(data.utts, sources_of(data), strict=True))
    pools = draw_pools([(data.speakers[utt], source_of[utt]) for utt in texts], num_pooled, config.seed)
    number = {name: k for k, name in enumerate(speakers)}
    owners = np.array([number.get(said_by[first], -1) for first in pools[:, 0]], dtype=np.int64)
    pool, claimed = draw_claims(owners, len(speakers), settings.num_impostors, config.seed)
    is_own = owners[pool] == claimed
    if len(judge.authors) < 2 or is_own.all() or not is_own.any():
        return None
    columns = np.array([list(judge.authors).index(name) for name in speakers])
    scores = [_scores(Vectors(path).of(texts), pools, judge.by_logit) for path in judge.logits]
    cluster = source_of if settings.cluster == "source" else data.speakers
    of_pool = [cluster[texts[first]] for first in pools[:, 0]]
    conditions = {}
    if settings.period:
        conditions["period"] = _periods(
            data, texts, pools, (pool, claimed, is_own), settings.period, speakers
        )
    return Trials(
        scores=np.stack([rows[pool, columns[claimed]] for rows in scores]),
        is_bonafide=is_own,
        clusters=Named.of(of_pool)[pool],
        conditions=conditions,
        kind="log_odds",
    )


def _scores(logits: np.ndarray, pools: np.ndarray, by_logit: bool) -> np.ndarray:
    """Scores (P, A) of the claims of all authors on pools (P, n), from the logits (N, A) of a seed."""
    values = logits.astype(np.float64)
    if by_logit:
        return pooled(values, pools)
    log_posterior = values - np.logaddexp.reduce(values, axis=1, keepdims=True)
    return claim_log_odds(pooled(log_posterior, pools))


def _periods(
    data: DataDir,
    texts: Sequence[str],
    pools: np.ndarray,
    trials: tuple[np.ndarray, np.ndarray, np.ndarray],
    name: str,
    speakers: Sequence[str],
) -> Named:
    """Of each impostor's claim (T,) `same_<name>` or `other_<name>`: whether the split has texts by the
    claimed speaker with the value of the claimed words. Own words have no value.
    """
    table = data.get(table_of(name))
    if table is None:
        raise ConfigError(
            f"evaluate.verification.period is {name}, and {data.path / table_of(name)} does not exist: leave "
            "it out, or give the collection a column of dates"
        )
    values: dict[str, set[str]] = defaultdict(set)
    for utt in texts:
        values[data.speakers[utt]].add(table[utt])
    of_pool = [{table[texts[i]] for i in row} for row in pools]
    known = np.array([[bool(said & values[speaker]) for speaker in speakers] for said in of_pool])
    pool, claimed, is_own = trials
    codes = np.where(is_own, 0, np.where(known[pool, claimed], 1, 2)).astype(np.int32)
    return Named([NO_VALUE, f"same_{name}", f"other_{name}"], codes)


def _metrics(config: EvaluateConfig) -> list[str]:
    """The metrics of claims. Raise ConfigError for one that the catalogue lacks."""
    for name in config.verification.metrics:
        if name not in MEASURES:
            raise ConfigError(
                f"evaluate.verification.metrics: unknown metric {name!r}{nearest(name, list(MEASURES))}; "
                f"known: {', '.join(MEASURES)}"
            )
    return list(config.verification.metrics)
