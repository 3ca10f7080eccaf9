"""`dada evaluate`: measure anybody's score file against a key, compare two systems, or write a submission.

Score files: `utterance score`, ASVspoof 2019, 2021 and 5, or any columns that --columns names. Keys: data
directories, `utterance label`, ASVspoof 2019, 2021 and 5, In-the-Wild, or --key_columns. Higher scores must
mean more bona fide.
"""

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from dada.data.datadir import BONAFIDE, NO_SPEAKER
from dada.errors import ConfigError, DataError
from dada.formats.align import align
from dada.formats.asv_scores import read_asv
from dada.formats.key import ASV_WORDS, Key, read_key
from dada.formats.score_file import ScoreFile, read_score_file
from dada.formats.submission import default_format, write_submission
from dada.metrics.bootstrap import Resampler, clusters_by_attack
from dada.metrics.check import warn_if_inverted, warn_of_ties
from dada.metrics.config import EvaluateConfig
from dada.metrics.dcf import Costs
from dada.metrics.measures import MEASURES, Scored, missing
from dada.metrics.summary import TANDEM, break_down
from dada.metrics.tdcf import Asv
from dada.plugins import nearest
from dada.program import refuse_existing
from dada.score.evaluation import Resamplers, difference, measure

CLUSTERS = ("speaker", "attack")  # what is resampled

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Request:
    """What is asked for; the fields are the flags."""

    scores: Path
    key: Path | None = None
    asv_scores: str | None = None
    asv_key: Path | None = None
    metrics: list[str] | None = None
    by: list[str] = field(default_factory=list)
    compare: Path | None = None
    columns: list[str] | None = None
    key_columns: list[str] | None = None
    subset: str | None = None
    common: bool = False
    submission: Path | None = None
    submission_format: str | None = None
    config: EvaluateConfig = field(default_factory=EvaluateConfig)
    intervals: bool = True
    cluster: str = "speaker"


def evaluate(request: Request) -> dict:
    """Everything that is found, as plain values. Raises DataError for files that cannot be trusted,
    ConfigError for a wrong request.
    """
    names = _known(request.metrics or list(MEASURES), list(MEASURES), "metric")
    file = read_score_file(request.scores, request.columns)
    key = read_key(request.key, request.key_columns, request.subset) if request.key else _own_key(file)
    files = [file] + ([read_score_file(request.compare, request.columns)] if request.compare else [])
    places = [align(one, key, request.common) for one in files]
    both = np.all([place >= 0 for place in places], axis=0)  # with --common, trials that every file has
    found = {
        "scores": str(file.path),
        "layout": file.layout,
        "key": str(key.path),
        "key_layout": key.layout,
        "subset": key.subset,
        "num_trials": int(both.sum()),
        "num_left_out": int((~both).sum()),
        "warnings": [],
    }
    if request.submission:
        found["submission"] = _submit(request, key, file, places[0])
    if key.labels is None:
        if not request.submission:
            raise DataError(
                f"{key.path} has no labels ({key.layout}), so nothing can be measured: give --submission "
                "to write the scores"
            )
        return found
    asv = read_asv(request.asv_scores, request.asv_key, request.subset) if request.asv_scores else None
    systems = [_scored(one, place, key, both, request, asv) for one, place in zip(files, places, strict=True)]
    return found | _measured(request, names, key, both, files, systems, found["warnings"])


def _measured(
    request: Request,
    names: list[str],
    key: Key,
    both: np.ndarray,
    files,
    systems: list[Scored],
    warnings: list[str],
) -> dict:
    first, config = systems[0], request.config
    for file, scored in zip(files, systems, strict=True):
        if scored.merged.size:
            said = warn_of_ties(scored.merged, str(file.path))
            warnings += [f"{file.path}: {said}"] if said else []
            if warn_if_inverted(MEASURES["eer"].value(scored), str(file.path)):
                warnings.append(
                    f"{file.path}: spoofs score higher than bona fide speech: is the sign inverted?"
                )
    is_bonafide = np.array(key.labels)[both] == BONAFIDE
    speakers = np.array(key.speakers)[both]
    clusters = _clusters(request, key, both, is_bonafide)
    resamplers = Resamplers(None, confidence=config.confidence)
    if request.intervals:
        resamplers = _resamplers(clusters, is_bonafide, key, both, systems, config)
    found = {
        "num_bonafide": int(is_bonafide.sum()),
        "num_spoof": int((~is_bonafide).sum()),
        "num_speakers": len(set(speakers.tolist()) - {NO_SPEAKER}),
        "asv": first.asv and first.asv.name,
        "num_resamples": config.num_resamples if request.intervals else 0,
        "confidence": config.confidence,
        "cluster": request.cluster,
        "definitions": {name: MEASURES[name].says for name in names},
        "metrics": measure(first, names, resamplers),
    }
    if request.metrics and all(entry["value"] is None for entry in found["metrics"].values()):
        raise DataError(
            "; ".join(
                f"{name} cannot be measured: {entry['why']}" for name, entry in found["metrics"].items()
            )
        )
    if request.by:
        measured_with = config if request.intervals else replace(config, num_resamples=1)
        found["conditions"] = _by_condition(request, key, both, is_bonafide, clusters, first, measured_with)
    if len(systems) > 1:
        found["compare"] = {
            "scores": str(files[1].path),
            "difference": difference(*systems, names, resamplers),
        }
    return found


