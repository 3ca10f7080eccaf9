"""Time our augmentations: RawBoost beside its common form in NumPy and SciPy, alternating in one run, and the
others by themselves.

    python benchmarks/augment.py --threads 1

The common form designs every notch by itself, multiplies them together by convolution, and filters sample by
sample. Both draw their own random numbers. Prints medians in milliseconds of processor time, which other load
on the machine leaves alone, per clip of 64,600 samples or per 100 x 282 image.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
import torch
from scipy import signal
from timing import HEAD, medians, row

from dada import plugins
from dada.augment import Chain, rawboost
from dada.data.audio import write_audio
from dada.data.batch import Batch
from dada.data.sampling import Draw
from dada.plugin_schema import class_constant

# The least ratio of each piece of work, reference to ours.
CLAIMS = {
    "rawboost, algorithm 1": 8,
    "rawboost, algorithm 2": 2.6,
    "rawboost, algorithm 3": 2.1,
    "rawboost, algorithm 4": 5.5,
    "rawboost, algorithm 5": 7.2,
}
NUM_SAMPLES, IMAGE = 64_600, (100, 282)


class Plain:
    """RawBoost one step after the other (float64)."""

    def __init__(self, config: rawboost.Config):
        self.config, self.rng = config, np.random.default_rng(1)

    def __call__(self, x: np.ndarray) -> np.ndarray:
        for part in rawboost.ALGORITHMS[self.config.algorithm]:
            x = getattr(self, part)(x)
        return x

    def notches(self, gain: float) -> np.ndarray:
        config, rng, taps = self.config, self.rng, np.ones(1)
        for _ in range(config.num_notches):
            centre, width, size = (
                rng.uniform(*config.centre),
                rng.uniform(*config.bandwidth),
                int(rng.uniform(*config.num_taps)),
            )
            edges = np.clip(
                [centre - width / 2, centre + width / 2],
                rawboost.EDGE,
                config.sample_rate / 2 - rawboost.EDGE,
            )
            taps = np.convolve(
                signal.firwin(size + (size % 2 == 0), edges, window="hamming", fs=config.sample_rate), taps
            )
        _, response = signal.freqz(taps, 1, fs=config.sample_rate)
        return 10 ** (gain / 20) * taps / np.abs(response).max()

    @staticmethod
    def filtered(x: np.ndarray, taps: np.ndarray) -> np.ndarray:
        margin = len(taps) + 1
        y = signal.lfilter(taps, 1, np.pad(x, (0, margin)))
        return y[margin // 2 : len(y) - margin // 2]

    def convolutive(self, x: np.ndarray) -> np.ndarray:
        y = np.zeros(len(x))
        for k in range(self.config.num_powers):
            gain = self.rng.uniform(*(self.config.nonlinear_gain if k else self.config.gain))
            y = y + self.filtered(np.power(x, k + 1), self.notches(gain))
        y = y - y.mean()
        return y / max(np.abs(y).max(), 1)

    def impulsive(self, x: np.ndarray) -> np.ndarray:
        num = int(len(x) * self.rng.uniform(0, self.config.impulses) / 100)
        places, y = self.rng.permutation(len(x))[:num], x.copy()
        y[places] += (
            self.config.impulse_gain
            * x[places]
            * (2 * self.rng.random(num) - 1)
            * (2 * self.rng.random(num) - 1)
        )
        return y / max(np.abs(y).max(), 1)

    def stationary(self, x: np.ndarray) -> np.ndarray:
        noise = self.filtered(
            self.rng.normal(0, 1, len(x)), self.notches(self.rng.uniform(*self.config.gain))
        )
        noise = noise / np.abs(noise).max()
        return x + noise / np.linalg.norm(noise) * np.linalg.norm(x) / 10 ** (
            0.05 * self.rng.uniform(*self.config.snr)
        )


def clips(num: int) -> torch.Tensor:
    """Noise under a slow rhythm, (num, T)."""
    return (
        0.1
        * torch.randn(num, NUM_SAMPLES, generator=torch.Generator().manual_seed(1))
        * torch.sin(torch.arange(NUM_SAMPLES) / 2000)
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repetitions", type=int, default=20)
    parser.add_argument("--batch_size", type=int, default=8)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rawboost_alone", action="store_true", help="not those without a reference")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    x = clips(args.batch_size)
    one, plain_one = x[0], x[0].double().numpy()
    print(HEAD)
    for algorithm in (1, 2, 3, 4, 5):
        config = rawboost.Config(algorithm=algorithm)
        plain, ours, rng = Plain(config), rawboost.Augment(config), np.random.default_rng(1)
        slow, fast = medians(
            [lambda p=plain: p(plain_one), lambda o=ours, r=rng: o.boost(one, r)], args.repetitions
        )
        row(f"rawboost, algorithm {algorithm}", slow, fast)
    if args.rawboost_alone:
        return
    images = torch.randn(args.batch_size, *IMAGE)
    with tempfile.TemporaryDirectory() as folder:
        write_audio(Path(folder) / "noise.wav", clips(1)[0].numpy())
        for name in plugins.names("dada.augment"):
            if name == "one_of":  # it takes the time of its choices
                continue
            settings = {"name": name, **({"folder": folder} if name.startswith("recorded_") else {})}
            kinds = class_constant("dada.augment", name, "augmentation", "Augment", "INPUTS")
            for kind, inputs in (("waveform", x), ("features", images)):
                if kind in kinds:
                    milliseconds = time_of(settings, kind, inputs, args.repetitions)
                    row(f"{name}, {kind}", None, milliseconds)


def time_of(settings: dict, kind: str, inputs: torch.Tensor, repetitions: int) -> float:
    """The milliseconds of a clip of a batch of inputs."""
    num = len(inputs)
    lengths = torch.full((num,), inputs.shape[-1])
    batch = Batch([f"u{i}" for i in range(num)], inputs, lengths, torch.arange(num) % 2)
    chain = Chain([settings], kind, 2, seed=1)
    (milliseconds,) = medians([lambda: chain(batch, [Draw(i) for i in range(num)])], repetitions)
    return milliseconds / num


if __name__ == "__main__":
    main()
