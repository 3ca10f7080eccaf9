"""Trials: the scores of K training seeds, or of one score file (K = 1), on N trials with their key."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from dada.data.datadir import BONAFIDE, NO_SPEAKER, DataDir
from dada.data.tables import read_table
from dada.errors import DataError
from dada.evaluation_settings import EvaluateConfig
from dada.experiment.config import SystemConfig
from dada.experiment.folder import ExperimentFolder
from dada.experiment.score_kind import score_kind_of
from dada.formats.align import align
from dada.formats.key import Key
from dada.formats.score_file import ScoreFile
from dada.formats.words import ASV_KINDS
from dada.metrics.check import join_scores
from dada.metrics.dcf import Costs
from dada.metrics.measures import Scored
from dada.metrics.named import Named, clusters_by_attack
from dada.metrics.tdcf import Asv

NO_VALUE = "-"  # of a trial that has no value of a condition


@dataclass(frozen=True)
class Trials:
    """Scores of one system, and of every trial (N,) its label, its cluster and its conditions.

    `scores` (K, N) are those of the countermeasure, (0, N) without any; `sasv_scores` (N,) those of
    verification and countermeasure together, for which `kinds` (N,) are target, nontarget or spoof.
    """

    scores: np.ndarray
    is_bonafide: np.ndarray
    clusters: Named  # names of what is resampled: speakers, NO_SPEAKER for a trial of its own
    conditions: Mapping[str, Named] = field(default_factory=dict)
    kind: str | None = None  # what the scores are, of SCORE_KINDS; None where unknown
    calibrations: tuple[tuple[float, float], ...] = ()  # (K) slope and offset; empty without them
    asv: Asv | None = None
    kinds: np.ndarray | None = None
    sasv_scores: np.ndarray | None = None
    thresholds: tuple[float, ...] = ()  # (K) for the rates at a given threshold; empty without one

    def subset(self, chosen: np.ndarray, asv: Asv | None = None) -> "Trials":
        """The trials of a mask (N,), with another ASV."""
        return replace(
            self,
            scores=self.scores[:, chosen],
            is_bonafide=self.is_bonafide[chosen],
            clusters=self.clusters[chosen],
            conditions={name: values[chosen] for name, values in self.conditions.items()},
            asv=asv,
            kinds=None,
            sasv_scores=None,
        )

    def seeds(self, config: EvaluateConfig) -> list[Scored]:
        """Scores by class of every seed, with what the metrics need besides."""
        costs = Costs(config.cost_miss, config.cost_fa, config.p_spoof)
        by_kind = None
        if self.kinds is not None and self.sasv_scores is not None:
            target, nontarget, spoof = (self.sasv_scores[self.kinds == kind] for kind in ASV_KINDS)
            by_kind = target, nontarget, spoof
        rows = self.scores if len(self.scores) else np.empty((1, 0))
        parts = [(self.is_bonafide, ~self.is_bonafide) if row.size else (slice(0), slice(0)) for row in rows]
        facts = (self.asv, by_kind, self.num_attacks)
        calibrations = self.calibrations or [None] * len(rows)
        thresholds = self.thresholds or [None] * len(rows)
        return [
            Scored(row[bonafide], row[spoof], costs, self.kind, calibration, *facts, threshold)
            for row, (bonafide, spoof), calibration, threshold in zip(
                rows, parts, calibrations, thresholds, strict=True
            )
        ]

    @cached_property
    def num_attacks(self) -> int:
        """How many attacks the key names; 0 where it names none."""
        return len(set(self.values("attack")))

    def values(self, condition: str) -> list[str]:
        """The values that spoofs have of a condition, in C order."""
        values = self.conditions.get(condition)
        return [] if values is None else sorted(values[~self.is_bonafide].present() - {NO_VALUE})

    def clusters_by_attack(self) -> Named:
        """Clusters (N,) of spoofs by their attack, and of bona fide trials as they are."""
        return clusters_by_attack(self.is_bonafide, self.clusters, self.conditions["attack"])


def trials_of_split(
    data: DataDir,
    files: Sequence[Path],
    config: SystemConfig,
    asv: Asv | None = None,
    thresholds: tuple[float, ...] = (),
) -> Trials | None:
    """The score files of all seeds of a system on a split; None without files, without labels, or for a
    single class without thresholds (K).

    Raise DataError for scores that do not match the split.
    """
    rows = [join_scores(read_table(path), data.utts, str(path), str(data.path)) for path in files]
    is_bonafide = np.array([(data.labels or {}).get(utt) == BONAFIDE for utt in data.utts])
    if not rows or data.labels is None:
        return None
    if not thresholds and (is_bonafide.all() or not is_bonafide.any()):
        return None
    fitted = [ExperimentFolder(path.parents[1]).read_calibration() for path in files]
    trials = Trials(
        scores=np.stack(rows),
        is_bonafide=is_bonafide,
        clusters=Named.of(map(data.speakers.__getitem__, data.utts)),
        conditions={
            name: Named.of(table[utt] for utt in data.utts) for name, table in data.conditions.items()
        },
        kind=score_kind_of(config),
        calibrations=tuple((fit["slope"], fit["offset"]) for fit in fitted if fit) if all(fitted) else (),
        asv=asv,
        thresholds=thresholds,
    )
    refuse_other_attacks(trials, str(data.path))
    return trials


def refuse_other_attacks(trials: Trials, key: str) -> None:
    """Raise DataError where the ASV has no attack in common with the key, as that of dev has none with
    eval.
    """
    if trials.asv is None or "attack" not in trials.asv.conditions:
        return
    known = set(np.unique(trials.asv.conditions["attack"][-1]).tolist()) - {NO_VALUE}
    wanted = trials.values("attack")
    if known and wanted and known.isdisjoint(wanted):
        raise DataError(
            f"{trials.asv.name} is of another set: it has the attacks {', '.join(sorted(known))}, and {key} "
            f"has {', '.join(wanted)}: give the ASV scores of this key's trials"
        )


def trials_of_files(
    files: Sequence[ScoreFile], key: Key, common: bool, asv: Asv | None, threshold: float | None = None
) -> tuple[list[Trials], np.ndarray]:
    """Trials of every score file, those that all files score, and a mask of them among the key's (N,).

    Raise DataError where trials are missing and `common` does not allow it, where a class is missing and no
    threshold is given, or where the ASV belongs to another set.
    """
    places = [align(file, key, common) for file in files]
    shared = np.all([place >= 0 for place in places], axis=0)
    is_bonafide = np.array(key.labels)[shared] == BONAFIDE
    if threshold is None and (is_bonafide.all() or not is_bonafide.any()):
        only = "bona fide trials" if is_bonafide.all() else "spoofs"
        raise DataError(
            f"{key.path} has only {only} among the {int(shared.sum()):,} scored trials, and most metrics "
            "need both classes: give --threshold, or --threshold_scores and --threshold_key, for a rate"
        )
    systems = []
    for file, place in zip(files, places, strict=True):
        trials = Trials(
            scores=np.empty((0, is_bonafide.size)),
            is_bonafide=is_bonafide,
            clusters=Named.of(key.speakers)[shared],
            conditions={name: Named.of(values)[shared] for name, values in key.conditions.items()},
            kind=file.kind,
            asv=asv,
            thresholds=() if threshold is None else (threshold,),
        )
        refuse_other_attacks(trials, str(key.path))
        columns = {name: values[place[shared]] for name, values in file.scores.items()}
        if "score" in columns:
            trials = replace(trials, scores=columns["score"][None])
        if key.asv_labels is not None:
            trials = replace(
                trials, kinds=np.array(key.asv_labels)[shared], sasv_scores=columns.get("sasv_score")
            )
            if asv is None and "asv_score" in columns:
                trials = replace(trials, asv=_own_asv(file, trials, columns["asv_score"]))
        systems.append(trials)
    return systems, shared


def _own_asv(file: ScoreFile, trials: Trials, scores: np.ndarray) -> Asv:
    """The ASV whose scores are a column of the score file."""
    chosen = [trials.kinds == kind for kind in ASV_KINDS]

    def by_kind(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        target, nontarget, spoof = (values[mine] for mine in chosen)
        return target, nontarget, spoof

    conditions = {name: by_kind(np.array(values.tolist())) for name, values in trials.conditions.items()}
    return Asv.of(f"column asv_score of {file.path}", by_kind(scores), conditions)


def num_speakers(speakers: Iterable[str]) -> int:
    """How many speakers are named."""
    return len(set(speakers) - {NO_SPEAKER})