def _clusters(request: Request, key: Key, both: np.ndarray, is_bonafide: np.ndarray) -> np.ndarray:
    """What each trial is drawn together with (N,): those of its speaker, or spoofs of its attack."""
    speakers = np.array(key.speakers)[both]
    if request.cluster == "speaker":
        return speakers
    if "attack" not in key.conditions:
        raise ConfigError(
            f"{key.path} names no attacks ({key.layout}), so that they cannot be resampled: leave "
            "--cluster out"
        )
    return clusters_by_attack(is_bonafide, speakers, np.array(key.conditions["attack"])[both])


def _resamplers(
    clusters: np.ndarray,
    is_bonafide: np.ndarray,
    key: Key,
    both: np.ndarray,
    systems: list[Scored],
    config: EvaluateConfig,
) -> Resamplers:
    settings = {"num_resamples": config.num_resamples, "seed": config.seed}
    classes = kinds = None
    if all(scored.merged.size for scored in systems):
        classes = Resampler(clusters[is_bonafide], clusters[~is_bonafide], **settings)
    if all(scored.kinds for scored in systems):
        kind = np.array(key.asv_labels)[both]
        kinds = Resampler(*(clusters[kind == name] for name in ASV_WORDS), **settings)
    return Resamplers(classes, kinds, config.confidence)


def _by_condition(
    request: Request,
    key: Key,
    both: np.ndarray,
    is_bonafide: np.ndarray,
    clusters: np.ndarray,
    scored: Scored,
    config: EvaluateConfig,
) -> dict:
    if not scored.merged.size:
        raise DataError("--by breaks down the scores of the countermeasure, and there are none")
    chosen = _known(request.by, sorted(key.conditions), f"condition of {key.path}")
    scores = np.empty(is_bonafide.size)
    scores[is_bonafide], scores[~is_bonafide] = scored.bonafide, scored.spoof
    conditions = {name: np.array(key.conditions[name])[both] for name in chosen}
    names = [
        name
        for name in (request.metrics or TANDEM)
        if name != "eer" and not MEASURES[name].of_kinds and not missing(name, scored)
    ]
    return break_down(scores, is_bonafide, clusters, conditions, config, names, scored.llr, scored.asv)


def _own_key(file: ScoreFile) -> Key:
    """The key that a score file with labels is by itself."""
    if file.labels is None:
        raise ConfigError(f"{file.path} holds no labels ({file.layout}): give --key")
    speakers = [NO_SPEAKER] * len(file.trials)
    return Key(
        file.path,
        f"labels of the score file, {file.layout}",
        file.trials,
        file.labels,
        speakers,
        file.conditions,
    )


def _scored(
    file: ScoreFile, places: np.ndarray, key: Key, both: np.ndarray, request: Request, asv: Asv | None
) -> Scored:
    """One system's scores of the trials that are measured, by class and by kind."""
    is_bonafide = np.array(key.labels) == BONAFIDE
    if is_bonafide[both].all() or not is_bonafide[both].any():
        only = "bona fide trials" if is_bonafide[both].all() else "spoofs"
        raise DataError(
            f"{key.path} has only {only} among the {int(both.sum()):,} scored trials: a metric needs "
            "both classes"
        )
    costs = Costs(request.config.cost_miss, request.config.cost_fa, request.config.p_spoof)
    cm = file.scores.get("score")
    parts = [
        cm[places[both & mine]] if cm is not None else np.empty(0) for mine in (is_bonafide, ~is_bonafide)
    ]

    def by_kind(column: str) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
        if column not in file.scores or key.asv_labels is None:
            return None
        kinds = np.array(key.asv_labels)
        return tuple(file.scores[column][places[both & (kinds == kind)]] for kind in ASV_WORDS)

    verified = by_kind("asv_score")
    if verified and asv is None:
        kinds = np.array(key.asv_labels)
        chosen = [both & (kinds == kind) for kind in ASV_WORDS]
        conditions = {
            name: tuple(np.array(values)[mine] for mine in chosen) for name, values in key.conditions.items()
        }
        asv = Asv.of(f"column asv_score of {file.path}", verified, conditions)
    return Scored(*parts, costs, file.llr, asv, by_kind("sasv_score"))


def _submit(request: Request, key: Key, file: ScoreFile, places: np.ndarray) -> dict:
    if (places < 0).any():
        raise DataError(
            f"a submission needs a score for every trial, and {int((places < 0).sum()):,} of {key.path} "
            "have none"
        )
    form = request.submission_format or default_format(key)
    refuse_existing(request.submission)
    written = write_submission(
        request.submission, key, {kind: values[places] for kind, values in file.scores.items()}, form
    )
    digest = hashlib.sha256(request.submission.read_bytes()).hexdigest()
    more = {"beside": [str(path) for path in written[1:]]} if len(written) > 1 else {}
    return {
        "path": str(request.submission),
        "format": form,
        "num_trials": len(key.trials),
        "sha256": digest,
        **more,
    }


def _known(names: Sequence[str], known: list[str], what: str) -> list[str]:
    for name in names:
        if name not in known:
            raise ConfigError(
                f"unknown {what} {name!r}{nearest(name, known)}; known: {', '.join(known) or 'none'}"
            )
    return list(names)
