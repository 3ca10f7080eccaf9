"""The page of any file: its verdicts, and an explanation of one of its windows by every system.

`dada explain` writes it, and `dada serve` shows it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from dada import devices
from dada.data import NO_SPEAKER, SAMPLE_RATE
from dada.detect.answer import agreement
from dada.detect.detector import Detector, Options
from dada.detect.load import detectors_of
from dada.detect.panel import Chosen
from dada.detect.recording import Recording
from dada.detect.verdict import Verdict
from dada.detect.words import described, figures
from dada.errors import UserError
from dada.explain.config import AUTO
from dada.explain.page.combined import combine
from dada.explain.page.content import ClipPage, Timeline, collect_page
from dada.explain.page.live import LiveSource
from dada.explain.page.part import WHOLE, moment, part_to_play
from dada.recipe.recipe import Recipe
from dada.score.clip import Clip
from dada.storage.allocator import keep_memory

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Loaded:
    """A detector, and the experiment folder that it comes from; None with published weights."""

    detector: Detector
    folder: Path | None = None

    @property
    def name(self) -> str:
        """The name of the system."""
        return self.detector.system.config.name


@dataclass(frozen=True)
class Wish:
    """How a file is explained.

    `start` is where the explained window begins, in s; None takes the window with the lowest score of the
    first system, or the beginning of a file of one window. `files` are audio files to compare with, and
    `options` the settings of methods by name.
    """

    start: float | None = None
    files: Sequence[str] = ()
    method: str = AUTO
    options: Mapping[str, Mapping[str, object]] = field(default_factory=dict)


@dataclass(frozen=True)
class Stretch:
    """Samples [start, stop) of a recording that are explained, and why these."""

    start: int
    stop: int
    why: str


def load(chosen: Chosen) -> list[Loaded]:
    """Load the systems that the flags of a command name, on their device."""
    devices.use(chosen.device)
    keep_memory()
    flags = chosen.experiments, chosen.seed, chosen.systems, chosen.inits, chosen.consent
    detectors = detectors_of(*flags)
    folders = [*chosen.experiments, *[None] * (len(detectors) - len(chosen.experiments))]
    return [Loaded(detector, folder) for detector, folder in zip(detectors, folders, strict=True)]


def page_of(
    systems: Sequence[Loaded],
    recording: Recording,
    speaker: str | None,
    wish: Wish | None = None,
    progress: Progress = lambda _: None,
) -> tuple[ClipPage, list[Verdict]]:
    """Return the page of a recording, and the verdicts of the systems; each step is told to `progress`.

    A recording that holds nothing to score has a page without explanations. Raise DataError for a file that
    cannot be used, or for a missing purported speaker where one is needed.
    """
    wish, options, verdicts = wish or Wish(), Options(), []
    for each in systems:
        if each.detector.system.config.task == "text":
            each.detector.system.require_speaker(speaker or NO_SPEAKER)
        progress(f"{each.name} scores the file")
        verdicts.append(each.detector.judge(recording, speaker, options))
    stretch = stretch_to_explain(recording, verdicts, wish.start)
    pages = []
    for each, verdict in zip(systems, verdicts, strict=True):
        progress(f"{each.name} is explained")
        pages.append(_page(each, verdict, recording, stretch, wish))
    page = combine(pages)
    agreed = agreement(verdicts)
    if agreed is not None:
        page.answers.insert(0, f"{agreed.sentence[:1].upper()}{agreed.sentence[1:]}.")
    return page, verdicts


def stretch_to_explain(recording: Recording, verdicts: Sequence[Verdict], start: float | None) -> Stretch:
    """Return what of a recording is explained: as long as the longest window of the systems.

    Raise UserError for a start behind the end of the recording.
    """
    total = len(recording.samples) / SAMPLE_RATE
    if start is not None and not 0 <= start < total:
        raise UserError(f"--start {start:g} lies outside of the recording, which has {total:.1f} s")
    lengths = [each.windows[0].end - each.windows[0].start for each in verdicts if len(each.windows) > 1]
    length = max(lengths, default=total if total <= WHOLE else WHOLE)
    chosen = next((each for each in verdicts if each.worst is not None), None)
    begin, why = start or 0.0, "the whole recording" if length >= total else "its beginning"
    if start is not None:
        why = "from the time that was asked for"
    elif chosen is not None and chosen.worst is not None:
        begin, why = chosen.worst.start, f"the window with the lowest score of {chosen.system}"
    first = round(begin * SAMPLE_RATE)
    return Stretch(first, min(first + round(length * SAMPLE_RATE), len(recording.samples)), why)


def _page(each: Loaded, verdict: Verdict, recording: Recording, stretch: Stretch, wish: Wish) -> ClipPage:
    """Return the page of one system."""
    facts, samples = _facts(verdict, stretch), recording.samples
    answers = [f"{verdict.system}: {verdict.sentence}."]
    timelines = []
    if len(verdict.windows) > 1:
        windows = [(window.start, window.end, window.score) for window in verdict.windows]
        timelines = [Timeline(verdict.system, windows)]
    if recording.unusable:
        return ClipPage(Path(recording.path).name, part_to_play(samples, []), facts, answers, timelines)
    detector, transcript = each.detector, verdict.transcript or ""
    part = samples[stretch.start : stretch.stop]
    clip = Clip(recording.path, part, verdict.speaker or NO_SPEAKER, lambda _: transcript)
    root, recipe = detector.system.root, None
    if each.folder is not None and root is not None and detector.origin.seed is not None:
        recipe = recipe_of(root, each.folder)
    source = LiveSource(
        detector.system,
        clip,
        facts,
        recipe,
        detector.origin.seed,
        wish.files,
        wish.method,
        wish.options,
        answers=answers,
        timelines=timelines,
        recording=samples,
        start=stretch.start / SAMPLE_RATE,
    )
    with devices.gradients_in_evaluation():
        return collect_page(source)


def _facts(verdict: Verdict, stretch: Stretch) -> dict[str, str]:
    first, last = (moment(place / SAMPLE_RATE) for place in (stretch.start, stretch.stop))
    facts = {
        "System": f"{verdict.seconds:.1f} s, {described(verdict)}",
        "Output": "; ".join(figures(verdict)),
        "Explained": f"{first} to {last}: {stretch.why}",
        "Findings": " ".join(check["message"] for check in verdict.checks),
        "Holds for": verdict.caveat,
    }
    return {term: text for term, text in facts.items() if text}


def recipe_of(root: Path, model: Path) -> Recipe:
    """Return the recipe of an experiment folder, under the protocol that the folder belongs to."""
    recipe = Recipe.load(root)
    below = model.resolve().parts[len(root.resolve().parts) :]
    first, *others = recipe.config.protocols
    return replace(recipe, protocol=next((name for name in others if name in below), first))
