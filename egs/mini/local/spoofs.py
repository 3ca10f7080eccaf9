"""The spoofs: for every split, figure and engine, the lines that the engine speaks or resynthesizes."""

import random
from dataclasses import dataclass

from .clips import BONAFIDE, Clip
from .lines import FIGURES, Split, Written
from .synthesizers import ENGINES, speakable

IN_CHARACTER, MISATTRIBUTED, COPY_SYNTHESIS = "in_character", "misattributed", "copy_synthesis"
NOT_A_SPOOF = "-"


@dataclass(frozen=True)
class Trial:
    """An utterance of a split: its clip, and for a spoof the origin of its words."""

    clip: Clip
    quote: str  # in_character | misattributed | copy_synthesis, `-` for bona fide

    @property
    def utt(self) -> str:
        return self.clip.name

    @property
    def known(self) -> str:
        """Return whether the engine occurs in training: known, unknown, or `-` for bona fide speech."""
        return (
            NOT_A_SPOOF
            if self.clip.kind == BONAFIDE
            else "known"
            if ENGINES[self.clip.kind].known
            else "unknown"
        )


def trials_of(
    split_name: str,
    split: Split,
    per_engine: dict[str, dict[str, int]],
    tempos: dict[str, list[float]],
    seed: int,
    protocol: str,
) -> list[Trial]:
    """Return all utterances of a split: every line that its figures speak, and the spoofs of its engines."""
    spoken = split.spoken[split_name]
    trials = [
        Trial(Clip(BONAFIDE, figure, line.name, line.text, line.clip, 0.0), NOT_A_SPOOF)
        for figure in FIGURES
        for line in spoken[figure]
    ]
    for name, engine in ENGINES.items():
        number = per_engine["known" if engine.known else "unknown"].get(split_name, 0)
        quotas = apportion({figure: len(spoken[figure]) for figure in FIGURES}, number * len(FIGURES))
        for index, figure in enumerate(FIGURES):
            rng = random.Random(f"{seed} {protocol} {split_name} {name} {figure}")
            chosen = (
                choose_copies(spoken, figure, quotas[figure], rng)
                if engine.copies
                else choose_texts(spoken, figure, quotas[figure], index % 2, rng)
            )
            trials += [Trial(spoof_clip(name, figure, line, tempos), quote) for line, quote in chosen]
    return sorted(trials, key=lambda trial: trial.utt.encode())


def apportion(weights: dict[str, int], total: int) -> dict[str, int]:
    """Divide `total` in proportion to the weights, by largest remainder.

    >>> apportion({"BOB": 20, "BUD": 20, "JOE": 10}, 8)
    {'BOB': 3, 'BUD': 3, 'JOE': 2}
    """
    exact = {name: total * weight / sum(weights.values()) for name, weight in weights.items()}
    shares = {name: int(share) for name, share in exact.items()}
    by_remainder = sorted(exact, key=lambda name: (shares[name] - exact[name], name))
    for name in by_remainder[: total - sum(shares.values())]:
        shares[name] += 1
    return shares


def choose_copies(
    spoken: dict[str, list[Written]], figure: str, number: int, rng: random.Random
) -> list[tuple[Written, str]]:
    """Choose recordings of the figure for a vocoder."""
    return [(line, COPY_SYNTHESIS) for line in rng.sample(spoken[figure], number)]


def choose_texts(
    spoken: dict[str, list[Written]], figure: str, number: int, odd: int, rng: random.Random
) -> list[tuple[Written, str]]:
    """Choose texts of the same split, half of them lines of the figure and half lines of others.

    If the number is odd, `odd` is added to the figure's own lines.
    """
    own = [line for line in spoken[figure] if speakable(line.text)]
    others = [line for other in FIGURES if other != figure for line in spoken[other] if speakable(line.text)]
    num_own = min((number + odd) // 2, len(own))
    return [(line, IN_CHARACTER) for line in rng.sample(own, num_own)] + [
        (line, MISATTRIBUTED) for line in rng.sample(others, number - num_own)
    ]


def spoof_clip(engine: str, figure: str, line: Written, tempos: dict[str, list[float]]) -> Clip:
    """Return the clip of an engine that imitates the figure, at the tempo of a line of the figure, which is
    chosen by the clip's name.
    """
    if ENGINES[engine].copies:
        return Clip(engine, figure, line.name, line.text, line.clip, 0.0)
    tempo = random.Random(f"tempo {engine} {figure} {line.name}").choice(tempos[figure])
    return Clip(engine, figure, line.name, line.text, "", tempo)
