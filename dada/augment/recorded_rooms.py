"""Reverberation by recorded or simulated responses of rooms, from any folder of audio files.

Such folders are the RIRS_NOISES corpus (Ko et al., ICASSP 2017), with simulated responses and recorded ones,
or the responses of a measurement of one's own:

    augment: [{name: recorded_rooms, folder: $RIRS_NOISES/simulated_rirs, probability: 0.5}]

Of a response with several channels, those of an array of microphones, a random one is taken. The delay of the
direct sound, the largest sample, is taken out, and clips keep their level. `rooms` needs no recordings.

Axes: B batch, T samples, K samples of a response.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from dada.augment._draws import happens, integers
from dada.augment._filters import convolve
from dada.augment._recordings import pick, recordings
from dada.data.audio import read_native, resample
from dada.data.batch import Batch
from dada.errors import DataError
from dada.limits import Positive, Share


@dataclass
class Config:
    folder: str = ""  # of the responses; `$NAME` stands for a variable of the environment
    max_seconds: Positive = 2.0  # of a response, from the direct sound on
    sample_rate: int = 16_000  # Hz
    probability: Share = 1.0  # of a clip to be in a room


class Augment:
    """Waveforms (B, T) to waveforms in rooms, each clip in its own."""

    INPUTS = ("waveform",)
    MIXES_LABELS = False
    NEEDS_BATCH = False

    def __init__(self, config: Config):
        self.config = config
        self.paths = recordings("recorded_rooms", config.folder)

    def __call__(self, batch: Batch, generator: torch.Generator) -> Batch:
        """Raise DataError for a response that cannot be read or is silent."""
        inputs = batch.inputs.clone()
        hit = happens(generator, self.config.probability, len(batch)).tolist()
        for k, length in enumerate(batch.lengths.tolist()):
            if hit[k]:
                clip = batch.inputs[k, :length]
                heard = convolve(clip[None], self.response(generator)[None])[0]
                tiny = torch.finfo(heard.dtype).tiny
                inputs[k, :length] = heard * (clip.norm() / heard.norm().clamp_min(tiny))
        return replace(batch, inputs=inputs)

    def response(self, generator: torch.Generator) -> Tensor:
        """Return a random response (K,), from the direct sound on."""
        location = pick(self.paths, generator)
        samples, rate = read_native(location)
        channel = int(integers(generator, [0, samples.shape[1] - 1]))
        response = torch.from_numpy(resample(samples[:, channel].copy(), rate, self.config.sample_rate))
        direct = int(response.abs().argmax())
        if not response[direct]:
            raise DataError(
                f"{location}: channel {channel + 1} is silence, which is no room: remove the file"
            )
        return response[direct : direct + max(1, round(self.config.max_seconds * self.config.sample_rate))]
