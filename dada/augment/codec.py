"""Codecs and telephone channels: a clip is encoded and decoded, as media files and calls are.

Each clip gets one of the `chains`, all equally likely, at bit rates drawn between their bounds, whatever its
label. ASVspoof 2021 and 5 test on such speech, and train on none of it. `dada.data.codecs` has the notation.

    augment: [{name: codec, preset: asvspoof2021_df, probability: 0.5}]
    augment: [{name: codec, chains: ["mp3:16-128", "opus@8000:6-24", "amr_nb:4.75-12.2+mp3:32-128"]}]

A clip of 4 s takes 5 to 40 ms of one core, and 150 ms with Opus at 16 kHz.

Axes: B batch, T samples.
"""

from dataclasses import dataclass, field, replace

import torch

from dada.augment._draws import happens, integers, numpy_generator
from dada.data.batch import Batch
from dada.data.codecs import PRESETS, parse, transmit
from dada.errors import ConfigError
from dada.limits import Share
from dada.plugins import nearest


@dataclass
class Config:
    # e.g. mp3:32-128, opus@8000:12, mp3:80-120+aac:96; `none` leaves a clip as it is
    chains: list[str] = field(default_factory=list)
    preset: str = "wide"  # of dada/data/codecs/presets.py, where no chains are given
    sample_rate: int = 16_000  # Hz
    probability: Share = 1.0  # of a clip to go through codecs


class Augment:
    """Waveforms (B, T) to waveforms of the same length."""

    INPUTS = ("waveform",)
    MIXES_LABELS = False
    NEEDS_BATCH = False

    def __init__(self, config: Config):
        if config.preset not in PRESETS:
            near = nearest(config.preset, list(PRESETS))
            raise ConfigError(f"codec: no preset {config.preset!r}{near}; known: {', '.join(PRESETS)}")
        self.config = config
        self.chains = [parse(text) for text in config.chains or PRESETS[config.preset]]

    def __call__(self, batch: Batch, generator: torch.Generator) -> Batch:
        inputs = batch.inputs.clone()
        hit = happens(generator, self.config.probability, len(batch)).tolist()
        picks = integers(generator, [0, len(self.chains) - 1], len(batch)).tolist()
        rng = numpy_generator(generator)
        for k, length in enumerate(batch.lengths.tolist()):
            chain = self.chains[picks[k]].draw(rng)
            if hit[k]:
                sent = batch.inputs[k, :length].numpy()
                inputs[k, :length] = torch.from_numpy(transmit(sent, self.config.sample_rate, chain))
        return replace(batch, inputs=inputs)
