"""The figures' lines: which are usable, and which split each belongs to."""

import io
import logging
import random
import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from itertools import product

import soundfile

from dada.data.audio import decode_audio

from . import channel
from .archive import Archive

# The fourteen characters with enough lines that do not sound alike: they stand in for public figures.
FIGURES = (
    "BOB",
    "BUD",
    "CHIEF",
    "DEATH",
    "FAYE",
    "JIM",
    "JOE",
    "NAOMI",
    "ORACLE",
    "SEC",
    "SPARKY",
    "TAM",
    "WITCH",
    "ZOMBIE",
)
SPLITS = ("train", "dev", "test")
UNUSED = "none"
MIN_WORDS = 4
SECONDS = (1.5, 7.0)  # shortest and longest clip
MANNER_LINES = 20  # of a figure, whose speaking rate and voice are imitated

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Written:
    """A line of a figure. Lines with the same wording have the same `source`; `clip` is empty without a voice
    clip.
    """

    name: str
    source: str
    figure: str
    dialogue: str
    text: str
    clip: str
    seconds: float
    usable: bool


@dataclass(frozen=True)
class Manner:
    """How a figure spoke a line: the archive's clip, and its letters per second."""

    clip: str
    tempo: float


@dataclass(frozen=True)
class Split:
    """The lines of a protocol: those spoken in each split by figure, and the split of every source."""

    spoken: dict[str, dict[str, list[Written]]]
    belongs: dict[str, str]


def normalise(text: str) -> str:
    """Lower case, without punctuation: two lines are the same if this is.

    >>> normalise("Hey, Joe - what's UP?")
    "hey joe what's up"
    """
    return " ".join(re.sub(r"[^a-z0-9' ]", " ", text.lower()).split())


def read_lines(archive: Archive) -> list[Written]:
    """Return all lines of the figures in the archive's order. Only the first usable clip of a wording is
    usable.
    """
    archived = [line for line in archive.lines() if normalise(line.text)]
    speakers_of: dict[str, set[str]] = defaultdict(set)
    for line in archived:
        speakers_of[normalise(line.text)].add(line.speaker)
    sources: dict[str, str] = {}
    spoken: set[str] = set()
    names: set[str] = set()
    lines = []
    for line in archived:
        if line.speaker not in FIGURES or line.name in names:
            continue
        names.add(line.name)
        wording = normalise(line.text)
        source = sources.setdefault(wording, line.name)
        seconds = duration(archive.read(line.clip)) if line.clip else 0.0
        usable = (
            wording not in spoken
            and len(wording.split()) >= MIN_WORDS
            and SECONDS[0] <= seconds <= SECONDS[1]
            and len(speakers_of[wording]) == 1
        )
        if usable:
            spoken.add(wording)
        lines.append(
            Written(line.name, source, line.speaker, line.dialogue, line.text, line.clip, seconds, usable)
        )
    return lines


def figure_manners(archive: Archive, lines: list[Written]) -> dict[str, list[Manner]]:
    """Return figure -> how it speaks each of its first usable lines; tempos are without silent edges."""
    manners: dict[str, list[Manner]] = {}
    for figure, usable in by_figure(lines).items():
        manners[figure] = []
        for line in usable[:MANNER_LINES]:
            samples = channel.trim(
                channel.band_pass(decode_audio(archive.read(line.clip), channel.RATE, line.clip))
            )
            letters = len(normalise(line.text).replace(" ", ""))
            manners[figure].append(Manner(line.clip, letters * channel.RATE / len(samples)))
    return manners


def duration(content: bytes) -> float:
    """Return the duration of a clip in seconds."""
    info = soundfile.info(io.BytesIO(content))
    return info.frames / info.samplerate


def split_lines(lines: list[Written], counts: dict[str, int], seed: int) -> Split:
    """Protocol `line`: shuffle the usable lines of each figure and give `counts[split]` to each split.

    Topics may recur.
    """
    spoken: dict[str, dict[str, list[Written]]] = {split: {} for split in SPLITS}
    for figure, usable in by_figure(lines).items():
        random.Random(f"{seed} line {figure}").shuffle(usable)
        start = 0
        for split in SPLITS:
            spoken[split][figure] = usable[start : start + counts[split]]
            start += counts[split]
    return Split(spoken, belonging(spoken, lines, {}))


