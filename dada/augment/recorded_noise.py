"""Additive noise from folders of recordings, by classes with their own signal-to-noise ratios.

MUSAN (Snyder, Chen and Povey, 2015) has noise, music and speech. The usual ratios are those of Kaldi's
x-vector recipes: noise 0 to 15 dB, music 5 to 15 dB, and babble of 3 to 7 voices 13 to 20 dB:

    augment:
      - name: recorded_noise
        folder: $MUSAN
        probability: 0.5
        classes:
          noise: {snr: [0, 15]}
          music: {snr: [5, 15]}
          speech: {snr: [13, 20], num: [3, 7]}

Each clip gets one class, all equally likely, and of its folder random stretches of random recordings. The
ratio is one of powers over the whole clip; silence gets no noise.

Axes: B batch, T samples.
"""

from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from dada.augment._draws import check_bounds, happens, integers, uniform
from dada.augment._recordings import pick, recordings, stretch
from dada.data.batch import Batch
from dada.errors import ConfigError
from dada.limits import Share
from dada.settings import build


@dataclass
class NoiseClass:
    """Noises of one kind."""

    snr: list[float] = field(default_factory=lambda: [0.0, 15.0])  # dB
    num: list[int] = field(default_factory=lambda: [1, 1])  # recordings that sound together, equally loud


@dataclass
class Config:
    folder: str = ""  # of the recordings; `$NAME` stands for a variable of the environment
    # folder below `folder` -> {snr: [lowest, highest] dB, num: [fewest, most] recordings}; without classes,
    # all of `folder` is one of 0 to 15 dB
    classes: dict[str, dict] = field(default_factory=dict)
    sample_rate: int = 16_000  # Hz
    probability: Share = 1.0  # of a clip to get noise


class Augment:
    """Waveforms (B, T) to waveforms with noise."""

    INPUTS = ("waveform",)
    MIXES_LABELS = False
    NEEDS_BATCH = False

    def __init__(self, config: Config):
        self.config = config
        self.kinds: list[tuple[NoiseClass, tuple[str, ...]]] = []
        for name, settings in (config.classes or {"": {}}).items():
            kind = build(NoiseClass, settings, f"recorded_noise: classes.{name}")
            check_bounds(f"recorded_noise {name}".rstrip(), snr=kind.snr, num=kind.num)
            if kind.num[0] < 1:
                raise ConfigError(f"recorded_noise {name}: num is {kind.num}, and must be at least 1")
            folder = f"{config.folder}/{name}".rstrip("/") if config.folder else ""
            self.kinds.append((kind, recordings("recorded_noise", folder)))

    def __call__(self, batch: Batch, generator: torch.Generator) -> Batch:
        """Raise DataError for a recording that cannot be read or is silent."""
        inputs = batch.inputs.clone()
        hit = happens(generator, self.config.probability, len(batch)).tolist()
        for k, length in enumerate(batch.lengths.tolist()):
            if hit[k]:
                clip = batch.inputs[k, :length]
                inputs[k, :length] = clip + self._noise_for(clip, generator)
        return replace(batch, inputs=inputs)

    def _noise_for(self, clip: Tensor, generator: torch.Generator) -> Tensor:
        """Return the noise (T,) of a clip (T,)."""
        kind, paths = self.kinds[int(integers(generator, [0, len(self.kinds) - 1]))]
        noise = torch.zeros_like(clip)
        for _ in range(int(integers(generator, kind.num))):
            part = stretch(pick(paths, generator), len(clip), self.config.sample_rate, generator)
            noise += part / part.norm()
        snr = float(uniform(generator, kind.snr))
        tiny = torch.finfo(noise.dtype).tiny
        return noise * (10 ** (-snr / 20) * clip.norm() / noise.norm().clamp_min(tiny))
