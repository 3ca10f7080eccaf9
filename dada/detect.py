"""`dada detect`: score audio files of any format and rate that libsndfile reads, with a trained experiment or
with published weights.
"""

import math
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from dada import models
from dada.data import NO_SPEAKER, SAMPLE_RATE, read_audio
from dada.data.datadir import class_table
from dada.errors import ConfigError, DataError, UserError
from dada.experiment.folder import ExperimentFolder
from dada.experiment.trained import Experiment
from dada.models.inference import Outputs
from dada.recipe.config import load_recipe_config, load_system_config
from dada.score.clip import Clip, System
from dada.score.outputs import decisions

if TYPE_CHECKING:
    from dada.asr.base import Transcriber

NO_WORDS = "the speaker is not known, or none was named"


@dataclass
class Verdict:
    """The outputs of a system on one file. Scores are natural-log odds or logit differences: higher is more
    bona fide.
    """

    file: str
    system: str
    seed: int | None  # of the training run; None with `weights`
    weights: str | None  # the file that was named instead of an experiment
    seconds: float  # of the file
    window: str  # how the file was cut or extended for the audio models
    score: float | None  # None of a system that has no class of bona fide speech
    probability_bonafide: (
        float | None
    )  # calibrated on dev, for equal priors; None where no calibration was fitted
    labels: list[str]  # the classes, in the order of the logits
    logits: dict[
        str, float
        # by class; of a system with one logit, that of the second class; of an open-set system log-
        # probabilities
    ]
    # the class decided for; None of a countermeasure, whose threshold is the user's
    decision: str | None = None
    # their probabilities, where there are others than spoof and bonafide
    classes: dict[str, float] = field(default_factory=dict)
    speaker: str | None = None  # purported
    transcript: str | None = None
    # the scores of the systems that it stands on, by themselves
    branches: dict[str, float | None] = field(default_factory=dict)


class Detector:
    """One training run of a system, or published weights, loaded once for many files."""

    def __init__(
        self, system: System, seed: int | None, weights: str | None = None, calibration: dict | None = None
    ):
        self.system, self.seed, self.weights, self.calibration = system, seed, weights, calibration
        # Threads beyond those of training cost time: they wait for each other where other programs run.
        torch.set_num_threads(system.config.threads)

    @classmethod
    def of_experiment(cls, model: Path, seed: int | None = None) -> "Detector":
        """From exp/<system> or exp/<system>/seed_<k>."""
        folder = seed_folder(Path(model), seed)
        fitted = ExperimentFolder(folder).read_calibration()
        return cls(
            System.load(folder, recipe_root(folder)), int(folder.name.partition("_")[2]), calibration=fitted
        )

    @classmethod
    def of_weights(cls, name: str, weights: Path) -> "Detector":
        """From a configuration of dada/conf and a file of weights, the authors' own or ours."""
        config = load_system_config(name)
        if config.task != "audio":
            raise ConfigError(
                f"{name} is no audio system, and a file of weights alone does not make it: give --model, "
                "its experiment"
            )
        if not config.labels:
            raise ConfigError(
                f"{name} has the classes of its training data, which a file of weights does not name: "
                "give --model"
            )
        model = models.build(config.task, config.model, len(config.labels))
        models.load_weights(model, config.task, config.model["name"], weights)
        return cls(System(Experiment(config, config.labels, model.eval()), None), None, str(weights))

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
            seed=self.seed,
            weights=self.weights,
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
        if self.calibration is None or score is None:
            return None
        llr = self.calibration["slope"] * score + self.calibration["offset"]
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


def seed_folder(model: Path, seed: int | None) -> Path:
    """Return exp/<system>/seed_<k> of an experiment folder: `model` itself, that of `seed`, or the first.

    Raise DataError where there is none.
    """
    if not model.is_dir():
        raise DataError(
            f"{model} does not exist: name the folder of a trained system, e.g. egs/mini/exp/lfcc_lcnn"
        )
    folders = [model] if model.name.startswith("seed_") else model.glob("seed_*")
    seeds = [path for path in folders if path.is_dir() and path.name.removeprefix("seed_").isdecimal()]
    seeds.sort(key=lambda path: int(path.name.removeprefix("seed_")))
    chosen = [path for path in seeds if seed is None or path.name == f"seed_{seed}"]
    if not chosen:
        wanted = "trained seed" if seed is None else f"seed_{seed}"
        raise DataError(f"{model} has no {wanted}; there: {', '.join(p.name for p in seeds) or 'none'}")
    return chosen[0]


def recipe_root(folder: Path) -> Path:
    """The recipe that an experiment belongs to: its recipe.yaml says how to transcribe, and pretrained models
    lie below it.
    """
    for parent in folder.resolve().parents:
        if (parent / "recipe.yaml").is_file():
            return parent
    raise ConfigError(
        f"{folder} does not lie in the folder of a recipe (no recipe.yaml above it): keep exp/ where the "
        "recipe made it"
    )


def detector_of(model: Path | None, seed: int | None, system: str | None, init: Path | None) -> Detector:
    """Return the detector that the flags name. Raise UserError for flags that do not go together."""
    if model is not None and system is None and init is None:
        return Detector.of_experiment(model, seed)
    if model is None and seed is None and system is not None and init is not None:
        return Detector.of_weights(system, init)
    raise UserError(
        "say what to score with: --model exp/<system> (and --seed) for a trained experiment, or --system "
        "NAME --init FILE for weights"
    )


def readable(verdict: Verdict) -> str:
    """Return a verdict as text."""
    run_of = f"seed {verdict.seed}" if verdict.weights is None else verdict.weights
    lines = [
        f"{verdict.file}: {verdict.seconds:.1f} s, {verdict.system} ({run_of}), audio window: "
        f"{verdict.window}"
    ]
    if verdict.score is None:
        lines.append("  no score: none of its classes is bona fide speech")
    else:
        p = verdict.probability_bonafide
        chance = "not calibrated" if p is None else f"{100 * p:.1f} % bona fide at equal priors"
        lines.append(f"  score {verdict.score:+.3f} (higher is more bona fide), {chance}")
    if verdict.decision is not None and verdict.transcript is None:
        ranked = sorted(verdict.classes.items(), key=lambda item: -item[1])
        lines.append(
            f"  class {verdict.decision}: "
            + ", ".join(f"{label} {100 * share:.1f} %" for label, share in ranked)
        )
    elif not verdict.branches:
        lines.append(
            "  logits: " + ", ".join(f"{label} {value:+.4f}" for label, value in verdict.logits.items())
        )
    for branch, value in verdict.branches.items():
        unknown = NO_WORDS if branch == "text" else "-"
        lines.append(f"  {branch}: {unknown if value is None else f'{value:+.3f}'}")
    if verdict.transcript is not None:
        lines.append(
            f"  heard: {verdict.transcript!r}"
            + (f", said to be {verdict.speaker}" if verdict.speaker else "")
        )
    return "\n".join(lines)
