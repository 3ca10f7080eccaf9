"""A loaded system that scores audio files one after the other."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch

from dada import devices
from dada.asr.config import TranscribeConfig
from dada.data import NO_SPEAKER, SAMPLE_RATE
from dada.data.datadir import class_table
from dada.detect.answer import Evidence, decide
from dada.detect.origin import Origin
from dada.detect.recording import Recording
from dada.detect.stretches import synthetic_stretches
from dada.detect.verdict import CANNOT_TELL, Verdict, WindowScore
from dada.detect.windows import HOP, Window, cut, window_lengths, with_speech
from dada.errors import ConfigError
from dada.experiment.trained import Experiment
from dada.models.inference import Outputs
from dada.recipe.config import load_recipe_config
from dada.score.clip import Clip, ClipOutputs, System
from dada.score.outputs import decisions

if TYPE_CHECKING:
    from dada.asr.base import Transcriber
    from dada.asr.careful import Heard

# Windows that a network reads at once. On one core a larger batch leaves the cache.
AT_ONCE = {"cpu": 2, "cuda": 32}
NOT_NAMED = "shown, not weighed: the purported speaker is not known, or none was named"


@dataclass(frozen=True)
class Options:
    """How files are looked at. `hop` is in seconds; None takes HOP of a system's window."""

    window: Literal["all", "first"] = "all"  # all windows of a long file, or the first one alone
    hop: float | None = None
    vad: bool = True


class Detector:
    """One training run of a system, or published weights, loaded once for many files."""

    def __init__(self, system: System, origin: Origin):
        self.system, self.origin = system, origin
        # Threads beyond those of training cost time: they wait for each other where other programs run.
        torch.set_num_threads(system.config.threads)

    def __call__(self, path: str, speaker: str | None = None, options: Options | None = None) -> Verdict:
        """Answer on a file. Raise DataError for a file that cannot be used."""
        options = options or Options()
        return self.judge(Recording(path, options.vad), speaker, options)

    def judge(self, recording: Recording, speaker: str | None, options: Options) -> Verdict:
        """Answer on a recording, which several systems may share. Raise DataError."""
        verdict = self._empty(recording, speaker)
        if recording.unusable:
            decide(verdict, Evidence(self.system, self.origin))
            return verdict
        system, origin = self._weigh_words(recording, verdict)
        if system is None:
            decide(verdict, Evidence(self.system, origin))
            return verdict
        windows, chosen = self._windows(system, recording, options)
        clips = _clips(recording, [windows[i] for i in chosen], verdict)
        outputs = system.run_windows(clips, AT_ONCE[devices.device().type] if len(clips) > 1 else 1)
        _fill(verdict, system, outputs)
        verdict.windows = _window_scores(windows, chosen, outputs.scores)
        verdict.rule = _rule(len(windows), len(chosen), recording.vad)
        known = [window for window in verdict.windows if window.score is not None]
        verdict.worst = min(known, key=lambda window: window.score or 0.0) if len(known) > 1 else None
        evidence = Evidence(system, origin)
        verdict.synthetic_stretches = synthetic_stretches(verdict.windows, evidence.llr_of)
        decide(verdict, evidence)
        return verdict

    def _empty(self, recording: Recording, speaker: str | None) -> Verdict:
        """Return the verdict on a recording before anything was scored."""
        sound, experiment = recording.sound, self.system.experiment
        searched = not any(check.level == "unusable" for check in sound.checks)
        speech = recording.speech if searched else None
        return Verdict(
            file=recording.path,
            system=experiment.config.name,
            seed=self.origin.seed,
            weights=self.origin.weights,
            answer=CANNOT_TELL,
            sentence="",
            seconds=round(len(sound.samples) / SAMPLE_RATE, 3),
            window=self._window(),
            rule="",
            score=None,
            llr=None,
            probability_bonafide=None,
            population="",
            labels=list(experiment.labels),
            logits={},
            speaker=speaker,
            speech_seconds=None if speech is None else round(speech.seconds, 3),
            native_rate=sound.native_rate,
            channels=sound.channels,
            container=sound.container,
            checks=[asdict(check) for check in recording.checks_beside(self.origin.trained)],
            caveat=self.origin.caveat,
        )

    def _weigh_words(self, recording: Recording, verdict: Verdict) -> tuple[System | None, Origin]:
        """Transcribe where the system uses words, and return what answers: the system, its audio branch where
        the words cannot be weighed, or None where words alone would.
        """
        if not self.system.uses_words():
            return self.system, self.origin
        heard = self._heard(recording)
        verdict.transcript = heard.text
        known = verdict.speaker in self.system.authors()
        if heard.problem:
            verdict.words = f"shown, not weighed: {heard.problem}"
        elif not known and self.system.needs_speaker():
            verdict.words = NOT_NAMED
        else:
            verdict.words = "weighed" if known else "weighed, without a purported speaker"
            return self.system, self.origin
        audio = self.system.branches.get("audio")
        if audio is not None:
            verdict.decided_by = audio.config.name
        return audio, self.origin.without_words or Origin(caveat=self.origin.caveat)

    def _windows(
        self, system: System, recording: Recording, options: Options
    ) -> tuple[list[Window], list[int]]:
        """Return the windows of a recording, and which of them are scored."""
        num_samples = len(recording.samples)
        longest, shortest = window_lengths(system)
        audio = next(iter(system.windows()), None) is not None
        if options.window == "first" or not audio or num_samples <= longest:
            return cut(num_samples, max(num_samples, 1), max(num_samples, 1), recording.speech), [0]
        hop = round(HOP * shortest if options.hop is None else options.hop * SAMPLE_RATE)
        windows = cut(num_samples, longest, max(hop, 1), recording.speech)
        return windows, with_speech(windows)

    def _window(self) -> str:
        windows = dict(self.system.windows())
        if len(set(windows.values())) < 2:
            return next(iter(windows.values()), "full")
        return "; ".join(f"{name}: {window}" for name, window in windows.items())

    @cached_property
    def transcription(self) -> TranscribeConfig:
        """The settings of the transcription, which the recipe of the system states. Raise ConfigError."""
        if self.origin.transcribe is not None:
            return self.origin.transcribe
        if self.system.root is None:
            raise ConfigError("a recipe says how to transcribe: give --model, an experiment of one")
        return load_recipe_config(self.system.root).transcribe

    def _heard(self, recording: Recording) -> "Heard":
        return recording.heard(f"{self.system.root} {self.transcription}", self._listen)

    @cached_property
    def _transcriber(self) -> "Transcriber":
        from dada import asr

        config = self.transcription
        if self.system.root is None:
            raise ConfigError("a recipe says how to transcribe: give --model, an experiment of one")
        return asr.build(config, self.system.root)

    def _listen(self, samples: np.ndarray) -> "Heard":
        from dada.asr.careful import listen

        return listen(self._transcriber, samples)


