"""TF-IDF and logistic regression: the author baseline that any text encoder has to beat.

Words, pairs of words and the letters inside words are counted, weighted by how few texts have them (tf 1 +
log n, idf log((1 + N) / (1 + n)) + 1, unit length), and a multinomial logistic regression names the author.
The embedding is the latent semantic analysis of the same vectors (Deerwester et al., 1990), of unit length.
Terms are kept as 24-bit hashes, so that a model is nothing but tensors; of 50,000 terms about one in 340
shares its number with another. B texts, L terms of the longest, V vocabulary, D embedding, K authors, N
training texts.
"""

import logging
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from dada.data.batch import Batch, required_labels
from dada.errors import DataError
from dada.models import Batches, Output
from dada.models.text._logistic import fit_logistic
from dada.text.normalise import normalise

NUM_HASHES = 1 << 24  # float32, which inputs are, holds whole numbers up to here exactly
NO_TERM = NUM_HASHES  # fills a vocabulary that is not full; the last in order


@dataclass
class Config:
    """Which terms are counted, and how the regression is fitted."""

    max_terms: int = 50_000  # those that most texts have
    min_texts: int = 2  # that have a term
    words: list[int] = field(default_factory=lambda: [1, 2])  # shortest and longest run of words
    # shortest and longest run of letters inside a word and its blanks; [] for none
    letters: list[int] = field(default_factory=lambda: [3, 4])
    embedding_size: int = 128
    inverse_penalty: float = 10.0  # C of the L2 penalty
    balanced: bool = True  # authors weigh the same, however many texts they have
    max_iterations: int = 100


def example() -> tuple[Config, tuple[int, ...]]:
    """A small configuration and the shape of an input."""
    return Config(max_terms=20, min_texts=1, embedding_size=3), (12,)


def tokenize(texts: Sequence[str], settings: dict) -> list[np.ndarray]:
    """The hashed terms (L,) of each text, as float32; a text without words has the empty term."""
    return [
        np.array(
            _terms(normalise(text), settings["words"], settings["letters"]) or [_hash("")], dtype=np.float32
        )
        for text in texts
    ]


