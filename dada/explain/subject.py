"""A trained system as something to be explained: its inputs brought to one form, its method, its classes.

Axes: B utterances, K targets, F frequencies, R rows of a view, N frames, T samples.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from dada.data import BONAFIDE, SAMPLE_RATE, SPOOF, Batch, fit_length
from dada.errors import ConfigError
from dada.experiment.trained import Experiment
from dada.explain import Attribution, attribute, views
from dada.explain.config import AUTO
from dada.explain.explanation import Explanation
from dada.explain.methods import deep_shap
from dada.explain.methods._gradient import NoGradient
from dada.explain.methods._rescale import NotCovered
from dada.explain.support import speech_at, speech_frames

CLASSES = (BONAFIDE, SPOOF)
FEWEST_STEPS, FIRST_STEPS = (
    4,
    16,
)  # that integrated gradients begin with, from each of many backgrounds and from a single one
MORE_STEPS = 4  # times as many, where the sums are not right by then
TOLERANCE = 0.05  # completeness error that will do
log = logging.getLogger(__name__)


@dataclass
class Sound:
    """One utterance: its waveform (T,) at 16 kHz and what the system's input is made of, (N, F) features or
    the waveform itself.
    """

    name: str
    samples: np.ndarray
    array: np.ndarray


class Subject:
    """An audio system that tells bona fide from spoof. Raises ConfigError for another.

    `options` are settings of methods by their names, as in `explain.options`.
    """

    def __init__(
        self, experiment: Experiment, method: str = AUTO, options: Mapping[str, Mapping] | None = None
    ):
        self.experiment, self.config, self.method, self.options = (
            experiment,
            experiment.config,
            method,
            options or {},
        )
        if self.config.task != "audio" or not set(CLASSES) <= set(experiment.labels):
            raise ConfigError(
                f"{self.config.name} is no audio system that tells bona fide from spoof: name such "
                "systems, of a fusion its audio branch"
            )

    def size_of(self, sound: Sound) -> int:
        """Steps of a sound's input as it is scored."""
        return self._input(sound).shape[-1]

    def view(self, sound: Sound) -> views.View:
        """In what form inputs of the length of this sound's are explained."""
        config = self.config.input
        if config.kind == "waveform":
            return views.Spectrum(self.size_of(sound), config.sample_rate)
        return views.of_features(config.features, len(sound.array), len(self.heard(sound)) / SAMPLE_RATE)

    def heard(self, sound: Sound) -> np.ndarray:
        """The waveform as features are made of it, or as the network reads it."""
        config = self.config.input
        return fit_length(torch.from_numpy(sound.samples), config.num_samples, config.length_rule).numpy()

    def speech(self, sound: Sound, view: views.View, num_frames: int) -> np.ndarray:
        """Whether each frame of a sound's map is speech, (N,)."""
        times = view.times(num_frames)
        if self.config.input.kind == "features" and num_frames > len(sound.array):
            times = view.times(len(sound.array))[
                np.arange(num_frames) % len(sound.array)
            ]  # repeated after the features were made
        return speech_at(speech_frames(self.heard(sound)), times)

    def explain(
        self, sounds: Sequence[Sound], background: Sequence[Sound]
    ) -> tuple[Attribution, "Explained"]:
        """Attributions of sounds of one length against others, which are brought to it; and what else is
        known then.
        """
        view = self.view(sounds[0])
        size = self.size_of(sounds[0])
        model = views.Viewed(self.experiment.model, view).eval()
        batch, others = self._batch(sounds, view, size), self._batch(background, view, size)
        method = choose_method(model, others) if self.method == AUTO else self.method
        own = dict(self.options.get(method, {}))
        options = options_of(method, 1 if own.get("zeros") else len(others)) | own
        found = attribute(model, batch, others, method=method, **options)
        return found, Explained(model, view, batch, others, options)

    def explanation(self, sound: Sound, background: Sequence[Sound]) -> tuple[Explanation, Attribution]:
        """One utterance for pictures, and its attribution."""
        found, explained = self.explain([sound], background)
        maps = {
            name: explained.view.fold(values)[0].double().numpy()
            for name, values in self.by_class(found.values).items()
        }
        return self.pictured(sound, maps), found

    def pictured(self, sound: Sound, maps: dict[str, np.ndarray]) -> Explanation:
        """Maps (F, N) of a sound by class, with what pictures show besides."""
        view, num_frames = self.view(sound), next(iter(maps.values())).shape[1]
        heard = torch.from_numpy(self.heard(sound))
        if self.config.input.num_frames:  # what the network has of it, repeated as it has it
            heard = fit_length(heard, round(num_frames * view.hop * SAMPLE_RATE), "tile")
        speech = self.speech(sound, view, num_frames)
        return Explanation(
            sound.name,
            self.config.name,
            heard.numpy(),
            maps,
            view.times(num_frames),
            view.frequencies,
            speech,
        )

    def by_class(self, values: Tensor) -> dict[str, Tensor]:
        """Values (B, K, ...) by class, (B, ...); a single logit is that of the second class, and speaks
        against the first.
        """
        if values.shape[1] == 1:
            first, second = self.experiment.labels
            return {second: values[:, 0], first: -values[:, 0]}
        return {name: values[:, self.experiment.labels.index(name)] for name in CLASSES}

    def _batch(self, sounds: Sequence[Sound], view: views.View, size: int) -> Batch:
        inputs = torch.stack([view.enter(fit_length(self._input(sound), size, "tile")) for sound in sounds])
        names = [sound.name for sound in sounds]
        return Batch(names, inputs, torch.full((len(sounds),), inputs.shape[-1]), None, ["-"] * len(names))

    def _input(self, sound: Sound) -> Tensor:
        config = self.config.input
        x = torch.from_numpy(np.array(sound.array, dtype=np.float32))
        if config.kind == "waveform":
            return fit_length(x, config.num_samples, config.length_rule)
        return fit_length(x.T.contiguous(), config.num_frames, config.length_rule)


