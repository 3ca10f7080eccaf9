"""Voices by WORLD: F0, spectral envelope and aperiodicity of speech, and their way from one voice to another.

A synthesizer has a voice of its own. `imitate` moves F0 and envelope of its speech to the mean and spread
that they have in a recording of the figure, a Gaussian mapping that needs no parallel sentences. N is the
number of frames, K of frequencies, T of samples.
"""

import warnings
from dataclasses import dataclass, replace
from types import ModuleType

import numpy as np

from dada.data.audio import resample
from dada.errors import UserError

RATE = 16_000  # Hz, of all analyses
COEFFICIENTS = 30  # of the envelope on the mel scale; the first, the level, stays as it is
FEWEST = 10  # voiced frames that a mean and a spread need
SPREAD = (0.6, 1.6)  # how far the spread is changed
LOWEST, HIGHEST = 50.0, 600.0  # Hz of F0


@dataclass(frozen=True)
class Analysis:
    """F0 in Hz (N,), 0 where unvoiced; power envelope (N, K); aperiodicity (N, K)."""

    f0: np.ndarray
    envelope: np.ndarray
    aperiodicity: np.ndarray


def analyse(samples: np.ndarray, rate: int) -> Analysis:
    """Analyse samples (T,) at `rate` Hz."""
    world = pyworld()
    x = resample(samples, rate, RATE).astype(np.float64)
    coarse, times = world.dio(x, RATE)
    f0 = world.stonemask(x, coarse, times, RATE)
    return Analysis(f0, world.cheaptrick(x, f0, times, RATE), world.d4c(x, f0, times, RATE))


def synthesize(analysis: Analysis) -> np.ndarray:
    """Return samples (T,) at RATE."""
    y = pyworld().synthesize(analysis.f0, analysis.envelope, analysis.aperiodicity, RATE)
    return np.asarray(y, dtype=np.float32)


def imitate(samples: np.ndarray, rate: int, recording: np.ndarray, native: int) -> np.ndarray:
    """Return speech (T,) at `rate` Hz with F0 and envelope moved to those of a recording at `native` Hz, at
    RATE.

    Speech or a recording without enough voiced frames is analysed and resynthesized as it is.
    """
    # At the recording's rate first, so that both envelopes end at the same frequency.
    own = analyse(resample(samples.astype(np.float32), rate, native), native)
    other = analyse(recording, native)
    voiced, theirs = own.f0 > 0, other.f0 > 0
    if min(voiced.sum(), theirs.sum()) < FEWEST:
        return synthesize(own)
    f0 = np.zeros_like(own.f0)
    f0[voiced] = np.clip(
        np.exp(moved(np.log(own.f0[voiced]), np.log(own.f0[voiced]), np.log(other.f0[theirs]))),
        LOWEST,
        HIGHEST,
    )
    code, target = (
        pyworld().code_spectral_envelope(analysis.envelope, RATE, COEFFICIENTS) for analysis in (own, other)
    )
    code[:, 1:] = moved(code[:, 1:], code[voiced, 1:], target[theirs, 1:])
    size = pyworld().get_cheaptrick_fft_size(RATE)
    envelope = pyworld().decode_spectral_envelope(np.ascontiguousarray(code), RATE, size)
    return synthesize(replace(own, f0=f0, envelope=envelope))


def moved(values: np.ndarray, own: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return values (N, ...) of a distribution with the samples `own`, moved to mean and spread of `other`.

    >>> moved(np.array([1.0, 3.0]), np.array([1.0, 3.0]), np.array([10.0, 13.0]))
    array([10., 13.])
    """
    spread = np.clip(other.std(axis=0) / np.maximum(own.std(axis=0), 1e-6), *SPREAD)
    return (values - own.mean(axis=0)) * spread + other.mean(axis=0)


def pyworld() -> ModuleType:
    """Return the package pyworld. Raise UserError where it is not installed."""
    try:
        with warnings.catch_warnings():
            # pyworld 0.3.5 imports pkg_resources, which warns of its own removal in every process.
            warnings.filterwarnings("ignore", "pkg_resources is deprecated", UserWarning)
            import pyworld as module
    except ImportError as error:
        raise UserError(
            "the vocoder WORLD is not installed: pip install -e '.[mini]' in the checkout"
        ) from error
    return module
