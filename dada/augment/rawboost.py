"""RawBoost: convolutive and additive noise on the waveform (Tak et al., "RawBoost: a raw data boosting and
augmentation method applied to automatic speaker verification anti-spoofing", ICASSP 2022).

Three parts, each by itself or in combination: linear and non-linear convolutive noise (powers of the waveform
through random notch filters), impulsive noise that depends on the signal, and stationary noise of random
colour. Constants are the authors'. Filters are drawn all at once and applied in the frequency domain, block
by block, so that algorithm 4 takes a fraction of the time of the common implementation. There it is applied
to a clip before it is brought to its length, here after.

Axes: T samples, M filters, J notches of a filter, K taps.
"""

import math
from dataclasses import dataclass, field, replace
from typing import Annotated

import numpy as np
import torch
from torch import Tensor, nn

from dada.augment._draws import check_bounds, happens, numpy_generator, numpy_uniform
from dada.data.batch import Batch
from dada.errors import ConfigError
from dada.limits import Limits, Share

CONVOLUTIVE, IMPULSIVE, STATIONARY = "convolutive", "impulsive", "stationary"
ALGORITHMS = {
    1: (CONVOLUTIVE,),
    2: (IMPULSIVE,),
    3: (STATIONARY,),
    4: (CONVOLUTIVE, IMPULSIVE, STATIONARY),
    5: (CONVOLUTIVE, IMPULSIVE),
    6: (CONVOLUTIVE, STATIONARY),
    7: (IMPULSIVE, STATIONARY),
    8: (),  # the sum of 1 and 2, side by side
}
NUM_POINTS = 512  # at which a filter's response is looked at for its peak
BLOCK = 4  # times the length of a filter: samples that are filtered at once
EDGE = 1e-3  # Hz from 0 and from half of the sample rate, where a notch ends that would reach beyond


@dataclass
class Config:
    """The defaults are the authors'. Algorithm 5 served ASVspoof 2021's logical access, 3 its deepfake task
    (Tak et al., Odyssey 2022).
    """

    # 1 convolutive, 2 impulsive, 3 stationary, 4 1→2→3, 5 1→2, 6 1→3, 7 2→3, 8 1 + 2
    algorithm: Annotated[int, Limits(least=1, most=8)] = 4
    num_powers: int = 5  # of the waveform
    num_notches: int = 5  # of each filter
    centre: list[float] = field(default_factory=lambda: [20.0, 8000.0])  # Hz
    bandwidth: list[float] = field(default_factory=lambda: [100.0, 1000.0])  # Hz
    num_taps: list[int] = field(default_factory=lambda: [10, 100])  # of each notch; made odd
    gain: list[float] = field(default_factory=lambda: [0.0, 0.0])  # dB, of the linear part and of noise
    # dB, of the powers from the second on
    nonlinear_gain: list[float] = field(default_factory=lambda: [-20.0, -5.0])
    impulses: float = 10.0  # at most so many percent of the samples are hit
    impulse_gain: float = 2.0
    snr: list[float] = field(default_factory=lambda: [10.0, 40.0])  # dB, of stationary noise
    sample_rate: int = 16_000  # Hz
    probability: Share = 1.0  # of a clip to be augmented


class Augment:
    """Waveforms (B, T) to waveforms of the same length."""

    INPUTS = ("waveform",)
    MIXES_LABELS = False
    NEEDS_BATCH = False

    def __init__(self, config: Config):
        bounds = {
            key: getattr(config, key)
            for key in ("centre", "bandwidth", "num_taps", "gain", "nonlinear_gain", "snr")
        }
        check_bounds("rawboost", **bounds)
        if (
            not 0 <= config.impulses <= 100
            or min(config.num_powers, config.num_notches) < 1
            or config.num_taps[0] < 3
        ):
            raise ConfigError(
                "rawboost: impulses are 0 to 100 percent, and there must be a power, a notch, and 3 taps "
                "at least"
            )
        if config.centre[1] - config.bandwidth[0] / 2 >= config.sample_rate / 2:
            raise ConfigError(
                "rawboost: a notch would lie above half of the sample rate: lower `centre`, or raise "
                "`bandwidth`"
            )
        self.config = config

    def __call__(self, batch: Batch, generator: torch.Generator) -> Batch:
        """Clip by clip, within the length of each."""
        inputs = batch.inputs.clone()
        chosen = happens(generator, self.config.probability, len(batch)).tolist()
        for row, length, choose in zip(inputs, batch.lengths.tolist(), chosen, strict=True):
            if choose:
                row[:length] = self.boost(row[:length], numpy_generator(generator))
        return replace(batch, inputs=inputs)

    def boost(self, x: Tensor, rng: np.random.Generator) -> Tensor:
        """One clip (T,) through the parts of the algorithm."""
        if self.config.algorithm == 8:
            return peak_limited(self.convolutive(x, rng) + self.impulsive(x, rng))
        for part in ALGORITHMS[self.config.algorithm]:
            x = getattr(self, part)(x, rng)
        return x

    def convolutive(self, x: Tensor, rng: np.random.Generator) -> Tensor:
        """The sum over powers of the waveform, each through a filter of its own."""
        config = self.config
        gains = numpy_uniform(rng, config.nonlinear_gain, config.num_powers)
        gains[0] = numpy_uniform(rng, config.gain)
        powers = x.repeat(config.num_powers, 1).cumprod(0)
        y = filter_sum(powers, notch_filters(rng, config, gains))
        return peak_limited(y - y.mean())

    def impulsive(self, x: Tensor, rng: np.random.Generator) -> Tensor:
        """A random share of samples, each moved by a random part of itself."""
        num = int(len(x) * rng.uniform(0, self.config.impulses) / 100)
        places = torch.from_numpy(rng.choice(len(x), num, replace=False, shuffle=False)).to(x.device)
        strength = (rng.random(num, dtype=np.float32) * 2 - 1) * (rng.random(num, dtype=np.float32) * 2 - 1)
        moved = x[places] * (1 + self.config.impulse_gain * torch.from_numpy(strength).to(x))
        return peak_limited(x.index_copy(0, places, moved))

    def stationary(self, x: Tensor, rng: np.random.Generator) -> Tensor:
        """Gaussian noise through a filter, at a random signal-to-noise ratio."""
        noise = torch.from_numpy(rng.standard_normal(len(x), dtype=np.float32)).to(x)
        noise = filter_sum(
            noise[None], notch_filters(rng, self.config, numpy_uniform(rng, self.config.gain, 1))
        )
        return x + noise * (x.norm() / noise.norm() / 10 ** (numpy_uniform(rng, self.config.snr) / 20))


