"""A signal with the rhythm of speech, at the rate of the clips of egs/mini."""

import numpy as np


def speech(seconds: float = 2.0) -> np.ndarray:
    """Noise (T,) at 11,025 Hz whose level changes ten times a second, with silent edges of 1.5 s in all."""
    rng = np.random.default_rng(0)
    envelope = np.repeat(rng.uniform(0.2, 1, int(seconds * 10)), 1102)
    return np.pad(0.2 * envelope * rng.standard_normal(len(envelope)), (8000, 9000)).astype(np.float32)
