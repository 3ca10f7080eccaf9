"""Reverberation by simulated rooms.

A box of random size, a speaker and a microphone at random places in it, and a random reverberation time.
Sound comes from the mirror images of the speaker (Allen and Berkley, JASA 1979) for the first 50 ms, and from
then on as Gaussian noise that decays with the reverberation time at the density of energy that the images
have by then (the diffuse model of Lehmann and Johansson, IEEE TASLP 2010). Walls reflect as Eyring's formula
asks for. The delay of the direct sound is taken out, and clips keep their level.

Axes: B batch, T samples, K samples of a room's response.
"""

import math
from dataclasses import dataclass, field, replace

import numpy as np
import torch

from dada.augment._draws import check_bounds, happens, numpy_generator, numpy_uniform
from dada.augment._filters import convolve
from dada.data.batch import Batch
from dada.errors import ConfigError
from dada.limits import Share

SPEED = 343.0  # of sound, m/s
MARGIN = 0.5  # metres between the walls and speaker or microphone


@dataclass
class Config:
    """Lengths in metres, times in seconds."""

    length: list[float] = field(default_factory=lambda: [3.0, 10.0])
    width: list[float] = field(default_factory=lambda: [3.0, 8.0])
    height: list[float] = field(default_factory=lambda: [2.5, 4.0])
    rt60: list[float] = field(default_factory=lambda: [0.15, 0.6])  # until the energy has fallen by 60 dB
    early: float = 0.05  # how long sound comes from single mirror images
    sample_rate: int = 16_000  # Hz
    probability: Share = 1.0  # of a clip to be in a room


class Augment:
    """Waveforms (B, T) to waveforms in rooms, each clip in its own."""

    INPUTS = ("waveform",)
    MIXES_LABELS = False
    NEEDS_BATCH = False

    def __init__(self, config: Config):
        check_bounds(
            "rooms", length=config.length, width=config.width, height=config.height, rt60=config.rt60
        )
        if min(config.length[0], config.width[0], config.height[0]) <= 2 * MARGIN or config.rt60[0] <= 0:
            raise ConfigError(f"rooms: sides must be longer than {2 * MARGIN} m, and rt60 above 0")
        self.config = config

    def __call__(self, batch: Batch, generator: torch.Generator) -> Batch:
        rows = happens(generator, self.config.probability, len(batch)).nonzero()[:, 0]
        if not len(rows):
            return batch
        responses = [torch.from_numpy(self.response(numpy_generator(generator))) for _ in rows]
        padded = torch.nn.utils.rnn.pad_sequence(responses, batch_first=True).to(batch.inputs)
        valid = batch.mask[rows]
        x = batch.inputs[rows] * valid
        y = convolve(x, padded) * valid
        level = x.norm(dim=1, keepdim=True) / y.norm(dim=1, keepdim=True).clamp_min(torch.finfo(y.dtype).tiny)
        return replace(batch, inputs=batch.inputs.index_copy(0, rows, y * level))

    def response(self, rng: np.random.Generator) -> np.ndarray:
        """The response (K,) of a random room, from the direct sound on, which is 1."""
        config = self.config
        sides = np.array(
            [numpy_uniform(rng, bounds) for bounds in (config.length, config.width, config.height)]
        )
        speaker, microphone = (rng.uniform(MARGIN, sides - MARGIN) for _ in range(2))
        rt60, rate = numpy_uniform(rng, config.rt60), config.sample_rate
        direct = max(float(np.linalg.norm(speaker - microphone)), 0.1)
        until = direct / SPEED + config.early
        times, amplitudes = mirror_images(sides, speaker, microphone, rt60, until)
        response = np.zeros(round((direct / SPEED + rt60) * rate) + 2)
        np.add.at(response, np.minimum((times * rate).round().astype(int), len(response) - 1), amplitudes)
        tail = np.arange(round(until * rate), len(response))
        energy = SPEED / (4 * math.pi * sides.prod() * rate) * 10 ** (-6 * tail / rate / rt60)
        response[tail] += rng.standard_normal(len(tail)) * np.sqrt(energy)
        return (response[round(direct / SPEED * rate) :] * 4 * math.pi * direct).astype(np.float32)


def mirror_images(
    sides: np.ndarray, speaker: np.ndarray, microphone: np.ndarray, rt60: float, until: float
) -> tuple[np.ndarray, np.ndarray]:
    """When and how strongly the images of a speaker in a box of `sides` (3,) metres are heard, up to `until`
    seconds.
    """
    surface = 2 * (sides[0] * sides[1] + sides[1] * sides[2] + sides[0] * sides[2])
    log_reflection = (
        -12 * math.log(10) * sides.prod() / (SPEED * surface * rt60)
    )  # of the amplitude at one wall
    offsets, orders = [], []
    for side, s, m in zip(sides, speaker, microphone, strict=True):
        n = np.arange(-math.ceil(until * SPEED / (2 * side)) - 1, math.ceil(until * SPEED / (2 * side)) + 2)
        offsets.append(np.concatenate([s + 2 * n * side - m, -s + 2 * n * side - m]))
        orders.append(np.concatenate([2 * abs(n), abs(n - 1) + abs(n)]))
    distances = np.sqrt(
        sum(x.reshape(np.roll([-1, 1, 1], axis)) ** 2 for axis, x in enumerate(offsets))
    ).ravel()
    reflections = np.ravel(sum(x.reshape(np.roll([-1, 1, 1], axis)) for axis, x in enumerate(orders)))
    heard = distances < until * SPEED
    distances = np.maximum(distances[heard], 0.1)
    return distances / SPEED, np.exp(log_reflection * reflections[heard]) / (4 * math.pi * distances)
