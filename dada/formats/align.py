"""Match the trials of a score file with those of a key: every trial once, none lost in silence."""

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
    """Return the index among the scores of each trial of the key (N,), -1 for a trial without a score.

    If no name agrees, folders and audio extensions are removed from both. Raise DataError with the trials
    that only one side has, unless `common`, which warns of them, and for trials whose labels disagree.
    """
    given, wanted = scores.trials, key.trials
    if not set(given) & (set(wanted) | key.outside):
        given, wanted = _plain(scores, given), _plain(key, wanted)
    place = {trial: i for i, trial in enumerate(given)}
    places = np.array([place.get(trial, -1) for trial in wanted])
    if (places < 0).all():
        raise DataError(
            f"{scores.path}: none of its {len(given):,} trials ({listing(given[:2])}, …) is among the "
            f"{len(wanted):,} of {key.path} ({listing(wanted[:2])}, …): these are scores of another set"
        )
    _refuse_differences(scores, key, given, wanted, places, common)
    _compare_labels(scores, key, places)
    return places


def _plain(file: ScoreFile | Key, trials: Sequence[str]) -> list[str]:
    """Return the names without folder and audio extension, or as they are if two would become equal."""
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


def _refuse_differences(
    scores: ScoreFile, key: Key, given: Sequence[str], wanted: Sequence[str], places: np.ndarray, common: bool
) -> None:
    missing = [key.trials[i] for i in np.flatnonzero(places < 0)]
    known = set(wanted) | key.outside
    extra = [trial for trial, name in zip(scores.trials, given, strict=True) if name not in known]
    problems = []
    if missing:
        problems.append(f"{len(missing):,} trials of {key.path} have no score ({listing(missing)})")
    if extra:
        problems.append(f"{len(extra):,} scored trials are not in {key.path} ({listing(extra)})")
    if problems and not common:
        advice = "score exactly the trials of the key, or leave these out with --common"
        raise DataError(f"{scores.path}: {'; '.join(problems)}: {advice}")
    for problem in problems:
        log.warning("%s: %s: left out", scores.path, problem)


def _compare_labels(scores: ScoreFile, key: Key, places: np.ndarray) -> None:
    if scores.labels is None or key.labels is None:
        return
    wrong = [
        f"{trial} ({scores.path}:{scores.lines[i]} has {scores.labels[i]}, the key {label})"
        for trial, label, i in zip(key.trials, key.labels, places, strict=True)
        if i >= 0 and scores.labels[i] != label
    ]
    if wrong:
        problem = f"{len(wrong):,} trials have other labels in the scores than in {key.path}"
        raise DataError(f"{problem}: {listing(wrong)}: one of the files is wrong")
