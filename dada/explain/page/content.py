"""The content of the page of a clip, and how it is collected from a source.

A source is a live system that is given a clip (dada.explain.page.live), or the outputs that the stages stored
of an utterance (dada.explain.page.stored).
"""

import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import soundfile

from dada.data import SAMPLE_RATE
from dada.experiment.trained import Experiment
from dada.explain.explanation import Explanation
from dada.explain.page.part import Part, part_to_play
from dada.explain.words import Contributions, WordExplanation, branch_contributions, explain_words
from dada.models.fusion._branches import Branches
from dada.score.clip import System

ALONE = 0.9995  # from here on the weight of the sound is written as 1


@dataclass
class Timeline:
    """The scores of a system over a long recording."""

    system: str
    windows: list[tuple[float, float, float | None]]  # from and to (s), score; None without speech


@dataclass
class ClipPage:
    """All that the page of a clip shows."""

    title: str
    part: Part  # what is played
    facts: dict[str, str]  # term -> its description
    answers: list[str] = field(default_factory=list)  # what the systems say, in sentences
    timelines: list[Timeline] = field(default_factory=list)
    explanations: list[Explanation] = field(default_factory=list)  # of audio systems
    scores: dict[str, float] = field(default_factory=dict)  # system -> score
    words: WordExplanation | None = None
    contributions: dict[str, Contributions] = field(default_factory=dict)  # fusion -> those of its branches
    background: str = ""  # the utterances that the fusions are compared with, in words


@dataclass
class FusionCase:
    """A fusion, the outputs of its branches on one clip, and those on a background of M utterances."""

    fusion: Experiment
    clip: Branches
    background: Branches


class ClipSource(Protocol):
    """All that a page needs to know of one clip."""

    @property
    def title(self) -> str:
        """The heading of the page."""

    @property
    def facts(self) -> dict[str, str]:
        """Term -> its description."""

    @property
    def answers(self) -> list[str]:
        """What the systems say of the clip, in sentences."""

    @property
    def timelines(self) -> list[Timeline]:
        """Scores over time, of a recording of several windows."""

    @property
    def scores(self) -> dict[str, float]:
        """System -> score."""

    @property
    def speaker(self) -> str:
        """The purported speaker, `-` where none is named."""

    @property
    def background_split(self) -> str:
        """The split that the background of the fusions comes from."""

    def samples(self) -> np.ndarray:
        """Return the whole waveform (T,) at 16 kHz."""

    def explanations(self) -> Iterable[Explanation]:
        """Yield the explanation of every audio system."""

    def transcript(self) -> str:
        """Return the words, separated by single spaces; empty where there are none."""

    def text_system(self) -> System | None:
        """Return the system that explains the words, or None."""

    def quotes(self) -> Mapping[str, Sequence[str]]:
        """Return the texts of each author."""

    def fusions(self) -> Iterable[FusionCase]:
        """Yield the fusions whose branches are compared."""


def collect_page(source: ClipSource) -> ClipPage:
    """Return the page of a clip. Raise DataError or ConfigError for a clip that a system cannot explain."""
    explanations = list(source.explanations())
    part = part_to_play(source.samples(), explanations)
    page = ClipPage(source.title, part, source.facts, list(source.answers), list(source.timelines))
    page.explanations, page.scores = explanations, source.scores
    words, system = source.transcript(), source.text_system()
    if system is not None and words.split():
        page.words = explain_words(system, words, source.speaker, lambda name: source.quotes().get(name, []))
    for case in source.fusions():
        name = case.fusion.config.name
        page.contributions[name] = branch_contributions(case.fusion, case.clip, case.background)
        page.background = f"{len(case.background.utts)} utterances of {source.background_split}"
    return page


def words_that_do_not_count(contributions: Mapping[str, Contributions]) -> list[str]:
    """Return the fusions that give the words no weight."""
    return [name for name, found in contributions.items() if found.alpha is not None and found.alpha >= ALONE]


def as_flac(samples: np.ndarray) -> bytes:
    """Return a FLAC file of a waveform (T,) at 16 kHz."""
    out = io.BytesIO()
    soundfile.write(out, samples, SAMPLE_RATE, format="FLAC", subtype="PCM_16")
    return out.getvalue()
