"""Outputs of a trained system, with its branches, on one clip or on the windows of one recording. N rows."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from dada import devices
from dada.data import NO_SPEAKER, SAMPLE_RATE, fit_length
from dada.data.dataset import Dataset
from dada.errors import ConfigError, DataError
from dada.experiment.trained import Experiment, load_experiment
from dada.models.inference import Outputs, run_model
from dada.score.fuse import fusion_module
from dada.score.outputs import combine, scores_of
from dada.score.scores import window_policy

if TYPE_CHECKING:
    from dada.text.encoder import TextEncoder

# Seconds of the longest clip that is processed whole: the memory of a network grows with the length.
WHOLE_SECONDS = 600


@dataclass
class Clip:
    """A waveform (T,) at 16 kHz with its purported speaker. The first use of `transcript` transcribes it."""

    name: str
    samples: np.ndarray
    speaker: str
    transcribe: Callable[[np.ndarray], str]

    @cached_property
    def transcript(self) -> str:
        """The words."""
        return self.transcribe(self.samples)

    @property
    def speakers(self) -> dict[str, str]:
        """The purported speaker as a table of one utterance."""
        return {self.name: self.speaker}


@dataclass
class ClipOutputs:
    """Outputs of a system on a clip, of one row, or on N windows of a recording; and those of its branches.

    `scores` (N,) is None for a system without the class bona fide, and for a speaker that a text system does
    not know.
    """

    outputs: Outputs
    scores: np.ndarray | None
    branches: dict[str, "ClipOutputs"] = field(default_factory=dict)

    @property
    def score(self) -> float | None:
        """The score of the clip; of several windows their mean."""
        return None if self.scores is None else float(self.scores.mean())

    def branch_scores(self, prefix: str = "") -> Iterator[tuple[str, float | None]]:
        """Yield (name, mean score) of every branch; a branch of a branch is named `classifier/lcnn`."""
        for name, branch in self.branches.items():
            yield prefix + name, branch.score
            yield from branch.branch_scores(f"{prefix}{name}/")


class System:
    """One experiment with its branches, in memory. Pretrained models may lie below `root`, the recipe's
    folder.
    """

    def __init__(
        self, experiment: Experiment, root: Path | None, branches: dict[str, "System"] | None = None
    ):
        self.experiment, self.root, self.branches = experiment, root, branches or {}
        self.config = experiment.config
        if not self.config.branches:  # a system on top of others reads their outputs, which lie on the CPU
            experiment.model.to(devices.device())
        if self.config.branches and not self.branches:
            raise ConfigError(
                f"{self.config.name} has the branches {', '.join(self.config.branches.values())}: name its "
                "experiment with --model"
            )

    @classmethod
    def load(cls, folder: Path, root: Path) -> "System":
        """Load the experiment in exp/<system>/seed_<k>, and its branches of the same seed."""
        experiment = load_experiment(folder)
        below = {
            name: folder.parent.parent / system / folder.name
            for name, system in experiment.config.branches.items()
        }
        return cls(experiment, root, {name: cls.load(path, root) for name, path in below.items()})

    def windows(self) -> Iterator[tuple[str, str]]:
        """Yield the name and the window of every audio system among this one and its branches."""
        if self.config.task == "audio":
            yield self.config.name, window_policy(self.config.input)
        for branch in self.branches.values():
            yield from branch.windows()

    def uses_words(self) -> bool:
        """Return whether this system or a branch is a text system."""
        return self.config.task == "text" or any(branch.uses_words() for branch in self.branches.values())

    def needs_speaker(self) -> bool:
        """Return whether the words mean nothing to this system without the purported speaker."""
        if self.config.task == "fusion":
            module, settings = fusion_module(self.config)
            return module.needs_speaker(settings)
        return self.config.task == "text" or any(branch.needs_speaker() for branch in self.branches.values())

    def authors(self) -> list[str]:
        """Return the speakers whose texts this system or a branch knows, in the order of the model."""
        if self.config.task == "text":
            return list(self.experiment.labels)
        known = (branch.authors() for branch in self.branches.values())
        return next((names for names in known if names), [])

    def run(self, clip: Clip) -> ClipOutputs:
        """Return the outputs on a clip.

        Raise DataError for a clip that is too short, and for an unknown purported speaker where one is
        needed.
        """
        return self.run_windows([clip])

    def run_windows(self, clips: Sequence[Clip], batch_size: int = 1) -> ClipOutputs:
        """Return the outputs on N windows of a recording, clips of different names, with the errors of `run`.

        A branch of texts reads each transcript once, however many windows have it.
        """
        branches = {name: branch.run_windows(clips, batch_size) for name, branch in self.branches.items()}
        speakers = {clip.name: clip.speaker for clip in clips}
        if branches:
            labels = {name: branch.experiment.labels for name, branch in self.branches.items()}
            outputs = combine(
                self.experiment, {name: branch.outputs for name, branch in branches.items()}, labels, speakers
            )
        elif self.config.task == "text":
            outputs = self._text_outputs(clips)
        else:
            inputs = _Inputs(self, clips)
            dataset = Dataset(inputs, list(inputs), size=inputs.size, rule=self.config.input.length_rule)
            outputs = run_model(self.experiment.model, dataset, batch_size)
        scores = scores_of(self.experiment, outputs, speakers)
        if scores is None or (self.config.task == "text" and np.isnan(scores).any()):
            return ClipOutputs(outputs, None, branches)
        if not np.isfinite(scores).all():
            row = int(np.flatnonzero(~np.isfinite(scores))[0])
            raise DataError(
                f"{clips[row].name}: the score of {self.config.name} is {scores[row]}, no finite number: "
                "look at its weights"
            )
        return ClipOutputs(outputs, scores, branches)

    def _text_outputs(self, clips: Sequence[Clip]) -> Outputs:
        """Return the outputs of a text system on the transcripts of clips."""
        texts = [clip.transcript for clip in clips]
        distinct = list(dict.fromkeys(texts))
        found = self.run_texts(distinct, 1)
        rows = [distinct.index(text) for text in texts]
        return Outputs([clip.name for clip in clips], found.logits[rows], found.embeddings[rows])

    def require_speaker(self, speaker: str) -> None:
        """Raise DataError for a speaker that is no author of a text system."""
        authors = self.experiment.labels
        if speaker not in authors:
            problem = (
                "needs the purported speaker" if speaker == NO_SPEAKER else f"knows no texts of {speaker}"
            )
            raise DataError(f"{self.config.name} {problem}: give --speaker, one of {', '.join(authors)}")

    def audio_input(self, clip: Clip) -> tuple[np.ndarray, int | None]:
        """Return the input of a dataset, (T,) or (N, F), and the length that the dataset brings it to.

        The memory is bounded: nothing behind the end of the window is computed. Raise DataError for a clip of
        more than ten minutes where the window is the whole clip.
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
            return samples, self.input_size
        cut = fit_length(torch.from_numpy(samples[:longest]), config.num_samples, config.length_rule)
        with torch.inference_mode():
            return self._feature(cut[None].to(devices.device()))[0].T.cpu().numpy(), self.input_size

    @property
    def input_size(self) -> int | None:
        """Samples or frames that a dataset brings every input to; None leaves them as they are."""
        config = self.config.input
        return config.num_samples if config.kind == "waveform" else config.num_frames

    def run_texts(self, texts: Sequence[str], batch_size: int = 64) -> Outputs:
        """Return the outputs of a text system on N texts."""
        names = [f"{i:06d}" for i in range(len(texts))]
        arrays = self.text_inputs(texts)
        lengths = [len(array) for array in arrays]
        return run_model(
            self.experiment.model,
            Dataset(dict(zip(names, arrays, strict=True)), names, lengths=lengths),
            batch_size,
        )

    def text_inputs(self, texts: Sequence[str]) -> list[np.ndarray]:
        """Return vectors (D,) of the frozen encoder of a text system, or token ids (L,)."""
        if self.config.input.kind == "text_features":
            return list(self._text_encoder.encode(texts))
        from dada.text.dataset import token_ids

        return token_ids(texts, self.config.model)

    @cached_property
    def _feature(self) -> torch.nn.Module:
        from dada import features

        return features.build(self.config.input.features, self.root).to(devices.device())

    @cached_property
    def _text_encoder(self) -> "TextEncoder":
        from dada.text import encoder

        return encoder.build(self.config.input.features, self.root, str(devices.device()))


class _Inputs(Mapping):
    """Clip name -> input of an audio system, computed when a batch asks for it."""

    def __init__(self, system: System, clips: Sequence[Clip]):
        self.system, self.clips = system, {clip.name: clip for clip in clips}
        self.size = system.input_size

    def __getitem__(self, name: str) -> np.ndarray:
        return self.system.audio_input(self.clips[name])[0]

    def __iter__(self) -> Iterator[str]:
        return iter(self.clips)

    def __len__(self) -> int:
        return len(self.clips)
