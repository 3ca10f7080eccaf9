"""Another sample rate, in bounded memory: torchaudio's windowed sinc, whatever the two rates are."""

import math

import numpy as np

# Band-limited interpolation with a Hann window, as torchaudio.functional.resample has it by default.
WIDTH = 6  # zero crossings of the sinc on either side
ROLLOFF = 0.99  # of the lower Nyquist frequency
# Values of torchaudio's filter, which holds every phase in all of its length: 44,100 to 16,000 Hz has 70,000,
# and rates without a common divisor have hundreds of millions.
MAX_TAPS = 1 << 23
LONGEST = 1 << 24  # samples that are resampled at once: 17 minutes at 16 kHz, 6 at 44.1 kHz
PIECE = 1 << 14  # samples of the output that are weighed at once, each from a few of the input
PHASES = 1 << 12  # places between two samples of the input for which a filter is held


class Resampler:
    """Takes mono samples in pieces at one rate, and returns all at another.

    What is longer than LONGEST is resampled in stretches that overlap, so that the input is not held. Rates
    whose filter would be too large get the same filter, computed for each sample of the output.
    """

    def __init__(self, native: int, rate: int):
        common = math.gcd(native, rate)
        self.native, self.rate = native // common, rate // common
        reach = _reach(self.native, self.rate)
        self.margin = self.native * -(-2 * reach // self.native)  # samples of the input, whole periods
        self.step = max(self.native, LONGEST // self.native * self.native)
        self._held: list[np.ndarray] = []
        self._num_held = 0
        self._first = 0  # of the samples that are held
        self._done = 0  # samples whose output is there
        self._out: list[np.ndarray] = []

    def add(self, samples: np.ndarray) -> None:
        """Take the next samples (T,)."""
        self._held.append(samples)
        self._num_held += len(samples)
        if self.native == self.rate:
            return
        while self._first + self._num_held > self._done + self.step + self.margin:
            held = self._joined()
            end = self._done + self.step
            self._emit(held[: end + self.margin - self._first], self.step * self.rate // self.native)
            self._done, first = end, end - self.margin
            held = held[first - self._first :].copy()
            self._held, self._num_held, self._first = [held], len(held), first

    def finish(self) -> np.ndarray:
        """Return all samples at the new rate: (ceil(T * rate / native),) float32."""
        held = self._joined()
        if self.native == self.rate:
            return held
        total = -(-(self._first + len(held)) * self.rate // self.native)
        self._emit(held, total - self._done // self.native * self.rate)
        return _join(self._out)

    def _joined(self) -> np.ndarray:
        held = _join(self._held)
        self._held = [held]
        return held

    def _emit(self, held: np.ndarray, wanted: int) -> None:
        skipped = (self._done - self._first) // self.native * self.rate
        taps = self.native * self.rate
        out = (_each if taps > MAX_TAPS else _by_torchaudio)(held, self.native, self.rate)
        self._out.append(out[skipped : skipped + wanted])


def _join(pieces: list[np.ndarray]) -> np.ndarray:
    """Return pieces as one array, and empty the list on the way, so that an hour is not held twice."""
    if len(pieces) == 1:
        return pieces[0]
    joined = np.empty(sum(map(len, pieces)), np.float32)
    end = len(joined)
    while pieces:
        piece = pieces.pop()
        joined[end - len(piece) : end] = piece
        end -= len(piece)
    return joined


def resample(samples: np.ndarray, native: int, rate: int) -> np.ndarray:
    """Return samples (T,) at `native` Hz as (ceil(T * rate / native),) float32 at `rate` Hz."""
    resampler = Resampler(native, rate)
    resampler.add(samples)
    return resampler.finish()


def _by_torchaudio(samples: np.ndarray, native: int, rate: int) -> np.ndarray:
    import torch  # takes seconds, and most programs never resample
    import torchaudio.functional

    x = torch.from_numpy(np.ascontiguousarray(samples))
    return torchaudio.functional.resample(x, native, rate, WIDTH, ROLLOFF).numpy()


def _reach(native: int, rate: int) -> int:
    """Return how many samples of the input the filter sees on either side."""
    return math.ceil(WIDTH * native / (min(native, rate) * ROLLOFF)) + 1


def _each(samples: np.ndarray, native: int, rate: int) -> np.ndarray:
    """Weigh the samples of the input around the place of each sample of the output.

    The weights come from a table of PHASES places between two samples, and linear interpolation, which is
    right to 1e-6.
    """
    total = -(-len(samples) * rate // native)
    reach = _reach(native, rate)
    offsets = np.arange(-reach, reach + 1)
    table = _filter(np.arange(PHASES + 1) / PHASES, offsets, native, rate)
    padded = np.pad(np.asarray(samples, dtype=np.float32), reach)
    out = np.empty(total, np.float32)
    for start in range(0, total, PIECE):
        number = np.arange(start, min(start + PIECE, total))
        whole, part = np.divmod(number * native, rate)  # integers: exact at any length
        row, rest = np.divmod(part * PHASES, rate)
        share = (rest / rate).astype(np.float32)[:, None]
        weights = table[row] * (1 - share) + table[row + 1] * share
        stretch = np.lib.stride_tricks.sliding_window_view(padded, len(offsets))[whole]
        out[start : start + len(number)] = np.einsum("ij,ij->i", stretch, weights)
    return out


def _filter(phases: np.ndarray, offsets: np.ndarray, native: int, rate: int) -> np.ndarray:
    """Return the weight of the sample at each offset for places behind a sample: (phases, offsets)."""
    cutoff = min(native, rate) * ROLLOFF / native  # of the input's Nyquist frequency
    times = (offsets[None] - phases[:, None]) * cutoff
    window = np.cos(np.clip(times / WIDTH, -1, 1) * np.pi / 2) ** 2
    return (np.sinc(times) * window * cutoff).astype(np.float32)
