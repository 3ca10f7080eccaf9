"""`dada detect`: score audio files of any format and rate that libsndfile reads with a trained experiment."""

import argparse
import json
import logging
import math
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import torch

from dada.data import NO_SPEAKER, SAMPLE_RATE, fit_length, read_audio
from dada.data.dataset import Dataset
from dada.errors import ConfigError, DataError
from dada.models.inference import Outputs, run_model, scores_from_logits
from dada.program import LEVELS, run, set_up_logging
from dada.score.experiment import Experiment, load_experiment
from dada.score.fuse import claim_scores, join_branches, score_fusion
from dada.score.scores import window_policy

EXAMPLE = """examples:
  dada detect --model egs/mini/exp/lfcc_lcnn clip.flac other.wav
  dada detect --model egs/mini/exp/dada_late_calibrated clip.flac --speaker BOB --json"""

log = logging.getLogger(__name__)


@dataclass
class Verdict:
    """What a system says of one file. Scores are natural-log odds or logit differences: higher is more bona fide."""

    file: str
    system: str
    seed: int
    seconds: float  # of the file
    window: str  # how the file was cut or extended for the audio model
    score: float
    probability_bonafide: float | None  # calibrated on dev, for equal priors; None where no calibration was fitted
    speaker: str | None = None  # purported
    transcript: str | None = None
    branches: dict[str, float | None] = field(default_factory=dict)  # what each branch of a fusion says by itself


class Detector:
    """One training run of a system, loaded once for many files."""

    def __init__(self, model: Path, seed: int | None = None):
        self.folder = seed_folder(Path(model), seed)
        self.root = recipe_root(self.folder)
        self.experiment = load_experiment(self.folder)
        self.config = self.experiment.config
        if self.config.task not in ("audio", "text", "fusion"):
            members = ", ".join(self.config.branches.values())
            raise ConfigError(
                f"{self.config.name} stands on {members}, which single files cannot be asked of at once: ask one of them, or score a data "
                "directory (stage score)"
            )
        calibration = self.folder / "calibration.json"
        self.calibration = json.loads(calibration.read_text(encoding="utf-8")) if calibration.exists() else None

    def __call__(self, path: str, speaker: str | None = None) -> Verdict:
        """Score a file. Raises DataError for a file that cannot be used, or where a purported speaker is needed and missing."""
        samples = read_audio(path, SAMPLE_RATE)
        says = {"audio": self._audio, "text": self._text, "fusion": self._fusion}[self.config.task]
        score, details = says(path, samples, speaker or NO_SPEAKER)
        return Verdict(path, self.config.name, int(self.folder.name.partition("_")[2]), round(len(samples) / SAMPLE_RATE, 3),
                       window_policy(self._audio_part.config.input) if self._audio_part else "full", score, self._probability(score), speaker, **details)

    def _probability(self, score: float) -> float | None:
        if self.calibration is None:
            return None
        llr = self.calibration["slope"] * score + self.calibration["offset"]
        return 1 / (1 + math.exp(-llr)) if llr > -700 else 0.0

    @cached_property
    def _branches(self) -> dict[str, Experiment]:
        """The trained branches of a fusion, of the same seed."""
        exp = self.folder.parent.parent
        return {branch: load_experiment(exp / system / self.folder.name) for branch, system in self.config.branches.items()}

    @property
    def _audio_part(self) -> Experiment | None:
        if self.config.task == "fusion":
            return self._branches["audio"]
        return self.experiment if self.config.task == "audio" else None

    def _audio(self, utt: str, samples: np.ndarray, speaker: str) -> tuple[float, dict]:
        outputs = self._audio_outputs(self.experiment, utt, samples)
        return float(scores_from_logits(outputs.logits, self.experiment.labels)[0]), {}

    def _text(self, utt: str, samples: np.ndarray, speaker: str) -> tuple[float, dict]:
        self._require_speaker(speaker, self.experiment.labels)
        transcript = self._transcribe(samples)
        outputs = self._text_outputs(self.experiment, utt, transcript)
        return float(claim_scores(outputs, self.experiment.labels, {utt: speaker})[0]), {"transcript": transcript}

    def _fusion(self, utt: str, samples: np.ndarray, speaker: str) -> tuple[float, dict]:
        audio, text = self._branches["audio"], self._branches["text"]
        transcript = self._transcribe(samples)
        branches = join_branches(
            self._audio_outputs(audio, utt, samples), audio.labels, self._text_outputs(text, utt, transcript), text.labels, {utt: speaker}
        )
        fused = score_fusion(self.experiment.model, self.config, branches)
        said = {name: None if math.isnan(values[0]) else float(values[0]) for name, values in fused.contributions.items()}
        return float(fused.scores[0]), {"transcript": transcript, "branches": said}

    def _require_speaker(self, speaker: str, authors: list[str]) -> None:
        if speaker not in authors:
            problem = "needs the purported speaker" if speaker == NO_SPEAKER else f"knows no texts of {speaker}"
            raise DataError(f"{self.config.name} {problem}: give --speaker, one of {', '.join(authors)}")

    def _audio_outputs(self, experiment: Experiment, utt: str, samples: np.ndarray) -> Outputs:
        config = experiment.config.input
        x = torch.from_numpy(samples)
        if config.kind == "features":
            x = fit_length(x, config.num_samples, config.length_rule)
            with torch.inference_mode():
                array, size = self._feature(x[None])[0].T.numpy(), config.num_frames
        else:
            array, size = samples, config.num_samples
        return run_model(experiment.model, Dataset({utt: array}, [utt], size=size, rule=config.length_rule), 1)

    def _text_outputs(self, experiment: Experiment, utt: str, transcript: str) -> Outputs:
        return run_model(experiment.model, Dataset({utt: self._text_input(experiment, transcript)}, [utt]), 1)

    def _text_input(self, experiment: Experiment, transcript: str) -> np.ndarray:
        if experiment.config.input.kind == "text_features":
            return self._text_encoder.encode([transcript])[0]
        from dada.text.dataset import token_ids

        return token_ids([transcript], experiment.config.model)[0]

    @cached_property
    def _feature(self):
        from dada import features

        return features.build(self._audio_part.config.input.features, self.root)

    @cached_property
    def _text_encoder(self):
        from dada.text import encoder

        part = self._branches["text"] if self.config.task == "fusion" else self.experiment
        return encoder.build(part.config.input.features, self.root)

    @cached_property
    def _transcriber(self):
        from dada import asr
        from dada.recipe.config import load_recipe_config

        return asr.build(load_recipe_config(self.root).transcribe, self.root)

    def _transcribe(self, samples: np.ndarray) -> str:
        return " ".join(self._transcriber.transcribe([samples])[0].text.split())


