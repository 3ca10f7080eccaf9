"""`dada explain`: a page that says why a trained system, or published weights, said so of an audio file."""

import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from dada.data import BONAFIDE, NO_SPEAKER, SAMPLE_RATE, SPOOF, DataDir, read_audio
from dada.detect import Detector, readable
from dada.errors import ConfigError
from dada.explain import BACKGROUND_SIZE, ROUGH, figures, shares
from dada.explain.config import AUTO
from dada.explain.subject import CLASSES, Sound, Subject
from dada.explain.words import NUM_OTHERS, contributions, explain_words, read_quotes
from dada.recipe.recipe import Recipe
from dada.report.clip_page import ClipPage, Explained, as_flac
from dada.score.clip import Clip, Said, System
from dada.score.fuse import join_branches, read_branches

log = logging.getLogger(__name__)


class ClipExplainer:
    """Explains single files by a loaded system, of the experiment folder `model` if of one.

    `background` names audio files to compare with; none takes the dev split of the recipe, under the protocol
    of the folder. `options` are settings of methods by their names, as in `explain.options`.
    """

    def __init__(
        self,
        detector: Detector,
        model: Path | None = None,
        background: Sequence[str] = (),
        method: str = AUTO,
        options: Mapping[str, Mapping] | None = None,
    ):
        self.detector, self.system, self.files, self.method, self.options = (
            detector,
            detector.system,
            list(background),
            method,
            options,
        )
        self.recipe = None
        if self.system.root is not None:
            recipe = Recipe.load(self.system.root)
            below = () if model is None else model.resolve().parts[len(self.system.root.resolve().parts) :]
            protocol = next(
                (name for name in recipe.config.protocols[1:] if name in below), recipe.config.protocols[0]
            )
            self.recipe = replace(recipe, protocol=protocol)

    def __call__(self, path: str, speaker: str | None = None) -> ClipPage:
        """The page of a file. Raises DataError for a file that cannot be used."""
        verdict = self.detector(path, speaker)
        samples = read_audio(path, SAMPLE_RATE)
        heard = verdict.transcript
        clip = Clip(path, samples, speaker or NO_SPEAKER, lambda _: heard or "")
        explained = [self._audio(system, clip) for system in audio_systems(self.system)]
        if not explained and not self.system.hears_words():
            raise ConfigError(
                f"{self.system.config.name} has no part that tells bona fide from spoof by the sound, or "
                "weighs words"
            )
        lines = readable(verdict).splitlines()
        facts = {"System": lines[0].partition(": ")[2], "Says": "; ".join(line.strip() for line in lines[1:])}
        page = ClipPage(Path(path).name, as_flac(samples), facts, explained)
        if self.system.hears_words() and heard:
            text = next(find(self.system, "text"))
            page.words = explain_words(
                text, clip.transcript, clip.speaker, lambda author: self._quotes().get(author, [])
            )
        if self.system.config.task == "fusion":
            self._weigh(page, clip)
        return page

    def _audio(self, system: System, clip: Clip) -> Explained:
        subject = Subject(system.experiment, self.method, self.options)
        sound = self._sound(system, clip.name, clip.samples)
        others, said = self._background(system, clip, system.ask(clip))
        explanation, found = subject.explanation(sound, others)
        if subject.options.get(found.method, {}).get("zeros"):
            said = "an input of zeros"
        explanation.name = Path(clip.name).name
        error = float(found.completeness_error.max())
        if error >= ROUGH:
            more = (
                ", or allow more steps: integrated_gradients.max_steps=NUMBER"
                if found.method == "integrated_gradients"
                else ""
            )
            log.warning(
                "%s: completeness error %.0f %%: take the map as a rough picture%s",
                system.config.name,
                100 * error,
                more,
            )
        return Explained(explanation, found.method, said, error)

    def _sound(self, system: System, name: str, samples: np.ndarray) -> Sound:
        return Sound(name, samples, system.audio_input(Clip(name, samples, NO_SPEAKER, lambda _: ""))[0])

    def _background(self, system: System, clip: Clip, said: Said) -> tuple[list[Sound], str]:
        """Other utterances of the class that the system decides for, the files that were named, or silence;
        and what they are, in words.
        """
        decided = BONAFIDE if (said.score or 0) > 0 else SPOOF
        files = [name for name in self.files if Path(name).resolve() != Path(clip.name).resolve()]
        what = f"{len(files)} files"
        if not self.files and self.recipe is not None:
            split = self.recipe.splits.dev or self.recipe.splits.test[0]
            data = DataDir.read(self.recipe.data_dir(split), require=("wav.scp", "utt2label"))
            utts = [utt for utt, label in data["utt2label"].items() if label == decided]
            chosen = np.random.default_rng(0).permutation(len(utts))[:BACKGROUND_SIZE]
            files = [data["wav.scp"][utts[i]] for i in sorted(chosen)]
            what = f"{len(files)} {figures.NAMES[decided]} utterances of {split}"
        if not files:
            log.warning(
                "there is no background: the clip is compared with silence; name other clips with "
                "--background"
            )
            return [self._sound(system, "silence", np.zeros_like(clip.samples))], "silence"
        return [self._sound(system, name, read_audio(name, SAMPLE_RATE)) for name in files], what

    def _quotes(self) -> dict[str, list[str]]:
        return read_quotes(self.recipe.text_dir(self.recipe.text.name, "train"))

    def _weigh(self, page: ClipPage, clip: Clip) -> None:
        split = self.recipe.splits.dev or self.recipe.splits.test[0]
        data = DataDir.read(self.recipe.data_dir(split))
        said = {name: branch.ask(clip) for name, branch in self.system.branches.items()}
        labels = {name: branch.experiment.labels for name, branch in self.system.branches.items()}
        one = join_branches(
            said["audio"].outputs, labels["audio"], said["text"].outputs, labels["text"], clip.speakers
        )
        folders = [
            self.recipe.seed_dir(self.system.config.branches[name], self.detector.seed)
            for name in ("audio", "text")
        ]
        others = read_branches(*folders, split, data.speakers).some(NUM_OTHERS)
        page.weighed = {self.system.config.name: contributions(self.system.experiment, one, others)}
        page.others = f"{len(others.utts)} utterances of {split}"


