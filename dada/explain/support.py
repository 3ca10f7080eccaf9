"""Support in time, frequency and speech, its noisiness, and the similarity of two classifiers.

"Explaining deepfake detection with SHAP" (Ge et al., ICASSP 2022), section 5. Arrays in, numbers out. Values
of one target are (F, N), or (T,) of a waveform, which counts as one row. Support is their positive part,
evidence for the class; that of `-values` is evidence against it.

Axes: F rows (frequencies), N frames, T samples.
"""

from collections.abc import Sequence

import numpy as np

# The voice activity detection of the authors' follow-up (Ge et al., "Explainable deepfake and spoofing
# detection", Odyssey 2022, its code).
VAD_WINDOW, VAD_HOP = 0.020, 0.005  # seconds
VAD_RANGE = 30.0  # dB below the loudest frame
VAD_FLOOR = -55.0  # dB of full scale
VAD_SILENCE = 1.2e-7  # added to the standard deviation, so that digital silence has a level
VAD_SHORTEST = 0.050  # seconds of the shortest pause, and of the shortest stretch of speech
BANDS = (0.0, 500.0, 1000.0, 2000.0, 4000.0, 8000.0)  # Hz: edges of sub-bands


def speech_frames(waveform: np.ndarray, rate: int = 16_000) -> np.ndarray:
    """Return whether each window of 20 ms, every 5 ms of a waveform (T,), is speech, by its level.

    Pauses shorter than 50 ms are filled, then stretches of speech shorter than that are dropped. A clip
    shorter than a window is one frame.
    """
    size, hop = round(VAD_WINDOW * rate), round(VAD_HOP * rate)
    windows = np.lib.stride_tricks.sliding_window_view(
        np.pad(waveform, (0, max(0, size - len(waveform)))), size
    )[::hop]
    level = 20 * np.log10(windows.std(axis=1) + VAD_SILENCE)
    speech = (level > level.max() - VAD_RANGE) & (level > VAD_FLOOR)
    shortest = round(VAD_SHORTEST / VAD_HOP)
    return _without_short(_without_short(speech, False, shortest), True, shortest)


def _without_short(mask: np.ndarray, kind: bool, shortest: int) -> np.ndarray:
    """Return the mask with runs of `kind` below `shortest` inverted; a mask of one kind alone stays."""
    edges = np.flatnonzero(np.diff(mask)) + 1
    starts, ends = np.r_[0, edges], np.r_[edges, len(mask)]
    out = mask.copy()
    for start, end in zip(starts, ends, strict=True):
        if mask[start] == kind and end - start < shortest and len(starts) > 1:
            out[start:end] = not kind
    return out


def runs(mask: np.ndarray) -> list[tuple[int, int]]:
    """Return beginnings and ends (exclusive) of the stretches where a mask holds."""
    edges = np.flatnonzero(np.diff(np.r_[0, mask.astype(int), 0]))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def speech_at(speech: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Return `speech_frames` at times (N,), in s from the beginning of the clip."""
    places = np.round((np.asarray(times) - VAD_WINDOW / 2) / VAD_HOP).astype(int)
    return speech[places.clip(0, len(speech) - 1)]


def temporal_profile(values: np.ndarray) -> np.ndarray:
    """Return the mean support of all rows at each frame, (N,)."""
    return np.maximum(np.atleast_2d(values), 0).mean(axis=0)


def spectral_profile(values: np.ndarray) -> np.ndarray:
    """Return the mean support over all frames in each row, (F,)."""
    return np.maximum(np.atleast_2d(values), 0).mean(axis=1)


def share(profile: np.ndarray, mask: np.ndarray) -> float:
    """Return the part of a profile's sum where the mask holds, e.g. speech; NaN without any support."""
    total = profile.sum()
    return float(profile[mask].sum() / total) if total > 0 else float("nan")


def band_shares(values: np.ndarray, frequencies: np.ndarray, edges: Sequence[float] = BANDS) -> np.ndarray:
    """Return the part of the support in each band between `edges` (Hz); the last band holds its upper edge.

    Rows are at `frequencies` (F,).
    """
    profile = spectral_profile(values)
    bands = np.digitize(frequencies, edges[1:-1])
    inside = (frequencies >= edges[0]) & (frequencies <= edges[-1])
    return np.array([share(profile, inside & (bands == band)) for band in range(len(edges) - 1)])


def noisiness(profile: np.ndarray) -> float:
    """Return the mean change of a profile from frame to frame, relative to its mean; 0 if it is even."""
    mean = profile.mean()
    return float(np.abs(np.diff(profile)).mean() / mean) if mean > 0 and len(profile) > 1 else float("nan")


def map_noise(values: np.ndarray) -> float:
    """Return the mean change of a map (F, N) between neighbours, relative to its mean magnitude.

    It is the total variation (Rudin, Osher and Fatemi, Physica D 60, 1992), the mean of those along both
    axes, over the sum of the magnitudes: 0 where a map is even, √2 for independent Gaussian values, 2 where
    every neighbour has the opposite sign. An axis of length 1 is left out; NaN for a map of zeros.
    """
    values = np.atleast_2d(values)
    size = np.abs(values).mean()
    changes = [np.abs(np.diff(values, axis=axis)).mean() for axis in (0, 1) if values.shape[axis] > 1]
    return float(np.mean(changes) / size) if changes and size > 0 else float("nan")


def correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Return Pearson's correlation of two profiles of the same range of time, or of frequency.

    The finer profile is averaged to the resolution of the coarser. NaN where a profile does not vary.
    """
    size = min(len(first), len(second))
    first, second = (_averaged(np.asarray(profile, dtype=np.float64), size) for profile in (first, second))
    if first.std() == 0 or second.std() == 0:
        return float("nan")
    return float(np.corrcoef(first, second)[0, 1])


def _averaged(profile: np.ndarray, size: int) -> np.ndarray:
    """Return the means of `size` equal parts of a profile; frames on an edge count by their share."""
    total = np.r_[0, np.cumsum(profile)]
    edges = np.interp(np.linspace(0, len(profile), size + 1), np.arange(len(profile) + 1), total)
    return np.diff(edges) * size / len(profile)
