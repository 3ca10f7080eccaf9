"""ABX of embeddings, and how well a text system names authors. N utterances, D embedding dimensions."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from dada.data import BONAFIDE, DataDir
from dada.data.datadir import sources_of
from dada.data.vectors import Vectors
from dada.evaluate.results import Abx, AuthorResults
from dada.evaluation_settings import EvaluateConfig
from dada.metrics.abx import abx_triples, abx_wins
from dada.metrics.authorship import measure_abx, measure_authors
from dada.metrics.figure import Figure, over_seeds


def embedding_abx(
    data: DataDir, embeddings: Sequence[Path], genuine: Sequence[str] | None, config: EvaluateConfig
) -> dict[str, Abx | None]:
    """ABX by speaker or author over `genuine` utterances, the same across sources, and ABX by label.

    `embeddings` are the embed.npy of all seeds. Every entry is None where they do not exist, or where
    nothing is genuine.
    """
    entries: dict[str, Abx | None] = {"abx_speaker": None, "abx_across": None, "abx_label": None}
    if genuine is None or not all(path.exists() for path in embeddings):
        return entries
    sources = _sources(data, genuine)
    authors = [data.speakers[utt] for utt in genuine]

    def wins(triples: np.ndarray) -> np.ndarray:
        return _wins(embeddings, genuine, triples, config)

    for name, across in (("abx_speaker", False), ("abx_across", True)):
        if name == "abx_speaker" or data.get("utt2source"):
            figure = measure_abx(wins, authors, sources, across, config)
            entries[name] = _abx(figure, len(set(authors)), config) if figure else None
    entries["abx_label"] = _by_label(config, data, embeddings)
    return entries


def authorship(
    data: DataDir,
    logits: Sequence[Path],
    authors: Sequence[str],
    genuine: Sequence[str] | None,
    config: EvaluateConfig,
) -> AuthorResults | None:
    """How often a text system names the author of genuine texts, among the `authors` that it knows.

    `logits` are the logits.npy of all seeds. None where no genuine text is by a known author.
    """
    if genuine is None:
        return None
    index = {name: k for k, name in enumerate(authors)}
    known = [utt for utt in genuine if data.speakers[utt] in index]
    if not known:
        return None
    truth = np.array([index[data.speakers[utt]] for utt in known])
    sources = _sources(data, known)
    decided = np.stack([Vectors(path).of(known).argmax(axis=1) for path in logits])
    return AuthorResults(
        num_texts=len(known),
        num_unknown=len(genuine) - len(known),
        num_authors=len(authors),
        num_sources=len(set(sources)),
        chance=1 / len(authors),
        **measure_authors(truth, decided, len(authors), sources, config),
    )


def genuine_utterances(data: DataDir, audio: bool) -> list[str] | None:
    """Bona fide speech, and without audio every text; None for unlabelled speech."""
    if data.labels is None:
        return None if audio else data.utts
    return [utt for utt in data.utts if data.labels[utt] == BONAFIDE]


def _by_label(config: EvaluateConfig, data: DataDir, embeddings: Sequence[Path]) -> Abx | None:
    sizes = Counter((data.labels or {}).values())
    if len(sizes) < 2 or max(sizes.values()) < 2:  # without spoofs there are no triples
        return None
    labels = [data["utt2label"][utt] for utt in data.utts]
    triples = abx_triples(labels, config.abx_triples, config.seed)
    values = _wins(embeddings, data.utts, triples, config).mean(axis=1)
    return _abx(over_seeds(values.tolist()), len(sizes), config)


def _wins(
    embeddings: Sequence[Path], utts: Sequence[str], triples: np.ndarray, config: EvaluateConfig
) -> np.ndarray:
    """Return `abx_wins` of triples (M, 3) of `utts` for every seed (S, M); only their embeddings are read."""
    rows, places = np.unique(triples, return_inverse=True)
    read = [utts[i] for i in rows]
    places = places.reshape(triples.shape)
    return np.stack([abx_wins(Vectors(path).of(read), places, config.abx_distance) for path in embeddings])


def _abx(figure: Figure, num_classes: int, config: EvaluateConfig) -> Abx:
    return Abx(
        **vars(figure), num_classes=num_classes, num_triples=config.abx_triples, distance=config.abx_distance
    )


def _sources(data: DataDir, utts: Sequence[str]) -> list[str]:
    sources = dict(zip(data.utts, sources_of(data), strict=True))
    return [sources[utt] for utt in utts]