def peak_limited(x: Tensor) -> Tensor:
    """Divided by its peak where that is above 1."""
    return x / x.abs().max().clamp(min=1.0)


def notch_filters(rng: np.random.Generator, config: Config, gains: np.ndarray) -> np.ndarray:
    """Impulse responses (M, K), centred on K // 2, of random filters whose peaks have `gains` (M,) in dB.

    Each is a cascade of notches: ideal band-stops cut by Hamming windows, with unit gain at 0 Hz.
    """
    shape = (len(gains), config.num_notches)
    centre, width = numpy_uniform(rng, config.centre, shape), numpy_uniform(rng, config.bandwidth, shape)
    sizes = numpy_uniform(rng, config.num_taps, shape).astype(int)
    notches = band_stops(centre - width / 2, centre + width / 2, sizes + (sizes % 2 == 0), config.sample_rate)
    length = config.num_notches * (notches.shape[-1] - 1) + 1
    size = 2 ** math.ceil(math.log2(max(length, 2 * NUM_POINTS)))
    half = notches.shape[-1] // 2
    circular = np.zeros((*shape, size))
    circular[..., : half + 1], circular[..., -half:] = notches[..., half:], notches[..., :half]
    response = np.fft.rfft(circular).real.prod(1)  # symmetric filters have real responses
    peak = np.abs(response[:, :-1][:, :: size // (2 * NUM_POINTS)]).max(1)
    taps = np.fft.irfft(response, n=size) * (10 ** (gains / 20) / peak)[:, None]
    return np.concatenate([taps[:, -(length // 2) :], taps[:, : length // 2 + 1]], axis=1)


def band_stops(low: np.ndarray, high: np.ndarray, sizes: np.ndarray, rate: int) -> np.ndarray:
    """Band-stops from `low` to `high` Hz of odd numbers of taps `sizes`, all (…), as rows of taps (…, K) with
    zeros around.
    """
    low = np.where(low <= 0, EDGE, low)[..., None] * 2 / rate
    high = np.where(high >= rate / 2, rate / 2 - EDGE, high)[..., None] * 2 / rate
    half = int(sizes.max()) // 2
    taps = np.arange(-half, half + 1)
    window = 0.54 + 0.46 * np.cos(2 * np.pi * taps / (sizes[..., None] - 1))
    window = np.where(np.abs(taps) <= sizes[..., None] // 2, window, 0)
    ideal = low * np.sinc(low * taps) + np.sinc(taps) - high * np.sinc(high * taps)
    filters = ideal * window
    return filters / filters.sum(-1, keepdims=True)


def filter_sum(x: Tensor, taps: np.ndarray) -> Tensor:
    """Signals (M, T), each through its filter (M, K), summed up to (T,). The result is a sample early, as in
    the authors' code.

    By overlapping blocks, whose spectra stay in the processor's cache.
    """
    num_samples, num_taps = x.shape[-1], taps.shape[-1]
    size = 2 ** math.ceil(math.log2(BLOCK * num_taps))
    hop = size - num_taps + 1
    num_blocks = -(-num_samples // hop)
    before = num_taps - 2 - num_taps // 2
    x = nn.functional.pad(x, (before, (num_blocks - 1) * hop + size - num_samples - before))
    responses = torch.fft.rfft(torch.from_numpy(taps.astype(np.float32)).to(x), n=size)
    total = (torch.fft.rfft(x.unfold(-1, size, hop)) * responses[:, None]).sum(0)
    return torch.fft.irfft(total, n=size)[:, num_taps - 1 :].reshape(-1)[:num_samples]