def _clips(recording: Recording, windows: Sequence[Window], verdict: Verdict) -> list[Clip]:
    """Return windows as clips, which share the transcript of the whole recording."""

    def name(window: Window) -> str:
        start = f", {window.start / SAMPLE_RATE:.5f} s" if len(windows) > 1 else ""
        return f"{recording.path}{start}"

    return [
        Clip(
            name(window),
            recording.samples[window.start : window.stop],
            verdict.speaker or NO_SPEAKER,
            lambda _: verdict.transcript or "",
        )
        for window in windows
    ]


def _fill(verdict: Verdict, system: System, outputs: ClipOutputs) -> None:
    """Put means over the windows into a verdict: score, logits, classes, branches."""
    experiment, logits = system.experiment, outputs.outputs.logits
    verdict.labels = list(experiment.labels)
    verdict.score = outputs.score
    verdict.logits = by_class(experiment.labels, logits.mean(0))
    verdict.classes = class_probabilities(experiment, outputs.outputs)
    if verdict.classes:
        mean = torch.tensor([list(verdict.classes.values())], dtype=torch.float64).clamp_min(1e-300).log()
        whole = outputs.outputs if len(logits) == 1 else Outputs([verdict.file], mean, mean)
        verdict.decision = decisions(experiment, whole)[0]
    verdict.branches = dict(outputs.branch_scores())


def _window_scores(
    windows: Sequence[Window], chosen: Sequence[int], scores: np.ndarray | None
) -> list[WindowScore]:
    found = dict(zip(chosen, map(float, [] if scores is None else scores), strict=scores is not None))
    return [
        WindowScore(
            round(window.start / SAMPLE_RATE, 3),
            round(window.stop / SAMPLE_RATE, 3),
            round(window.share, 3),
            found.get(i),
        )
        for i, window in enumerate(windows)
    ]


def _rule(num_windows: int, num_scored: int, vad: bool) -> str:
    if num_windows == 1:
        return "one window"
    kind = "windows with speech" if vad else "windows"
    return f"mean of {num_scored} {kind}, of {num_windows}"


def by_class(labels: list[str], values: torch.Tensor) -> dict[str, float]:
    """Logits by the name of their class; a single one is the second's."""
    return dict(zip(labels if len(values) > 1 else labels[-1:], values.tolist(), strict=True))


def class_probabilities(experiment: Experiment, outputs: Outputs) -> dict[str, float]:
    """Probabilities of attacks or authors, means over the rows, of an open-set system with `unknown`; empty
    for a countermeasure.
    """
    if class_table(experiment.labels) == "utt2label":
        return {}
    return by_class(experiment.labels, outputs.logits.double().softmax(1).mean(0))
