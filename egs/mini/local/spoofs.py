"""The utterances of every split: for each figure and engine, the lines that the engine speaks or
resynthesizes, and human speech from elsewhere.
"""

import random
from dataclasses import dataclass

from .clips import BONAFIDE, ELSEWHERE, Clip
from .engine import seed_of, speakable
from .lines import FIGURES, Manner, Split, Written
from .sky import Sky, choose, scene_of
from .synthesizers import ENGINES

IN_CHARACTER, MISATTRIBUTED, COPY_SYNTHESIS = "in_character", "misattributed", "copy_synthesis"
OWN, MAPPED = "own", "mapped"  # voices of synthesized texts: the engine's, or moved towards the figure's
NOT_A_SPOOF = "-"


@dataclass(frozen=True)
class Trial:
    """An utterance of a split: its clip, and for a spoof the origin of its words. Human speech has `-`."""

    clip: Clip
    quote: str = NOT_A_SPOOF  # in_character | misattributed | copy_synthesis
    known: str = NOT_A_SPOOF  # whether the engine occurs in training: known | unknown

    @property
    def utt(self) -> str:
        return self.clip.name

    @property
    def voice(self) -> str:
        """Return whose voice speaks a synthesized text: own, mapped, or `-` for everything else."""
        if self.clip.is_human or ENGINES[self.clip.kind].copies:
            return NOT_A_SPOOF
        return MAPPED if self.clip.voice else OWN


def trials_of(
    split_name: str,
    split: Split,
    per_engine: dict[str, dict[str, int]],
    manners: dict[str, list[Manner]],
    seed: int,
    protocol: str,
    left_out: str = "",
) -> list[Trial]:
    """Return all utterances of a split: every line that its figures speak, and the spoofs of its engines.

    The engine `left_out` is used in test only, with the same clips as otherwise.
    """
    spoken = split.spoken[split_name]
    trials = [
        Trial(Clip(BONAFIDE, figure, line.name, line.text, line.clip, 0.0))
        for figure in FIGURES
        for line in spoken[figure]
    ]
    for name, engine in ENGINES.items():
        if name == left_out and split_name != "test":
            continue
        number = per_engine["known" if engine.known else "unknown"].get(split_name, 0)
        known = "known" if engine.known and name != left_out else "unknown"
        quotas = apportion({figure: len(spoken[figure]) for figure in FIGURES}, number * len(FIGURES))
        for index, figure in enumerate(FIGURES):
            rng = random.Random(f"{seed} {protocol} {split_name} {name} {figure}")
            chosen = (
                choose_copies(spoken, figure, quotas[figure], rng)
                if engine.copies
                else choose_texts(spoken, figure, quotas[figure], index % 2, rng)
            )
            trials += [Trial(spoof_clip(name, figure, line, manners), quote, known) for line, quote in chosen]
    return sorted(trials, key=lambda trial: trial.utt.encode())


def trials_elsewhere(sky: Sky, count: int, seed: int) -> list[Trial]:
    """Return utterances of humans who are no figures. Their speaker is the scene of the other game."""
    return [
        Trial(Clip(ELSEWHERE, f"SKY{scene_of(number)}", str(number), "", "", 0.0))
        for number in choose(sky, count, seed)
    ]


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


def spoof_clip(engine: str, figure: str, line: Written, manners: dict[str, list[Manner]]) -> Clip:
    """Return the clip of an engine that imitates the figure.

    A synthesized text has the tempo of a line of the figure, which is chosen by the clip's name, and every
    second one its voice.
    """
    if ENGINES[engine].copies:
        return Clip(engine, figure, line.name, line.text, line.clip, 0.0)
    name = f"{engine} {figure} {line.name}"
    manner = random.Random(f"tempo {name}").choice(manners[figure])
    voice = manner.clip if seed_of(f"voice {name}") % 2 else ""
    return Clip(engine, figure, line.name, line.text, "", manner.tempo, voice)
