"""Attributions of a trained audio system: its inputs brought to one form, its method, its classes.

Axes: B utterances, K targets, F frequencies, R rows of a view, N frames, T samples.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dada.data import BONAFIDE, SAMPLE_RATE, SPOOF, Batch, fit_length
from dada.errors import ConfigError
from dada.experiment.trained import Experiment
from dada.explain import views
from dada.explain.attribution import Attribution, attribute
from dada.explain.config import AUTO
from dada.explain.explanation import Explanation
from dada.explain.methods import deep_shap
from dada.explain.methods._gradient import NoGradient
from dada.explain.methods._rescale import NotCovered
from dada.explain.support import speech_at, speech_frames
from dada.models.inference import device_of

CLASSES = (BONAFIDE, SPOOF)
ZEROS = "an input of zeros"
# Steps that integrated gradients begin with: from each of many backgrounds, and from a single one.
FEWEST_STEPS, FIRST_STEPS = 4, 16
STEPS_FACTOR = 4  # largest number of steps, relative to the first
TOLERANCE = 0.05  # completeness error at which the steps are no longer doubled
log = logging.getLogger(__name__)


@dataclass
class Sound:
    """One utterance."""

    name: str
    samples: np.ndarray  # (T,) at 16 kHz
    array: np.ndarray  # (N, F) features, or the waveform where the system reads waveforms
    start: float = 0.0  # s of the recording where the samples begin


@dataclass
class AttributionInputs:
    """The inputs of an attribution: the viewed model, batches of rows of the view, settings of the method."""

    model: views.ViewedModel
    view: views.View
    batch: Batch
    background: Batch
    options: dict[str, Any]

    def utterance(self, i: int) -> Batch:
        """Return the batch of utterance i alone."""
        return select(self.batch, [i])

    def map(self, rows: Tensor) -> np.ndarray:
        """Return values of the view's rows (..., R, N) as those of frequencies (..., F, N)."""
        return self.view.fold(rows).double().cpu().numpy()


