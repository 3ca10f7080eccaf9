"""Bringing scores and key together: every trial once, none lost in silence."""

import logging
from collections.abc import Sequence
from pathlib import PurePosixPath

import numpy as np

from dada.errors import DataError
from dada.formats.key import Key
from dada.formats.score_file import ScoreFile
from dada.metrics.check import listing

AUDIO = {".wav", ".flac", ".mp3", ".ogg", ".opus", ".m4a"}

log = logging.getLogger(__name__)


def align(scores: ScoreFile, key: Key, common: bool = False) -> np.ndarray:
    """For each trial of the key (N,), its place among the scores; -1 without a score, which only `common`
    allows.

    Where not one name agrees, folders and audio extensions are left off both. Raises DataError naming the
    trials of one side only, unless `common`, which warns of them, and where the labels of both disagree.
    """
    given, wanted = scores.trials, key.trials
    if not set(given) & (set(wanted) | key.outside):
        given, wanted = _plain(scores, given), _plain(key, wanted)
    place = {trial: i for i, trial in enumerate(given)}
    places = np.array([place.get(trial, -1) for trial in wanted])
    if (places < 0).all():
        raise DataError(
            f"{scores.path}: not one of its {len(given):,} trials ({listing(given[:2])}, …) is among the "
            f"{len(wanted):,} of {key.path} "
            f"({listing(wanted[:2])}, …): these are scores of another set"
        )
    _tell_differences(scores, key, given, wanted, places, common)
    _compare_labels(scores, key, places)
    return places


def _plain(file: ScoreFile | Key, trials: Sequence[str]) -> list[str]:
    """Names without folder and audio extension; as they are where two would become one."""
    plain = []
    for trial in trials:
        path = PurePosixPath(trial.replace("\\", "/"))
        plain.append(path.stem if path.suffix.lower() in AUDIO else path.name)
    if len(set(plain)) < len(plain):
        return list(trials)
    if plain != list(trials):
        log.info(
            "%s: names are compared without folder and extension (%s as %s)", file.path, trials[0], plain[0]
        )
    return plain


def _tell_differences(scores: ScoreFile, key: Key, given, wanted, places: np.ndarray, common: bool) -> None:
    missing = [key.trials[i] for i in np.flatnonzero(places < 0)]
    known = set(wanted) | key.outside
    extra = [trial for trial, name in zip(scores.trials, given, strict=True) if name not in known]
    problems = []
    if missing:
        problems.append(f"{len(missing):,} trials of {key.path} have no score ({listing(missing)})")
    if extra:
        problems.append(f"{len(extra):,} scored trials are not in {key.path} ({listing(extra)})")
    if problems and not common:
        raise DataError(
            f"{scores.path}: {'; '.join(problems)}: score exactly the trials of the key, or leave these "
            "out with --common"
        )
    for problem in problems:
        log.warning("%s: %s: left out", scores.path, problem)


def _compare_labels(scores: ScoreFile, key: Key, places: np.ndarray) -> None:
    if scores.labels is None or key.labels is None:
        return
    wrong = [
        f"{trial} ({scores.path}:{scores.lines[i]} says {scores.labels[i]}, the key {label})"
        for trial, label, i in zip(key.trials, key.labels, places, strict=True)
        if i >= 0 and scores.labels[i] != label
    ]
    if wrong:
        raise DataError(
            f"{len(wrong):,} trials have other labels in the scores than in {key.path}: {listing(wrong)}: "
            "one of them is wrong"
        )