def seed_folder(model: Path, seed: int | None) -> Path:
    """exp/<system>/seed_<k> of an experiment folder: the one that was named, that of `seed`, or the first. Raises DataError."""
    if not model.is_dir():
        raise DataError(f"{model} does not exist: name the folder of a trained system, e.g. egs/mini/exp/lfcc_lcnn")
    if model.name.startswith("seed_"):
        return model
    seeds = sorted((p for p in model.glob("seed_*") if p.is_dir()), key=lambda p: (len(p.name), p.name))
    chosen = [p for p in seeds if seed is None or p.name == f"seed_{seed}"]
    if not chosen:
        raise DataError(f"{model} has no {'trained seed' if seed is None else f'seed_{seed}'}; there: {', '.join(p.name for p in seeds) or 'none'}")
    return chosen[0]


def recipe_root(folder: Path) -> Path:
    """The recipe that an experiment belongs to: its recipe.yaml says how to transcribe, and pretrained models lie below it."""
    for parent in folder.resolve().parents:
        if (parent / "recipe.yaml").is_file():
            return parent
    raise ConfigError(f"{folder} does not lie in the folder of a recipe (no recipe.yaml above it): keep exp/ where the recipe made it")


def main(argv: list[str]) -> int:
    """Print one verdict a file, as lines to read or as JSON, one object a line."""
    parser = argparse.ArgumentParser("dada detect", description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", help="audio files")
    parser.add_argument("--model", type=Path, required=True, help="experiment: exp/<system>, or exp/<system>/seed_<k>")
    parser.add_argument("--speaker", help="who is said to speak, for systems that weigh the words")
    parser.add_argument("--seed", type=int, help="training run to use (default: the first)")
    parser.add_argument("--json", action="store_true", help="print JSON, one object a line")
    parser.add_argument("--log_level", default="warning", choices=LEVELS, help="(default: %(default)s)")
    args = parser.parse_args(argv)
    set_up_logging(args.log_level)

    def work() -> None:
        detector = Detector(args.model, args.seed)
        for path in args.files:
            verdict = detector(path, args.speaker)
            print(json.dumps(asdict(verdict)) if args.json else readable(verdict), flush=True)

    return run(work)


def readable(verdict: Verdict) -> str:
    """A verdict in words."""
    lines = [f"{verdict.file}: {verdict.seconds:.1f} s, {verdict.system} (seed {verdict.seed}), audio window: {verdict.window}"]
    chance = "not calibrated" if verdict.probability_bonafide is None else f"{100 * verdict.probability_bonafide:.1f} % bona fide at equal priors"
    lines.append(f"  score {verdict.score:+.3f} (higher is more bona fide), {chance}")
    for branch, value in verdict.branches.items():
        unknown = "the speaker is not known, or none was named" if branch == "text" else "-"
        lines.append(f"  {branch}: {unknown if value is None else f'{value:+.3f}'}")
    if verdict.transcript is not None:
        lines.append(f"  heard: {verdict.transcript!r}" + (f", said to be {verdict.speaker}" if verdict.speaker else ""))
    return "\n".join(lines)