def split_dialogues(lines: list[Written], counts: dict[str, int], seed: int) -> Split:
    """Protocol `dialogue`: no dialogue crosses the splits, nor a wording that dialogues of two splits share.

    Each figure's own dialogues are dealt so that as many of its counts as possible are met; the hero's lines
    go where the dialogue goes. A figure with too few dialogues lacks lines in a split: those with lines to
    spare make up for it.
    """
    dealt = deal_dialogues(lines, counts, seed)
    splits_of: dict[str, set[str]] = defaultdict(set)
    for line in lines:
        splits_of[line.source].add(dealt.get(line.dialogue, UNUSED))
    inside = [line for line in lines if len(splits_of[line.source]) == 1]
    spoken: dict[str, dict[str, list[Written]]] = {}
    for split in SPLITS:
        available = by_figure([line for line in inside if dealt.get(line.dialogue) == split])
        quotas = fill({figure: len(own) for figure, own in available.items()}, counts[split], split)
        spoken[split] = {}
        for figure, own in available.items():
            random.Random(f"{seed} dialogue {split} {figure}").shuffle(own)
            spoken[split][figure] = own[: quotas[figure]]
    return Split(spoken, belonging(spoken, lines, dealt))


def deal_dialogues(lines: list[Written], counts: dict[str, int], seed: int) -> dict[str, str]:
    """Return dialogue -> split, for the dialogues of the figures other than the hero."""
    sizes: dict[str, Counter] = defaultdict(Counter)
    for line in lines:
        if line.usable and line.dialogue.rstrip("0123456789") == line.figure:
            sizes[line.figure][line.dialogue] += 1
    dealt: dict[str, str] = {}
    for figure in sorted(sizes):
        names = sorted(sizes[figure])
        deals = list(product(SPLITS, repeat=len(names)))
        random.Random(f"{seed} dialogues {figure}").shuffle(deals)

        def met(
            deal: tuple[str, ...], own: Counter = sizes[figure], names: list[str] = names
        ) -> tuple[int, int]:
            have: Counter[str] = Counter()
            for name, split in zip(names, deal, strict=True):
                have[split] += own[name]
            # The rest goes to train, so that there is more text to learn from.
            return sum(min(have[split], counts[split]) for split in SPLITS), have["train"]

        dealt.update(zip(names, max(deals, key=met), strict=True))
    return dealt


def fill(available: dict[str, int], count: int, split: str) -> dict[str, int]:
    """Return the number of lines of each figure: at most `count` or as many as it has. Missing lines are
    taken from the other figures, always from the one with the fewest lines taken.

    >>> fill({"BOB": 9, "BUD": 2, "JOE": 4}, 4, "dev")
    {'BOB': 6, 'BUD': 2, 'JOE': 4}
    """
    quotas = {figure: min(number, count) for figure, number in available.items()}
    total = count * len(quotas)
    short = {figure: number for figure, number in quotas.items() if number < count}
    while sum(quotas.values()) < total:
        spare = [figure for figure in quotas if available[figure] > quotas[figure]]
        if not spare:
            break
        quotas[min(spare, key=lambda figure: (quotas[figure], figure))] += 1
    if short:
        names = ", ".join(f"{figure} {number}" for figure, number in short.items())
        log.warning(
            "split %s: fewer than %d lines of %s; other figures' lines make up for it", split, count, names
        )
    return quotas


def belonging(
    spoken: dict[str, dict[str, list[Written]]], lines: list[Written], dealt: dict[str, str]
) -> dict[str, str]:
    """Return source -> split. Lines spoken in dev or test, or in their dialogues, belong to them; lines that
    no split speaks belong to `none`.
    """
    belongs = {line.source: UNUSED for line in lines}
    for split in SPLITS:
        belongs.update({line.source: split for own in spoken[split].values() for line in own})
    for split in ("dev", "test"):
        belongs.update({line.source: split for line in lines if dealt.get(line.dialogue) == split})
    return belongs


def by_figure(lines: list[Written]) -> dict[str, list[Written]]:
    """Return the usable lines of every figure, an empty list for a figure without any."""
    groups: dict[str, list[Written]] = {figure: [] for figure in FIGURES}
    for line in lines:
        if line.usable:
            groups[line.figure].append(line)
    return groups
