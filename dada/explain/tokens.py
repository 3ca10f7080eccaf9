"""Contributions of the words of a transcript to the output of a text model: Shapley values, by leaving words
out.

For any text model, since only outputs of texts are used. The value of a word is what it adds to the words
before it, averaged over orders of words: all orders for short texts (Shapley, 1953), random orders and their
reverses for longer texts, as sampled Shapley values (Castro, Gomez and Tejada, Computers and Operations
Research 2009). In either case values add up to output - base_value, that of no word.

Axes: W words, K targets, N texts.
"""

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from dada.errors import ConfigError, DataError
from dada.score.clip import System

EXACT = 7  # words up to which all 2 ** W texts are scored
NUM_PERMUTATIONS = 16


@dataclass
class WordAttribution:
    """Values (K, W) of words for targets, which add up to output - base_value, (K,) each."""

    words: list[str]
    values: np.ndarray
    base_value: np.ndarray
    output: np.ndarray


def attribute_words(
    predict: Callable[[Sequence[str]], np.ndarray],
    text: str,
    targets: Sequence[int],
    num_permutations: int = NUM_PERMUTATIONS,
    seed: int = 0,
) -> WordAttribution:
    """Return the Shapley values of the words of a text for the outputs `targets` of `predict`.

    `predict` maps N texts to (N, number of outputs). Raise DataError for a text without words.
    """
    words = text.split()
    if not words:
        raise DataError("the transcript has no words to explain")
    size = len(words)
    orders = None if size <= EXACT else _orders(size, num_permutations, np.random.default_rng(seed))
    if orders is None:
        subsets = sorted(_all_subsets(size))
    else:
        subsets = sorted({tuple(sorted(order[:k])) for order in orders for k in range(size + 1)})
    outputs = predict([" ".join(words[i] for i in subset) for subset in subsets])[:, list(targets)]
    value = dict(zip(subsets, outputs.astype(np.float64), strict=True))
    values = _exact(value, size) if orders is None else _sampled(value, orders)
    return WordAttribution(words, values.T, value[()], value[tuple(range(size))])


def _all_subsets(size: int) -> set[tuple[int, ...]]:
    return {subset for count in range(size + 1) for subset in itertools.combinations(range(size), count)}


def _orders(size: int, num: int, rng: np.random.Generator) -> list[list[int]]:
    """Return random orders, each followed by its reverse, which halves the noise of interacting words."""
    drawn = [rng.permutation(size).tolist() for _ in range(math.ceil(num / 2))]
    return [order for first in drawn for order in (first, first[::-1])]


def _exact(value: dict[tuple[int, ...], np.ndarray], size: int) -> np.ndarray:
    """Return (W, K): the sum over sets S without the word of |S|! (W - |S| - 1)! / W! times what it adds."""
    values = np.zeros((size, len(value[()])))
    for subset, output in value.items():
        for word in set(range(size)) - set(subset):
            weight = (
                math.factorial(len(subset)) * math.factorial(size - len(subset) - 1) / math.factorial(size)
            )
            values[word] += weight * (value[tuple(sorted((*subset, word)))] - output)
    return values


def _sampled(value: dict[tuple[int, ...], np.ndarray], orders: list[list[int]]) -> np.ndarray:
    values = np.zeros((len(orders[0]), len(value[()])))
    for order in orders:
        for k, word in enumerate(order):
            values[word] += value[tuple(sorted(order[: k + 1]))] - value[tuple(sorted(order[:k]))]
    return values / len(orders)


def text_predictor(system: System) -> Callable[[Sequence[str]], np.ndarray]:
    """Return a function from N texts to log probabilities of the authors (N, K), by a text system.

    Raise ConfigError for a system that reads no text.
    """
    if system.config.task != "text":
        raise ConfigError(
            f"system {system.config.name} reads {system.config.input.kind}: words are explained for "
            "systems that read text"
        )
    return lambda texts: system.run_texts(texts).logits.double().log_softmax(1).numpy()