class AudioExplainer:
    """Explains an audio system with the classes bona fide and spoof; raise ConfigError for another.

    `options` are settings of methods by their names, as in `explain.options`.
    """

    def __init__(
        self,
        experiment: Experiment,
        method: str = AUTO,
        options: Mapping[str, Mapping[str, object]] | None = None,
    ) -> None:
        self.experiment, self.config = experiment, experiment.config
        self.method, self.options = method, options or {}
        if self.config.task != "audio" or not set(CLASSES) <= set(experiment.labels):
            raise ConfigError(
                f"{self.config.name} is no audio system with the classes bona fide and spoof: name such a "
                "system, of a fusion its audio branch"
            )

    def size_of(self, sound: Sound) -> int:
        """Return the length of a sound's input as it is scored, in frames or samples."""
        return self._input(sound).shape[-1]

    def view(self, sound: Sound) -> views.View:
        """Return the view through which inputs of the length of this sound's are explained."""
        config = self.config.input
        if config.kind == "waveform":
            return views.Spectrum(self.size_of(sound), config.sample_rate)
        return views.of_features(config.features, len(sound.array), len(self.waveform(sound)) / SAMPLE_RATE)

    def waveform(self, sound: Sound) -> np.ndarray:
        """Return the waveform (T,) that features are computed from, or that the network reads."""
        config = self.config.input
        return fit_length(torch.from_numpy(sound.samples), config.num_samples, config.length_rule).numpy()

    def speech(self, sound: Sound, view: views.View, num_frames: int) -> np.ndarray:
        """Return whether each frame of a sound's map is speech, (N,)."""
        num_features = len(sound.array)
        times = view.times(num_frames)
        if self.config.input.kind == "features" and num_frames > num_features:
            times = view.times(num_features)[np.arange(num_frames) % num_features]  # features are repeated
        return speech_at(speech_frames(self.waveform(sound)), times)

    def attribute(
        self, sounds: Sequence[Sound], background: Sequence[Sound]
    ) -> tuple[Attribution, AttributionInputs]:
        """Return attributions of sounds of one length against others, which are brought to that length."""
        view, size = self.view(sounds[0]), self.size_of(sounds[0])
        batch, others = self._batch(sounds, view, size), self._batch(background, view, size)
        device = device_of(self.experiment.model)
        model = views.ViewedModel(self.experiment.model, view.to(device)).eval()
        batch, others = batch.to(device), others.to(device)
        method = choose_method(model, others) if self.method == AUTO else self.method
        own = dict(self.options.get(method, {}))
        options = options_of(method, 1 if own.get("zeros") else len(others)) | own
        attribution = attribute(model, batch, others, method=method, **options)
        return attribution, AttributionInputs(model, view, batch, others, options)

    def explanation(self, sound: Sound, background: Sequence[Sound], description: str) -> Explanation:
        """Explain one utterance; `description` is that of the background."""
        attribution, inputs = self.attribute([sound], background)
        maps = {name: inputs.map(values)[0] for name, values in self.by_class(attribution.values).items()}
        error, zeros = attribution.completeness_error, inputs.options.get("zeros")
        return self.picture(
            sound, maps, attribution.method, ZEROS if zeros else description, float(error.max())
        )

    def picture(
        self,
        sound: Sound,
        maps: dict[str, np.ndarray],
        method: str,
        background: str,
        completeness_error: float,
    ) -> Explanation:
        """Return the maps (F, N) of a sound by class together with its waveform, axes and speech."""
        view, num_frames = self.view(sound), next(iter(maps.values())).shape[1]
        samples = torch.from_numpy(self.waveform(sound))
        if self.config.input.num_frames:  # features are cut or repeated, so the waveform is
            samples = fit_length(samples, round(num_frames * view.hop * SAMPLE_RATE), "tile")
        return Explanation(
            name=sound.name,
            system=self.config.name,
            samples=samples.numpy(),
            maps=maps,
            times=view.times(num_frames),
            frequencies=view.frequencies,
            speech=self.speech(sound, view, num_frames),
            method=method,
            background=background,
            completeness_error=completeness_error,
            start=sound.start,
            heard=len(sound.samples) / SAMPLE_RATE,
            extension="silence" if self.config.input.length_rule == "pad" else "repeated",
        )

    def by_class(self, values: Tensor) -> dict[str, Tensor]:
        """Return values (B, K, ...) by class, (B, ...).

        A single logit is that of the second class; its negative is that of the first.
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


def select(batch: Batch, rows: list[int]) -> Batch:
    """Return some utterances of a batch, without labels."""
    return replace(
        batch,
        utts=[batch.utts[i] for i in rows],
        inputs=batch.inputs[rows],
        lengths=batch.lengths[rows],
        labels=None,
        speakers=[batch.speakers[i] for i in rows] if batch.speakers else [],
    )


def options_of(method: str, num_background: int) -> dict[str, Any]:
    """Return the settings that bound the time of a method, where the user sets none.

    Integrated gradients double their steps until the completeness error is 5 % or less, or until they have
    four times as many as at first: from each of 8 backgrounds or more 4 to 16, from each of five 6 to 24,
    from a single one 16 to 64. No fixed number fits all. With AASIST's published weights and three clips of
    ASVspoof 2019 (benchmarks/integrated_gradients.py), the error of the bona fide logit against silence is 17
    to 49 % with 4 steps, 0.5 to 6 % with 8, 1.7 to 4.4 % with 16, and of two clips 0.8 and 4.5 % with 32; of
    two clips against five others 19 and 86 % with 4 steps, 7 and 37 % with 8. With the DADA audio model of
    egs/mini, 4 steps from each of 20 backgrounds have a median error of 0.9 %, and more than 5 % for 39 of
    360 utterances.
    """
    if method == "integrated_gradients":
        first = max(FEWEST_STEPS, min(FIRST_STEPS, 2 * FIRST_STEPS // num_background))
        limits = {"first_steps": first, "max_steps": STEPS_FACTOR * first}
        return {"rows_at_once": 4, "tolerance": TOLERANCE, **limits}
    rows_at_once = {"occlusion": 64, "gradient_shap": 20}
    return {"rows_at_once": rows_at_once[method]} if method in rows_at_once else {}


def choose_method(model: views.ViewedModel, background: Batch) -> str:
    """Return deep_shap where it covers the network, else integrated_gradients; occlusion without gradient."""
    if hasattr(model.model, "estimate"):
        return "occlusion"
    weights = {name: value.detach() for name, value in model.named_parameters()}
    try:
        deep_shap.try_out(model, weights, background)
    except NoGradient:
        return "occlusion"
    except NotCovered as reason:
        log.info("%s", reason)
        return "integrated_gradients"
    return "deep_shap"
