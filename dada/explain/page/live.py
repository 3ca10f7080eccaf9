"""A page's source: a system in memory that is given a clip."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from dada.data import BONAFIDE, NO_SPEAKER, SAMPLE_RATE, SPOOF, DataDir, read_audio
from dada.errors import ConfigError
from dada.explain.attribution import BACKGROUND_SIZE, ROUGH
from dada.explain.config import AUTO
from dada.explain.explainer import CLASSES, AudioExplainer, Sound
from dada.explain.explanation import Explanation
from dada.explain.figures import NAMES
from dada.explain.page.content import FusionCase, Timeline
from dada.explain.words import NUM_BACKGROUND, read_quotes
from dada.recipe_view import RecipeView
from dada.score.clip import Clip, System
from dada.score.fuse import join_branches, read_branches

log = logging.getLogger(__name__)


@dataclass
class LiveSource:
    """A loaded system and one clip.

    `recipe` is that of the system, under the protocol that it was trained with; None with published weights.
    `files` are audio files to compare with; without any, it is the dev split of the recipe. `options` are the
    settings of methods by name, as in `explain.options`. `answers` and `timelines` are those of the page.
    Raise ConfigError for a system that has neither an
    audio system with the classes bona fide and spoof nor a text system.
    """

    system: System
    clip: Clip
    facts: dict[str, str]
    recipe: RecipeView | None = None
    seed: int | None = None  # of the training run; None with published weights
    files: Sequence[str] = ()
    method: str = AUTO
    options: Mapping[str, Mapping[str, object]] | None = None
    scores: dict[str, float] = field(default_factory=dict)
    answers: list[str] = field(default_factory=list)
    timelines: list[Timeline] = field(default_factory=list)
    recording: np.ndarray | None = None  # (T,) that the clip was cut from; None where it is the whole
    start: float = 0.0  # s of the recording where the clip begins

    def __post_init__(self) -> None:
        if not any(_audio_systems(self.system)) and not self.system.uses_words():
            raise ConfigError(
                f"{self.system.config.name} cannot be explained: it has no audio system with the classes "
                "bona fide and spoof, and no text system"
            )

    @property
    def title(self) -> str:
        """The name of the file."""
        return Path(self.clip.name).name

    @property
    def speaker(self) -> str:
        """The purported speaker of the clip."""
        return self.clip.speaker

    @property
    def background_split(self) -> str:
        """The dev split of the recipe, or its first test split."""
        return self._recipe.splits.dev or self._recipe.splits.test[0]

    def samples(self) -> np.ndarray:
        """Return the waveform of the recording."""
        return self.clip.samples if self.recording is None else self.recording

    def explanations(self) -> Iterator[Explanation]:
        """Explain every audio system in turn."""
        for system in _audio_systems(self.system):
            explainer = AudioExplainer(system.experiment, self.method, self.options)
            sound = _sound(system, self.clip.name, self.clip.samples)
            sound = replace(sound, name=self.title, start=self.start)
            explanation = explainer.explanation(sound, *self._background(system))
            _warn_if_rough(explanation)
            yield explanation

    def transcript(self) -> str:
        """Return the words of the clip if the system uses any."""
        return self.clip.transcript if self.system.uses_words() else ""

    def text_system(self) -> System | None:
        """Return the first text system."""
        return next(_systems_of_task(self.system, "text"), None)

    def quotes(self) -> dict[str, list[str]]:
        """Return the training texts of each author; none without the recipe that has them."""
        return self._quotes

    def fusions(self) -> Iterator[FusionCase]:
        """Yield the system if it is a fusion. What its branches give on dev is known to its recipe alone."""
        if self.system.config.task != "fusion":
            return
        if self.recipe is None:
            log.warning(
                "%s: the shares of its branches are not shown: they need its experiment folder, whose recipe "
                "has their outputs on dev",
                self.system.config.name,
            )
            return
        branches, names = self.system.branches, ("audio", "text")
        outputs = {name: branches[name].run(self.clip).outputs for name in names}
        labels = {name: branches[name].experiment.labels for name in names}
        clip = join_branches(
            outputs["audio"], labels["audio"], outputs["text"], labels["text"], self.clip.speakers
        )
        own = self.system.config.branches
        audio, text = (self._recipe.seed_dir(own[name], self.seed or 0) for name in names)
        data = DataDir.read(self._recipe.data_dir(self.background_split))
        background = read_branches(audio, text, self.background_split, data.speakers).some(NUM_BACKGROUND)
        yield FusionCase(self.system.experiment, clip, background)

    @property
    def _recipe(self) -> RecipeView:
        if self.recipe is None:
            raise ConfigError(f"{self.system.config.name} belongs to no recipe: give its experiment folder")
        return self.recipe

    @cached_property
    def _quotes(self) -> dict[str, list[str]]:
        if self.recipe is None:
            return {}
        return read_quotes(self._recipe.text_dir(self._recipe.text.name, "train"))

    def _background(self, system: System) -> tuple[list[Sound], str]:
        """Return what the clip is compared with, and its description.

        It is the named files, else utterances of the class that the system decides for, else silence.
        """
        own = Path(self.clip.name).resolve()
        files = [name for name in self.files if Path(name).resolve() != own]
        description = f"{len(files)} files"
        if not self.files and self.recipe is not None:
            label = BONAFIDE if (system.run(self.clip).score or 0) > 0 else SPOOF
            files = self._utterances_of(label)
            description = f"{len(files)} {NAMES[label]} utterances of {self.background_split}"
        if not files:
            log.warning(
                "no background: the clip is compared with silence; name other clips with --background"
            )
            return [_sound(system, "silence", np.zeros_like(self.clip.samples))], "silence"
        return [_sound(system, name, read_audio(name, SAMPLE_RATE)) for name in files], description

    def _utterances_of(self, label: str) -> list[str]:
        """Draw audio files of a class from the background split."""
        data = DataDir.read(self._recipe.data_dir(self.background_split), require=("wav.scp", "utt2label"))
        utts = [utt for utt, name in data["utt2label"].items() if name == label]
        drawn = np.random.default_rng(0).permutation(len(utts))[:BACKGROUND_SIZE]
        return [data["wav.scp"][utts[i]] for i in sorted(drawn)]


def _sound(system: System, name: str, samples: np.ndarray) -> Sound:
    return Sound(name, samples, system.audio_input(Clip(name, samples, NO_SPEAKER, lambda _: ""))[0])


def _warn_if_rough(explanation: Explanation) -> None:
    if explanation.completeness_error >= ROUGH:
        advice = (
            ", or allow more steps: integrated_gradients.max_steps=NUMBER"
            if explanation.method == "integrated_gradients"
            else ""
        )
        log.warning(
            "%s: completeness error %.0f %%: take the map as a rough picture%s",
            explanation.system,
            100 * explanation.completeness_error,
            advice,
        )


def _audio_systems(system: System) -> Iterator[System]:
    """Yield the audio systems that tell bona fide from spoof: this one and its branches."""
    systems = _systems_of_task(system, "audio")
    return (audio for audio in systems if set(CLASSES) <= set(audio.experiment.labels))


def _systems_of_task(system: System, task: str) -> Iterator[System]:
    """Yield the systems of a task: this one and its branches, recursively."""
    if system.config.task == task:
        yield system
    for branch in system.branches.values():
        yield from _systems_of_task(branch, task)