@dataclass
class Explained:
    """What an attribution was made with: the viewed model, batches of its rows, and the settings of the
    method.
    """

    model: views.Viewed
    view: views.View
    batch: Batch
    background: Batch
    options: dict

    def one(self, i: int) -> Batch:
        """The batch of utterance i alone."""
        part = slice(i, i + 1)
        return replace(
            self.batch,
            utts=self.batch.utts[part],
            inputs=self.batch.inputs[part],
            lengths=self.batch.lengths[part],
            speakers=self.batch.speakers[part],
        )


def options_of(method: str, num_background: int) -> dict:
    """Settings of a method that bound its time, where the user sets none.

    Integrated gradients double their steps until the completeness error is 5 % or less, or they are four
    times as many as at first: from each of 8 backgrounds or more 4 to 16, from each of five 6 to 24, from a
    single one 16 to 64. No fixed number would do. With AASIST's published weights and three clips of ASVspoof
    2019 (benchmarks/integrated_gradients.py), the error of the bona fide logit was against silence 17 to 49 %
    with 4 steps, 0.5 to 6 % with 8, 1.7 to 4.4 % with 16, and of two clips 0.8 and 4.5 % with 32; of two
    clips against five others 19 and 86 % with 4 steps, 7 and 37 % with 8. On the DADA audio model of
    egs/mini, 4 steps from each of 20 backgrounds had a median of 0.9 %, and more than 5 % for 39 of 360
    utterances.
    """
    if method == "integrated_gradients":
        first = max(FEWEST_STEPS, min(FIRST_STEPS, 2 * FIRST_STEPS // num_background))
        return {
            "rows_at_once": 4,
            "tolerance": TOLERANCE,
            "first_steps": first,
            "max_steps": MORE_STEPS * first,
        }
    return (
        {"rows_at_once": 64}
        if method == "occlusion"
        else {"rows_at_once": 20}
        if method == "gradient_shap"
        else {}
    )


def choose_method(model: views.Viewed, background: Batch) -> str:
    """deep_shap where it covers the network, else integrated_gradients; occlusion for models that are not
    trained by gradient.
    """
    if hasattr(model.model, "estimate"):
        return "occlusion"
    try:
        deep_shap.try_out(
            model, {name: value.detach() for name, value in model.named_parameters()}, background
        )
    except NoGradient:
        return "occlusion"
    except NotCovered as why:
        log.info("%s", why)
        return "integrated_gradients"
    return "deep_shap"
