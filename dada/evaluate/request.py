"""The work of `dada evaluate`: measure a score file against a key, compare two, or write a submission."""

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from dada.data.datadir import NO_SPEAKER
from dada.errors import ConfigError, DataError
from dada.evaluate.compare import compare
from dada.evaluate.measure import Sampled, measure
from dada.evaluate.results import FileResults, Submission
from dada.evaluate.trials import Trials, num_speakers, trials_of_files
from dada.evaluation_settings import EvaluateConfig
from dada.formats.align import align
from dada.formats.arena import Details, rounded
from dada.formats.asv_scores import read_asv
from dada.formats.key import Key, read_key
from dada.formats.score_file import ScoreFile, read_score_file
from dada.formats.submission import default_format, write_submission
from dada.metrics.check import warn_if_inverted, warn_of_ties
from dada.metrics.eer import eer, eer_interpolated
from dada.metrics.measures import BY_KIND, MEASURES, TANDEM
from dada.metrics.named import Named
from dada.plugins import nearest
from dada.program import refuse_existing
from dada.storage.yaml_file import read_yaml

CLUSTERS = ("speaker", "attack")  # what is resampled

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Request:
    """A request to evaluate; the fields are the flags."""

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
    submission_details: Path | None = None  # YAML with the submitter's blocks, for the Arena
    labels: dict[str, str] | None = None  # word -> bonafide or spoof
    threshold: float | None = None
    threshold_scores: Path | None = None
    threshold_key: Path | None = None
    config: EvaluateConfig = field(default_factory=EvaluateConfig)
    intervals: bool = True
    cluster: str = "speaker"


def evaluate(request: Request) -> FileResults:
    """Read the files of a request and measure the scores.

    Raise DataError for files that cannot be trusted, ConfigError for a wrong request.
    """
    names = _known(request.metrics or list(MEASURES), list(MEASURES), "metric")
    file = read_score_file(request.scores, request.columns, request.labels)
    key = _key(request, file, request.key)
    others = [request.compare] if request.compare else []
    files = [file] + [read_score_file(path, request.columns, request.labels) for path in others]
    results = FileResults(
        num_trials=len(key.trials),
        scores=str(file.path),
        layout=file.layout,
        key=str(key.path),
        key_layout=key.layout,
        subset=key.subset,
        num_left_out=0,
        confidence=request.config.confidence,
        cluster=request.cluster,
    )
    if request.submission:
        results.submission = _submit(request, request.submission, key, file)
    if key.labels is not None:
        return _measured(request, names, key, files, results)
    if not request.submission:
        raise DataError(
            f"{key.path} has no labels ({key.layout}), so nothing can be measured: name the column of "
            "labels, --key_columns label=COLUMN, or give --submission to write the scores"
        )
    return results


def _measured(
    request: Request, names: list[str], key: Key, files: list[ScoreFile], results: FileResults
) -> FileResults:
    asv = read_asv(request.asv_scores, request.asv_key, request.subset) if request.asv_scores else None
    results.threshold, results.threshold_source = threshold_of(request)
    systems, shared = trials_of_files(files, key, request.common, asv, results.threshold)
    clusters = _clusters(request, key, systems[0])
    sampled = [
        Sampled(replace(trials, clusters=clusters), request.config, request.intervals) for trials in systems
    ]
    for file, system in zip(files, sampled, strict=True):
        results.warnings += _warnings(file, system)
    by = _known(request.by, sorted(key.conditions), f"condition of {key.path}")
    if by and not len(systems[0].scores):
        raise DataError("--by breaks down the scores of the countermeasure, and there are none")
    chosen = [name for name in request.metrics or TANDEM if MEASURES[name].units != BY_KIND]
    measured = measure(sampled[0], names, by, list(dict.fromkeys(["eer", *chosen])))
    if request.metrics and all(figure is None for figure in (measured.metrics or {}).values()):
        reasons = (f"{name} cannot be measured: {why}" for name, why in measured.missing.items())
        raise DataError("; ".join(reasons))
    results = replace(results, **vars(measured))
    results.num_left_out = int((~shared).sum())
    results.num_speakers = num_speakers(systems[0].clusters.present())
    results.asv = systems[0].asv.name if systems[0].asv else None
    results.num_resamples = request.config.num_resamples if request.intervals else 0
    results.definitions = {name: MEASURES[name].definition for name in names}
    if len(systems) > 1:
        results.other_scores = str(files[1].path)
        results.compare = compare(sampled[0], sampled[1], names)
    return results


