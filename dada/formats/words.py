"""Words that corpora, keys and score files use for the two classes and for the splits."""

from collections.abc import Mapping, Sequence

from dada.data.datadir import BONAFIDE, SPOOF

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


def is_label(word: str) -> bool:
    """Whether a word, in upper or lower case, means bona fide or spoof."""
    return word.lower() in LABEL_OF


def label_of(word: str) -> str:
    """Return bonafide or spoof for any usual word. Raise KeyError for an unknown one."""
    return LABEL_OF[word.lower()]


def guess_mapping(values: Sequence[str], known: Words) -> dict[str, str]:
    """Map those of `values` that are usual words, in upper or lower case.

    >>> guess_mapping(["Real", "FAKE", "x"], LABELS)
    {'Real': 'bonafide', 'FAKE': 'spoof'}
    """
    usual = {word: name for name, words in known.items() for word in words}
    return {value: usual[value.lower()] for value in dict.fromkeys(values) if value.lower() in usual}
