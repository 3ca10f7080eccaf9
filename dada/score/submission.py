"""Score files as the challenges and arenas take them. Scores keep every digit, trials the order of the key."""

from collections.abc import Callable, Sequence
from pathlib import Path

from dada.data.files import write_text
from dada.errors import DataError
from dada.score.key import Key


def _utterance_and_score(key: Key, scores: Sequence[str]) -> list[str]:
    return [f"{trial} {score}" for trial, score in zip(key.trials, scores, strict=True)]


def _asvspoof2019(key: Key, scores: Sequence[str]) -> list[str]:
    if key.labels is None or "attack" not in key.conditions:
        raise DataError(f"{key.path} has no labels and attacks, which the ASVspoof 2019 package wants beside the scores: use format plain")
    return [" ".join(row) for row in zip(key.trials, key.conditions["attack"], key.labels, scores, strict=True)]


def _asvspoof5(key: Key, scores: Sequence[str]) -> list[str]:
    return ["filename\tcm-score", *(f"{trial}\t{score}" for trial, score in zip(key.trials, scores, strict=True))]


# plain: `utterance score`, as ASVspoof 2021, ADD and the Speech Anti-Spoofing Arena take it.
FORMATS: dict[str, Callable[[Key, Sequence[str]], list[str]]] = {
    "plain": _utterance_and_score,
    "asvspoof2019": _asvspoof2019,
    "asvspoof5": _asvspoof5,
}


def default_format(key: Key) -> str:
    """What the challenge of this key takes."""
    return "asvspoof5" if key.layout.startswith("ASVspoof 5") else "plain"


def write_submission(path: Path, key: Key, scores: Sequence[float], form: str) -> None:
    """Write the scores (N,) of a key's trials."""
    lines = FORMATS[form](key, [repr(float(score)) for score in scores])
    write_text(path, "".join(f"{line}\n" for line in lines))