def audio_systems(system: System) -> Iterator[System]:
    """The audio systems here and below that tell bona fide from spoof."""
    return (found for found in find(system, "audio") if set(CLASSES) <= set(found.experiment.labels))


def find(system: System, task: str) -> Iterator[System]:
    """The systems of a task here and below."""
    if system.config.task == task:
        yield system
    for branch in system.branches.values():
        yield from find(branch, task)


def joined(pages: Sequence[ClipPage]) -> ClipPage:
    """One page of what several systems say of the same file; the words are those of the first that weighs
    any.

    Systems of the same name, as two training runs of one are, get the number of their page behind it.
    """
    num_pages = Counter(
        name
        for page in pages
        for name in {*(one.explanation.system for one in page.explained), *page.weighed}
    )
    for number, page in enumerate(pages, start=1):
        for one in page.explained:
            one.explanation.system = _numbered(one.explanation.system, number, num_pages)
        page.weighed = {_numbered(name, number, num_pages): found for name, found in page.weighed.items()}
    first, *others = pages
    for number, page in enumerate(others, start=2):
        first.facts |= {f"{term} {number}": text for term, text in page.facts.items()}
        first.explained = [*first.explained, *page.explained]
        first.weighed |= page.weighed
        first.words, first.others = first.words or page.words, first.others or page.others
    return first


def _numbered(name: str, number: int, num_pages: Mapping[str, int]) -> str:
    return f"{name}_{number}" if num_pages[name] > 1 else name


def numbers(file: str, page: ClipPage) -> dict:
    """What can be read off a page by a program; None where there is no number, as of shares without any
    support.
    """
    return {"file": file, "facts": page.facts, "audio": [_numbers(one) for one in page.explained]}


def _numbers(found: Explained) -> dict:
    one, names = found.explanation, shares.band_names()
    measured = {
        name: shares.measure(values, one.speech, one.frequencies) for name, values in one.maps.items()
    }
    return {
        "system": one.system,
        "method": found.method,
        "background": found.background,
        "seconds": one.seconds,
        "completeness_error": _finite(found.completeness_error),
        "time_in_speech": float(one.speech.mean()),
        "support_in_speech": {name: _finite(entry["speech_share"]) for name, entry in measured.items()},
        "support_in_bands": {
            name: dict(zip(names, map(_finite, entry["bands"]), strict=True))
            for name, entry in measured.items()
            if entry["bands"]
        },
    }


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None


def write_figures(explanations: list, stem: Path) -> list[Path]:
    """The four figures as PDF, SVG and PNG: map, support over time and over frequency of each system, and the
    systems compared.
    """
    paths = []
    for one in explanations:
        own = stem / f"{Path(one.name).stem}_{one.system}"
        for kind, draw in (
            ("map", figures.map_figure),
            ("time", figures.time_figure),
            ("frequency", figures.frequency_figure),
        ):
            paths += figures.save(draw(one), own.with_name(f"{own.name}_{kind}"))
    if len(explanations) > 1:
        paths += figures.save(
            figures.comparison_figure(explanations), stem / f"{Path(explanations[0].name).stem}_compared"
        )
    return paths
