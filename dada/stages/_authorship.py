"""Stage 9 for embeddings and for systems that name authors: ABX, accuracy and F1. N utterances, D embedding."""

from collections import Counter
from pathlib import Path

import numpy as np

from dada.data import BONAFIDE, ArkReader, DataDir
from dada.data.dataset import sources_of
from dada.metrics.abx import abx
from dada.metrics.authorship import measure_abx, measure_authors
from dada.metrics.summary import over_seeds


def embedding_abx(recipe, data: DataDir, folders: list[Path]) -> dict:
    """ABX of the embeddings, where the system has any: by speaker or author over what is real, the same
    across sources, and by label.
    """
    entries: dict[str, dict | None] = {"abx_speaker": None, "abx_across": None, "abx_label": None}
    real = _real(recipe, data)
    if real is None or not all((folder / "embed.scp").exists() for folder in folders):
        return entries
    sources = dict(zip(data.utts, sources_of(data), strict=True))
    authors = [data.speakers[utt] for utt in real]

    def embeddings(seed: int) -> np.ndarray:
        return _vectors(folders[seed] / "embed.scp", real)

    for name, across in (("abx_speaker", False), ("abx_across", True)):
        if name == "abx_speaker" or data.get("utt2source"):
            entries[name] = measure_abx(
                embeddings, len(folders), authors, [sources[utt] for utt in real], across, recipe.evaluate
            )
    entries["abx_label"] = _by_label(recipe.evaluate, data, folders) if data.labels else None
    return entries


def authorship(recipe, data: DataDir, folders: list[Path], split: str) -> dict | None:
    """How often a text system names the author of what is real, among those authors that it knows."""
    real = _real(recipe, data)
    paths = [folder / "embed" / split / "logits.scp" for folder in folders]
    if real is None or not all(path.exists() for path in paths):
        return None
    authors = [name for name in (folders[0] / "labels.txt").read_text(encoding="utf-8").split("\n") if name]
    index = {name: k for k, name in enumerate(authors)}
    known = [utt for utt in real if data.speakers[utt] in index]
    if not known:
        return None
    truth = np.array([index[data.speakers[utt]] for utt in known])
    sources = dict(zip(data.utts, sources_of(data), strict=True))
    decided = np.stack([_vectors(path, known).argmax(axis=1) for path in paths])
    measured = measure_authors(truth, decided, len(authors), [sources[utt] for utt in known], recipe.evaluate)
    counts = {"num_texts": len(known), "num_unknown": len(real) - len(known), "num_authors": len(authors)}
    return {
        **counts,
        "num_sources": len({sources[utt] for utt in known}),
        "chance": 1 / len(authors),
        **measured,
    }


def _real(recipe, data: DataDir) -> list[str] | None:
    """What people really said: bona fide speech, and where there is no audio every text; None for unlabelled
    speech.
    """
    if data.labels is None:
        return None if recipe.corpus.audio else data.utts
    return [utt for utt in data.utts if data.labels[utt] == BONAFIDE]


def _by_label(config, data: DataDir, folders: list[Path]) -> dict | None:
    labels = [data.labels[utt] for utt in data.utts]
    sizes = Counter(labels).values()
    if len(sizes) < 2 or max(sizes) < 2:  # without spoofs there are no triples
        return None
    settings = (config.abx_triples, config.abx_distance, config.seed)
    values = [abx(_vectors(folder / "embed.scp", data.utts), labels, *settings) for folder in folders]
    return {
        **over_seeds(values),
        "num_classes": len(sizes),
        "num_triples": config.abx_triples,
        "distance": config.abx_distance,
    }


def _vectors(scp: Path, utts: list[str]) -> np.ndarray:
    reader = ArkReader(scp)
    return np.stack([reader[utt] for utt in utts])
