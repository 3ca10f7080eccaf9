"""Simulated sound: one number of evidence on spoofing, and the numbers of a voice."""

import random
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np

from .options import Voice
from .trials import Trial


def sounds(trials: Sequence[Trial], eer: float, seed: int, split: str, voice: Voice) -> np.ndarray:
    """Return the rows (N, 1 + D) of trials.

    The first number is normal with unit variance, its means of bona fide speech and of spoofs so far apart
    that a threshold between them has the given EER. The others are a voice: the mean of the claimed speaker,
    normal with the standard deviation `voice.spread` over the speakers, plus unit noise. A spoof has the
    voice of the speaker that it imitates. The noise is the same under every EER.
    """
    half = NormalDist().inv_cdf(1 - eer)
    noise = _normal(f"{seed} {split} noise", (len(trials), 1 + voice.size))
    sign = np.array([-1.0 if trial.kind else 1.0 for trial in trials])
    voices = {
        claim: voice.spread * _normal(f"{seed} {claim} voice", (voice.size,))
        for claim in sorted({trial.claim for trial in trials})
    }
    noise[:, 0] += half * sign
    noise[:, 1:] += np.stack([voices[trial.claim] for trial in trials])
    return noise.astype(np.float32)


def _normal(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Return standard normal numbers that follow from a name."""
    return np.random.default_rng(random.Random(name).getrandbits(64)).standard_normal(shape)
