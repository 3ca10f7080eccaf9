"""Score files as the challenges and arenas accept them, with the trials in the order of the key.

A file that ends in .zip is an archive with the score file in it, without a folder, as the Codalab and
Codabench pages of the challenges accept it.
"""

import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from dada.data.datadir import BONAFIDE, SPOOF
from dada.errors import DataError
from dada.formats import arena
from dada.formats.columns import NO_VALUE
from dada.formats.key import Key
from dada.formats.score_file import SCORES
from dada.storage.atomic import atomic_path, write_text

Scores = Mapping[str, Sequence[float]]  # by kind of score, in the order of the key


@dataclass(frozen=True)
class Format:
    """What a challenge accepts."""

    description: str
    lines: Callable[[Key, Scores], list[str]]  # of the score file
    name: str = "score.txt"  # in an archive
    needs: tuple[str, ...] = ("score",)  # kinds of scores, at least one of which must be given


def _plain(key: Key, scores: Scores) -> list[str]:
    return [f"{trial} {score!r}" for trial, score in zip(key.trials, scores["score"], strict=True)]


def _asvspoof2019(key: Key, scores: Scores) -> list[str]:
    if key.labels is None or "attack" not in key.conditions:
        problem = f"{key.path} has no labels and attacks, which the ASVspoof 2019 package needs"
        raise DataError(f"{problem}: use format plain")
    rows = zip(key.trials, key.conditions["attack"], key.labels, scores["score"], strict=True)
    return [f"{trial} {attack} {label} {score!r}" for trial, attack, label, score in rows]


def _asvspoof5(key: Key, scores: Scores) -> list[str]:
    return [
        "filename\tcm-score",
        *(f"{trial}\t{score!r}" for trial, score in zip(key.trials, scores["score"], strict=True)),
    ]


def _asvspoof5_track2(key: Key, scores: Scores) -> list[str]:
    if key.asv_labels is None and not all(" " in trial for trial in key.trials):
        problem = f"{key.path} does not name the claimed speakers ({key.layout})"
        raise DataError(f"{problem}: track 2 needs `speaker trial` in its key")
    columns = [
        [NO_VALUE] * len(key.trials) if scores.get(kind) is None else [repr(score) for score in scores[kind]]
        for kind in SCORES
    ]
    rows = zip(key.trials, *columns, strict=True)
    return [
        "spk\tfilename\tcm-score\tasv-score\tsasv-score",
        *("\t".join([*row[0].split(" ", 1), *row[1:]]) for row in rows),
    ]


def _add2023(key: Key, scores: Scores) -> list[str]:
    names = [trial if PurePosixPath(trial).suffix == ".wav" else f"{trial}.wav" for trial in key.trials]
    return [f"{name} {score!r}" for name, score in zip(names, scores["score"], strict=True)]


def _arena(key: Key, scores: Scores) -> list[str]:
    return arena.score_lines(key.trials, scores["score"])


# Sources: the evaluation packages of ASVspoof 2019 and 2021; the Codalab pages of ASVspoof 5 (competitions
# 19379 and its sisters); the labels of ADD 2023, which name files with their extension; the submission guide
# of the Speech Anti-Spoofing Arena.
FORMATS = {
    "plain": Format("`trial score`", _plain),
    "asvspoof2019": Format("`trial attack label score`, which the package of 2019 evaluates", _asvspoof2019),
    "asvspoof2021": Format("`trial score`", _plain),
    "asvspoof5": Format("track 1: `filename cm-score` with a header and tabs", _asvspoof5, "score.tsv"),
    "asvspoof5_track2": Format(
        "`spk filename cm-score asv-score sasv-score`, `-` for an absent score",
        _asvspoof5_track2,
        "score.tsv",
        SCORES,
    ),
    "add2023": Format("`file.wav score`", _add2023),
    "arena": Format("`trial score` with six decimals, and beside it a YAML file", _arena, "scores.txt"),
}


def default_format(key: Key) -> str:
    """Return the format that the challenge of this key accepts."""
    for layout, form in (("ASVspoof 5", "asvspoof5"), ("ASVspoof 2021", "asvspoof2021")):
        if key.layout.startswith(layout):
            return form
    return "plain"


def write_submission(
    path: Path, key: Key, scores: Scores, form: str, details: arena.Details | None = None
) -> list[Path]:
    """Write the scores of a key's trials (N,) by kind of score, and return the files that were written.

    `details` are of the Arena. Raise DataError for scores, labels or speakers that the format needs and that
    are not there.
    """
    wanted = FORMATS[form]
    if not any(scores.get(kind) is not None for kind in wanted.needs):
        problem = f"format {form} needs {' or '.join(wanted.needs)}"
        raise DataError(f"{problem}, and the score file has {', '.join(scores) or 'none'}")
    scores = {kind: [float(value) for value in values] for kind, values in scores.items()}
    text = "".join(f"{line}\n" for line in wanted.lines(key, scores))
    beside = _pointer(key, scores, text, details or arena.Details()) if form == "arena" else None
    if path.suffix == ".zip":
        with atomic_path(path) as partial, zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as archive:
            # ZipInfo has a fixed date, so that the same scores give the same file.
            archive.writestr(zipfile.ZipInfo(wanted.name), text, zipfile.ZIP_DEFLATED)
    else:
        write_text(path, text)
    if beside is None:
        return [path]
    write_text(path.with_suffix(".yaml"), beside)
    return [path, path.with_suffix(".yaml")]


def _pointer(key: Key, scores: Scores, text: str, details: arena.Details) -> str:
    """Return the YAML file of the Arena. Raise DataError without labels, which its metric needs."""
    if key.labels is None:
        problem = f"{key.path} has no labels ({key.layout})"
        raise DataError(f"{problem}, and the Arena takes scores with their metric: use format plain")
    values = arena.rounded(scores["score"])
    bonafide, spoof = (
        [score for score, label in zip(values, key.labels, strict=True) if label == name]
        for name in (BONAFIDE, SPOOF)
    )
    return arena.pointer(text, bonafide, spoof, details)
