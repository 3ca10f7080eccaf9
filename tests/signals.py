"""Generated audio for tests."""

import numpy as np


def speech_like(seconds: float, pitch: float, seed: int, rate: int = 16_000) -> np.ndarray:
    """(T,) float32: a harmonic tone with a syllable rhythm and some noise, which features and models can chew
    on.
    """
    rng = np.random.default_rng(seed)
    time = np.arange(int(seconds * rate)) / rate
    tone = sum(np.sin(2 * np.pi * pitch * k * time + rng.uniform(0, 6)) / k for k in range(1, 12))
    return (
        0.1 * tone * (0.55 + 0.45 * np.sin(2 * np.pi * 4 * time)) + 0.005 * rng.standard_normal(len(time))
    ).astype(np.float32)
