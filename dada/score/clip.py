"""Asking a trained system, with all that it stands on, about one clip."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from dada.data import NO_SPEAKER, SAMPLE_RATE, fit_length
from dada.data.dataset import Dataset
from dada.errors import ConfigError, DataError
from dada.experiment.trained import Experiment, load_experiment
from dada.models.inference import Outputs, run_model
from dada.score.outputs import combine, scores_of
from dada.score.scores import window_policy

if TYPE_CHECKING:
    from dada.text.encoder import TextEncoder

# Seconds of the longest clip that is taken in whole: what a network keeps of it grows with its length.
WHOLE_SECONDS = 600


@dataclass
class Clip:
    """A waveform (T,) at 16 kHz, who is said to speak in it, and the words, which are transcribed when they
    are first asked for.
    """

    name: str
    samples: np.ndarray
    speaker: str
    transcribe: Callable[[np.ndarray], str]

    @cached_property
    def transcript(self) -> str:
        """What was heard."""
        return self.transcribe(self.samples)

    @property
    def speakers(self) -> dict[str, str]:
        """As a table of one utterance."""
        return {self.name: self.speaker}


@dataclass
class Said:
    """What a system says of a clip: outputs of one row; the score, None without a class of bona fide speech;
    the same of its branches.
    """

    outputs: Outputs
    score: float | None
    branches: dict[str, "Said"] = field(default_factory=dict)

    def scores_below(self, prefix: str = "") -> Iterator[tuple[str, float | None]]:
        """(name, score) of the branches, those of a branch as `classifier/lcnn`."""
        for name, said in self.branches.items():
            yield prefix + name, said.score
            yield from said.scores_below(f"{prefix}{name}/")


class System:
    """One experiment and the systems that it stands on, in memory. `root` is the recipe's folder, for
    pretrained models below it.
    """

    def __init__(
        self, experiment: Experiment, root: Path | None, branches: dict[str, "System"] | None = None
    ):
        self.experiment, self.root, self.branches = experiment, root, branches or {}
        self.config = experiment.config
        if self.config.branches and not self.branches:
            raise ConfigError(
                f"{self.config.name} stands on {', '.join(self.config.branches.values())}: name its "
                "experiment with --model"
            )

    @classmethod
    def load(cls, folder: Path, root: Path) -> "System":
        """The experiment in exp/<system>/seed_<k>, and its branches of the same seed."""
        experiment = load_experiment(folder)
        below = {
            name: folder.parent.parent / system / folder.name
            for name, system in experiment.config.branches.items()
        }
        return cls(experiment, root, {name: cls.load(path, root) for name, path in below.items()})

    def windows(self) -> Iterator[tuple[str, str]]:
        """(system, what of a clip it looks at) of every audio system here or below."""
        if self.config.task == "audio":
            yield self.config.name, window_policy(self.config.input)
        for branch in self.branches.values():
            yield from branch.windows()

    def hears_words(self) -> bool:
        """Whether the words matter, here or below."""
        return self.config.task == "text" or any(branch.hears_words() for branch in self.branches.values())

    def ask(self, clip: Clip) -> Said:
        """What the system says. Raises DataError where the clip is too short, or a purported speaker is
        needed and not known.
        """
        below = {name: branch.ask(clip) for name, branch in self.branches.items()}
        if below:
            labels = {name: branch.experiment.labels for name, branch in self.branches.items()}
            outputs = combine(
                self.experiment, {name: said.outputs for name, said in below.items()}, labels, clip.speakers
            )
        else:
            array, size = (
                (self.text_inputs([clip.transcript])[0], None)
                if self.config.task == "text"
                else self.audio_input(clip)
            )
            dataset = Dataset({clip.name: array}, [clip.name], size=size, rule=self.config.input.length_rule)
            outputs = run_model(self.experiment.model, dataset, 1)
        scores = scores_of(self.experiment, outputs, clip.speakers)
        if scores is None or (self.config.task == "text" and np.isnan(scores[0])):
            return Said(outputs, None, below)
        if not np.isfinite(scores[0]):
            raise DataError(
                f"{clip.name}: the score of {self.config.name} is {scores[0]}, no finite number: look at "
                "its weights"
            )
        return Said(outputs, float(scores[0]), below)

    def require_speaker(self, speaker: str) -> None:
        """Raise DataError where the speaker is none of a text system's authors."""
        authors = self.experiment.labels
        if speaker not in authors:
            problem = (
                "needs the purported speaker" if speaker == NO_SPEAKER else f"knows no texts of {speaker}"
            )
            raise DataError(f"{self.config.name} {problem}: give --speaker, one of {', '.join(authors)}")

    def audio_input(self, clip: Clip) -> tuple[np.ndarray, int | None]:
        """What the dataset holds of the clip, (T,) or (N, F), and the length that it is brought to.

        The memory is bounded whatever the clip's length: nothing behind the end of the window is computed,
        and where the window is the whole clip, DataError is raised for one of more than ten minutes.
        """
        config, samples, longest = self.config.input, clip.samples, WHOLE_SECONDS * SAMPLE_RATE
        cuts = config.num_samples if config.kind == "waveform" else config.num_samples or config.num_frames
        if (config.length_rule == "full" or not cuts) and len(samples) > longest:
            raise DataError(
                f"{clip.name}: {len(samples) / SAMPLE_RATE:.0f} s, and {self.config.name} takes clips "
                "whole (input.length_rule), up to "
                f"{WHOLE_SECONDS} s: cut the file"
            )
        if config.kind == "waveform":
            return samples, config.num_samples
        cut = fit_length(torch.from_numpy(samples[:longest]), config.num_samples, config.length_rule)
        with torch.inference_mode():
            return self._feature(cut[None])[0].T.numpy(), config.num_frames

    def ask_texts(self, texts: Sequence[str], batch_size: int = 64) -> Outputs:
        """What a text system says of N texts."""
        names = [f"{i:06d}" for i in range(len(texts))]
        arrays = self.text_inputs(texts)
        lengths = [len(array) for array in arrays]
        return run_model(
            self.experiment.model,
            Dataset(dict(zip(names, arrays, strict=True)), names, lengths=lengths),
            batch_size,
        )

    def text_inputs(self, texts: Sequence[str]) -> list[np.ndarray]:
        """What a text system's dataset holds of texts: vectors (D,) of its frozen encoder, or token ids (L,)."""
        if self.config.input.kind == "text_features":
            return list(self._text_encoder.encode(texts))
        from dada.text.dataset import token_ids

        return token_ids(texts, self.config.model)

    @cached_property
    def _feature(self) -> torch.nn.Module:
        from dada import features

        return features.build(self.config.input.features, self.root)

    @cached_property
    def _text_encoder(self) -> "TextEncoder":
        from dada.text import encoder

        return encoder.build(self.config.input.features, self.root)