class Model(nn.Module):
    """Hashed terms (B, L) to author logits (B, K) and embeddings (B, D)."""

    vocabulary: Tensor
    idf: Tensor
    weight: Tensor
    bias: Tensor
    projection: Tensor

    def __init__(self, config: Config, num_classes: int):
        super().__init__()
        self.config = config
        size = config.max_terms
        self.register_buffer("vocabulary", torch.full((size,), NO_TERM, dtype=torch.int64))  # ascending
        self.register_buffer("idf", torch.zeros(size))
        self.register_buffer("weight", torch.zeros(num_classes, size))
        self.register_buffer("bias", torch.zeros(num_classes))
        self.register_buffer("projection", torch.zeros(config.embedding_size, size))

    def forward(self, batch: Batch) -> Output:
        """Logits under equal priors where the authors are balanced, else under those of training."""
        x = self._vectors(batch.inputs.long(), batch.mask)
        return Output(x @ self.weight.T + self.bias, nn.functional.normalize(x @ self.projection.T, dim=-1))

    def _vectors(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Unit-length TF-IDF vectors (B, V)."""
        place = torch.searchsorted(self.vocabulary, ids).clamp(max=len(self.vocabulary) - 1)
        known = mask & (self.vocabulary[place] == ids)
        counts = torch.zeros(len(ids), len(self.vocabulary), device=ids.device).scatter_add_(
            1, place, known.float()
        )
        return nn.functional.normalize(
            torch.where(counts > 0, 1 + counts.clamp(min=1).log(), 0.0) * self.idf, dim=-1
        )

    def estimate(self, batches: Batches, log: logging.Logger) -> None:
        """Choose the vocabulary and fit everything from labelled batches. Raise DataError for fewer than two
        authors or no common term.
        """
        from sklearn.decomposition import TruncatedSVD

        config = self.config
        rows: list[tuple[np.ndarray, np.ndarray]] = []
        labels: list[int] = []
        for batch in batches():
            rows += [
                np.unique(ids[valid].long().cpu().numpy(), return_counts=True)
                for ids, valid in zip(batch.inputs, batch.mask, strict=True)
            ]
            labels += required_labels(batch).tolist()
        x = self._choose_terms(rows)
        authors = sorted(set(labels))
        if len(authors) < 2 or not x.nnz:
            raise DataError(
                f"{len(labels)} texts by {len(authors)} authors, with {x.nnz} terms that occur in "
                f"{config.min_texts}: too few to learn from"
            )
        fit = fit_logistic(
            x, labels, len(self.bias), config.inverse_penalty, config.balanced, config.max_iterations
        )
        rank = min(config.embedding_size, x.shape[0], x.shape[1] - 1)
        projection = TruncatedSVD(rank, random_state=0).fit(x).components_
        self.weight.copy_(fit.weight)
        self.bias.copy_(fit.bias)
        self.projection[:rank] = torch.from_numpy(projection.copy()).float()
        log.info(
            "TF-IDF: %d terms, %d texts, %d authors, %d iterations, training accuracy %.3f",
            *self._facts(x, authors),
            fit.iterations,
            fit.accuracy,
        )

    def _choose_terms(self, rows: list[tuple[np.ndarray, np.ndarray]]) -> Any:  # scipy.sparse.csr_matrix
        """Fill `vocabulary` and `idf`, and return the unit-length vectors of the texts, sparse (N, V)."""
        from scipy import sparse

        config = self.config
        terms, num_texts = np.unique(np.concatenate([ids for ids, _ in rows]), return_counts=True)
        common = np.flatnonzero(num_texts >= config.min_texts)
        kept = np.sort(common[np.argsort(-num_texts[common], kind="stable")[: config.max_terms]])
        terms, num_texts = terms[kept], num_texts[kept]
        self.vocabulary[: len(terms)] = torch.from_numpy(terms)
        self.idf[: len(terms)] = torch.from_numpy(np.log((1 + len(rows)) / (1 + num_texts)) + 1).float()
        idf = self.idf.double().cpu().numpy()
        indices, values, ends = [], [], [0]
        for ids, counts in rows:
            place = np.searchsorted(terms, ids)
            known = (
                (place < len(terms)) & (terms[np.minimum(place, len(terms) - 1)] == ids)
                if len(terms)
                else np.zeros(len(ids), bool)
            )
            row = (1 + np.log(counts[known])) * idf[place[known]]
            indices.append(place[known])
            values.append(row / max(np.linalg.norm(row), 1e-12))
            ends.append(ends[-1] + len(row))
        return sparse.csr_matrix(
            (np.concatenate(values), np.concatenate(indices), ends), shape=(len(rows), len(self.vocabulary))
        )

    def _facts(self, x: Any, authors: list[int]) -> tuple[int, int, int]:
        return int((self.vocabulary < NO_TERM).sum()), x.shape[0], len(authors)


def _terms(text: str, words: Sequence[int], letters: Sequence[int]) -> list[int]:
    """Hashes of the runs of words, and of the runs of letters inside each word with the blanks around it."""
    tokens = text.split()
    hashes = (
        [
            _hash(" ".join(tokens[i : i + n]))
            for n in range(words[0], words[1] + 1)
            for i in range(len(tokens) - n + 1)
        ]
        if words
        else []
    )
    if letters:
        hashes += [_hash(f"#{part}") for token in tokens for part in _runs(f" {token} ", *letters)]
    return hashes


def _runs(text: str, shortest: int, longest: int) -> list[str]:
    return [text[i : i + n] for n in range(shortest, longest + 1) for i in range(len(text) - n + 1)]


def _hash(term: str) -> int:
    return zlib.crc32(term.encode()) % NUM_HASHES
