"""Trials: who is claimed to speak, whose words are said, and whether the voice is genuine."""

import random
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from dada.errors import DataError

MISATTRIBUTED, IN_CHARACTER = "misattributed", "in_character"  # kinds of spoofs, by whose words they have


class Trial(NamedTuple):
    """One utterance. `kind` is empty for bona fide speech; `source` is the speech that the words are from."""

    utt: str
    claim: str
    kind: str
    source: str
    words: str


def spoof_rates(authors: Sequence[str], seed: int, least: float, most: float) -> dict[str, float]:
    """Return the share of spoofs among the claims of each author: evenly spread from `least` to `most`, over
    the authors in a random order.
    """
    order = sorted(authors)
    random.Random(f"{seed} rates").shuffle(order)
    step = (most - least) / max(len(order) - 1, 1)
    return {author: least + i * step for i, author in enumerate(order)}


def draw_trials(
    pieces: Mapping[str, Sequence[tuple[str, str]]],
    number: int,
    rates: Mapping[str, float],
    misattributed: float,
    split: str,
    seed: int,
) -> list[Trial]:
    """Return `number` trials of each author of a split, sorted by utterance. No piece of a speech is said
    twice.

    `pieces` is author -> (source, words), `misattributed` the share of the spoofs with words of another
    author, who is drawn for each. Raise DataError where an author has too few pieces.
    """
    draw = random.Random(f"{seed} {split}")
    pools = {author: _shuffled(pieces.get(author, ()), draw) for author in sorted(rates)}
    trials = []
    for claim in sorted(rates):
        num_spoof = round(number * rates[claim])
        num_other = round(num_spoof * misattributed)
        kinds = [MISATTRIBUTED] * num_other + [IN_CHARACTER] * (num_spoof - num_other)
        kinds += [""] * (number - num_spoof)
        draw.shuffle(kinds)
        for i, kind in enumerate(kinds):
            others = [author for author in pools if author != claim]
            author = draw.choice(others) if kind == MISATTRIBUTED else claim
            try:
                source, words = next(pools[author])
            except StopIteration:
                raise DataError(
                    f"{author} has {len(pieces.get(author, ()))} pieces of speeches in {split}, too few for "
                    "the trials: lower corpus.options.trials, or raise corpus.options.min_speeches"
                ) from None
            trials.append(Trial(f"{claim}-{split}-{i:04d}", claim, kind, source, words))
    return sorted(trials, key=lambda trial: trial.utt.encode())


def _shuffled(pieces: Sequence[tuple[str, str]], draw: random.Random) -> Iterator[tuple[str, str]]:
    return iter(draw.sample(list(pieces), len(pieces)))
