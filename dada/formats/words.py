"""Words that corpora, keys and score files use for the two classes and for the splits."""

from collections.abc import Mapping, Sequence

from dada.data.datadir import BONAFIDE, SPOOF
from dada.errors import ConfigError

Words = Mapping[str, Sequence[str]]  # name in this package -> the usual words for it, in lower case
LABELS: Words = {
    BONAFIDE: (
        "bonafide",
        "bona-fide",
        "bona_fide",
        "bona fide",
        "real",
        "genuine",
        "human",
        "original",
        "true",
    ),
    SPOOF: ("spoof", "spoofed", "fake", "deepfake", "synthetic", "generated", "false"),
}
SPLITS: Words = {
    "train": ("train", "training"),
    "dev": ("dev", "development", "valid", "val", "validation"),
    "test": ("test", "testing", "eval", "evaluation"),
}
LABEL_OF = {word: label for label, words in LABELS.items() for word in words}
ASV_KINDS = ("target", "nontarget", "spoof")  # kinds of trial of a speaker verification


def label_words(own: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return word in lower case -> bonafide or spoof: the usual words, and those that a user adds.

    Raise ConfigError for a word that is to mean something else.

    >>> label_words({"1": "bonafide"})["1"], label_words()["fake"]
    ('bonafide', 'spoof')
    """
    meanings = {word.lower(): LABEL_OF.get(meaning.lower(), "") for word, meaning in (own or {}).items()}
    wrong = [word for word, meaning in meanings.items() if not word or not meaning]
    if wrong:
        raise ConfigError(f"the label {wrong[0]!r} must mean bonafide or spoof: write 1=bonafide 0=spoof")
    return LABEL_OF | meanings


def guess_mapping(values: Sequence[str], known: Words) -> dict[str, str]:
    """Map those of `values` that are usual words, in upper or lower case.

    >>> guess_mapping(["Real", "FAKE", "x"], LABELS)
    {'Real': 'bonafide', 'FAKE': 'spoof'}
    """
    usual = {word: name for name, words in known.items() for word in words}
    return {value: usual[value.lower()] for value in dict.fromkeys(values) if value.lower() in usual}
