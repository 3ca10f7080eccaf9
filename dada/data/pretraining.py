"""What public speech encoders were trained on: `pretraining.yaml`, and what an evaluation corpus shares with
it.
"""

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import yaml

TABLE = Path(__file__).with_suffix(".yaml")


@dataclass(frozen=True)
class Pretraining:
    """A row: encoders whose name matches, their training corpora, unnamed training data, and the source."""

    pattern: str  # regular expression, searched in the last part of a model's name or path, whatever the case
    corpora: list[str] = field(default_factory=list)
    unnamed: str = ""
    source: str = ""


@functools.cache
def _table() -> tuple[list[Pretraining], dict[str, list[str]]]:
    content = yaml.safe_load(TABLE.read_text(encoding="utf-8"))
    return [Pretraining(**row) for row in content["encoders"]], content["derived_from"]


def pretraining_of(model: str) -> Pretraining | None:
    """Return the first row that a model's name or folder matches; None for an unknown encoder."""
    name = Path(model).name
    return next((row for row in _table()[0] if re.search(row.pattern, name, re.IGNORECASE)), None)


def origins(corpora: Sequence[str]) -> dict[str, str]:
    """Return the corpora, and the corpora that they are made of, each with its entry of `corpora`.

    Names are without case, blanks and hyphens.
    """
    derived = {_plain(name): parts for name, parts in _table()[1].items()}
    origin: dict[str, str] = {}

    def add(name: str, of: str) -> None:
        if _plain(name) not in origin:
            origin[_plain(name)] = of
            for part in derived.get(_plain(name), []):
                add(part, of)

    for name in corpora:
        add(name, name)
    return origin


def shared(model: str, corpora: Sequence[str]) -> list[tuple[str, str]]:
    """Return the pairs (pretraining corpus, evaluation corpus) that have a source in common."""
    row = pretraining_of(model)
    if row is None:
        return []
    evaluated = origins(corpora)
    pairs = {}
    for corpus in row.corpora:
        common = [name for name in origins([corpus]) if name in evaluated]
        if common:
            pairs[corpus] = (corpus, evaluated[common[0]])
    return list(pairs.values())


def notes(model: str, corpora: Sequence[str]) -> list[str]:
    """Return notes on overlaps of the pretraining data of an encoder with an evaluation corpus.

    The evaluation corpus is the first of `corpora`; the others are those that it is made of.
    """
    row, name = pretraining_of(model), Path(model).name
    if row is None:
        return [f"encoder {name}: its training data are not known ({TABLE.name} has no row)"]
    sentences = []
    for corpus, evaluated in shared(model, corpora):
        same = _plain(corpus) == _plain(evaluated)
        has = f", which {corpora[0]} is made of" if evaluated != corpora[0] else ""
        has = has if same else f", which has a source in common with {evaluated}"
        sentences.append(f"encoder {name}: its pretraining data include {corpus}{has} ({row.source})")
    if row.unnamed and not sentences:
        sentences.append(
            f"encoder {name}: trained on {row.unnamed}, so that an overlap cannot be ruled out ({row.source})"
        )
    return sentences


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).casefold()