def _clusters(request: Request, key: Key, trials: Trials) -> Named:
    """What each trial (N,) is drawn together with: the trials of its speaker, or the spoofs of its attack."""
    if request.cluster == "speaker":
        return trials.clusters
    if "attack" not in key.conditions:
        raise ConfigError(
            f"{key.path} names no attacks ({key.layout}), so that they cannot be resampled: leave "
            "--cluster out"
        )
    return trials.clusters_by_attack()


def _warnings(file: ScoreFile, sampled: Sampled) -> list[str]:
    """Warn of tied scores and of an inverted sign; return the warnings."""
    if sampled.lacks("eer"):
        return []
    ties = warn_of_ties(sampled.seeds[0].merged, str(file.path))
    warnings = [f"{file.path}: {ties}"] if ties else []
    if warn_if_inverted(sampled.values("eer")[0], str(file.path)):
        warnings.append(f"{file.path}: spoofs score higher than bona fide speech: is the sign inverted?")
    return warnings


def threshold_of(request: Request) -> tuple[float | None, str | None]:
    """The threshold that is given, or that of the EER of other scores, and where it comes from.

    Raise ConfigError for a threshold that is given twice.
    """
    if request.threshold_scores is None:
        if request.threshold_key is not None:
            raise ConfigError("--threshold_key is the key of --threshold_scores: give both, or --threshold")
        return request.threshold, None if request.threshold is None else "given"
    if request.threshold is not None:
        raise ConfigError("give either --threshold, or --threshold_scores with --threshold_key")
    classes = _classes_of(request, request.threshold_scores)
    return eer(*classes)[1], f"EER of {request.threshold_scores}"


def _classes_of(request: Request, path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Scores of bona fide trials and of spoofs of the file that gives the threshold. Raise DataError for a
    file without labels or scores.
    """
    file = read_score_file(path, request.columns, request.labels)
    key = _key(request, file, request.threshold_key)
    if key.labels is None:
        raise DataError(f"{key.path} has no labels ({key.layout}), so {path} has no EER")
    [trials], _ = trials_of_files([file], key, request.common, None)
    [scored] = trials.seeds(request.config)
    if not scored.merged.size:
        raise DataError(f"{path} has no scores of a countermeasure ({file.layout})")
    return scored.bonafide, scored.spoof


def _key(request: Request, file: ScoreFile, path: Path | None) -> Key:
    """The key in a file, or the labels of the score file."""
    if path is None:
        return _own_key(file)
    return read_key(path, request.key_columns, request.subset, request.labels)


def _own_key(file: ScoreFile) -> Key:
    """The key of a score file that holds labels."""
    if file.labels is None:
        raise ConfigError(f"{file.path} holds no labels ({file.layout}): give --key")
    layout = f"labels of the score file, {file.layout}"
    speakers = [NO_SPEAKER] * len(file.trials)
    return Key(file.path, layout, file.trials, file.labels, speakers, file.conditions)


def _submit(request: Request, path: Path, key: Key, file: ScoreFile) -> Submission:
    """Write a submission. Raise DataError where a trial of the key has no score; the Arena takes a set
    without the trials that `common` leaves out.
    """
    form = request.submission_format or default_format(key)
    places = align(file, key, request.common)
    num_skipped = int((places < 0).sum())
    if num_skipped and form != "arena":
        raise DataError(
            f"a submission needs a score for every trial, and {num_skipped:,} of {key.path} have none"
        )
    refuse_existing(path)
    if num_skipped:
        key, places = key.some(np.flatnonzero(places >= 0).tolist()), places[places >= 0]
    scores = {kind: values[places] for kind, values in file.scores.items()}
    details = _arena_details(request, num_skipped) if form == "arena" else None
    written = write_submission(path, key, scores, form, details)
    return Submission(
        path=str(path),
        format=form,
        num_trials=len(key.trials),
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        beside=[str(other) for other in written[1:]],
    )


def _arena_details(request: Request, num_skipped: int) -> Details:
    """The submitter's blocks, and the threshold where 1 - SRR is the metric: by the Arena's rules."""
    blocks = read_yaml(request.submission_details) if request.submission_details else {}
    threshold = request.threshold
    if request.threshold_scores is not None:
        threshold = eer_interpolated(*map(rounded, _classes_of(request, request.threshold_scores)))[1]
    return Details(blocks, threshold, num_skipped)


def _known(names: Sequence[str], known: list[str], what: str) -> list[str]:
    for name in names:
        if name not in known:
            raise ConfigError(
                f"unknown {what} {name!r}{nearest(name, known)}; known: {', '.join(known) or 'none'}"
            )
    return list(names)
