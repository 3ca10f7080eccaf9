"""A loaded system that scores audio files one after the other."""

import math
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch

from dada.data import NO_SPEAKER, SAMPLE_RATE, read_audio
from dada.data.datadir import class_table
from dada.detect.origin import Origin
from dada.detect.verdict import Verdict
from dada.errors import ConfigError
from dada.experiment.trained import Experiment
from dada.models.inference import Outputs
from dada.recipe.config import load_recipe_config
from dada.score.clip import Clip, System
from dada.score.outputs import decisions

if TYPE_CHECKING:
    from dada.asr.base import Transcriber


class Detector:
    """One training run of a system, or published weights, loaded once for many files."""

    def __init__(self, system: System, origin: Origin):
        self.system, self.origin = system, origin
        # Threads beyond those of training cost time: they wait for each other where other programs run.
        torch.set_num_threads(system.config.threads)

    def __call__(self, path: str, speaker: str | None = None) -> Verdict:
        """Score a file. Raises DataError for a file that cannot be used, or where a purported speaker is
        needed and missing.
        """
        experiment = self.system.experiment
        samples = read_audio(path, SAMPLE_RATE)
        clip = Clip(path, samples, speaker or NO_SPEAKER, self._transcribe)
        if experiment.config.task == "text":
            self.system.require_speaker(clip.speaker)
        outputs = self.system.run(clip)
        classes = class_probabilities(experiment, outputs.outputs)
        return Verdict(
            file=path,
            system=experiment.config.name,
            seed=self.origin.seed,
            weights=self.origin.weights,
            seconds=round(len(samples) / SAMPLE_RATE, 3),
            window=self._window(),
            score=outputs.score,
            probability_bonafide=self._probability(outputs.score),
            labels=list(experiment.labels),
            logits=by_class(experiment.labels, outputs.outputs.logits[0]),
            decision=decisions(experiment, outputs.outputs)[0] if classes else None,
            classes=classes,
            speaker=speaker,
            transcript=clip.transcript if self.system.uses_words() else None,
            branches=dict(outputs.branch_scores()),
        )

    def _window(self) -> str:
        windows = dict(self.system.windows())
        if len(set(windows.values())) < 2:
            return next(iter(windows.values()), "full")
        return "; ".join(f"{name}: {window}" for name, window in windows.items())

    def _probability(self, score: float | None) -> float | None:
        if self.origin.calibration is None or score is None:
            return None
        llr = self.origin.calibration["slope"] * score + self.origin.calibration["offset"]
        return 1 / (1 + math.exp(-llr)) if llr > -700 else 0.0

    @cached_property
    def _transcriber(self) -> "Transcriber":
        from dada import asr

        root = self.system.root
        if root is None:
            raise ConfigError("a recipe says how to transcribe: give --model, an experiment of one")
        return asr.build(load_recipe_config(root).transcribe, root)

    def _transcribe(self, samples: np.ndarray) -> str:
        return " ".join(self._transcriber.transcribe([samples])[0].text.split())


def by_class(labels: list[str], values: torch.Tensor) -> dict[str, float]:
    """Logits by the name of their class; a single one is the second's."""
    return dict(zip(labels if len(values) > 1 else labels[-1:], values.tolist(), strict=True))


def class_probabilities(experiment: Experiment, outputs: Outputs) -> dict[str, float]:
    """Probabilities of attacks or authors, of an open-set system with `unknown`; empty for a
    countermeasure.
    """
    if class_table(experiment.labels) == "utt2label":
        return {}
    return by_class(experiment.labels, outputs.logits[0].double().softmax(0))
