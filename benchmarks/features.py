"""Time the features side by side with the libraries that are commonly used for them.

    python benchmarks/features.py [--seconds 4] [--batch 16] [--encoder FOLDER]
    python benchmarks/features.py --memory lfcc

Prints medians in milliseconds of processor time per clip of the reference, of ours one by one and in batches,
their ratio, and the largest difference. librosa comes with `pip install -e '.[bench]'`; without it its rows
are left out. `--encoder` takes a folder of Whisper and compares its cut context with the full 30 s.
`--memory` computes one feature of half an hour of audio in this process alone, and prints how much the
largest memory of the process exceeds that before, result included, and how large the clip is.
"""

import argparse
import resource
from collections.abc import Callable

import numpy as np
import scipy.fft
import scipy.signal
import torch
from timing import HEAD, medians, row

from dada import features

# The least ratio of each piece of work, reference to ours.
CLAIMS = {
    "lfcc gmm, one by one": 1.9,
    "lfcc gmm, batches of 16": 2.6,
    "mel, one by one": 2.7,
    "mel, batches of 16": 4.1,
    "mfcc, one by one": 2.9,
    "mfcc, batches of 16": 4.2,
    "cqt exact, one by one": 3.6,
    "cqt exact, batches of 16": 12,
    "cqt octaves, one by one": 3.0,
    "cqt octaves, batches of 16": 10,
}
REPEATS = 7
GMM_LFCC = {
    "name": "lfcc",
    "variant": "gmm",
    "window": 480,
    "hop": 240,
    "num_fft": 1024,
    "num_filters": 70,
    "max_frequency": 4000,
}


def main() -> None:
    """Run all comparisons that can be run here."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=4.0, help="length of a clip")
    parser.add_argument("--batch", type=int, default=16, help="clips in a batch")
    parser.add_argument("--encoder", help="folder of a Whisper model")
    parser.add_argument("--memory", metavar="FEATURE", help="instead of the comparison")
    args = parser.parse_args()
    torch.set_num_threads(1)
    if args.memory:
        print_memory(args.memory)
        return
    clips = 0.05 * torch.randn(
        args.batch, int(16_000 * args.seconds), generator=torch.Generator().manual_seed(0)
    )
    print(HEAD)
    for name, settings, reference, call in comparisons(args.encoder):
        compare(name, features.build(settings), reference, call, clips)


def print_memory(name: str) -> None:
    """Print the megabytes that a feature of half an hour takes besides the clip."""
    x = torch.zeros(1, 16_000 * 60 * 30)
    x[:, ::7] = 0.1
    feature = features.build({"name": name})
    with torch.inference_mode():
        feature(x[:, :32_000])  # what the libraries take at their first call
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        feature(x)
    megabytes = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(f"{name}: {megabytes:.0f} MB for a clip of {x.nbytes / 2**20:.0f} MB")


def comparisons(encoder: str | None):
    """Name, settings of ours, name of the reference, and the reference on one clip (T,) giving (F, N)."""
    filters = features.build(GMM_LFCC).filters.numpy()
    filters = np.pad(
        filters, ((0, 513 - len(filters)), (0, 0))
    )  # ours leaves out the bins that no filter reaches
    yield "lfcc gmm", GMM_LFCC, "NumPy, SciPy", lambda x: numpy_lfcc(x, filters)
    try:
        import librosa
    except ImportError:
        print("librosa is not installed: mel, mfcc and cqt are left out")
    else:
        settings = {"sr": 16_000, "hop_length": 512}
        yield (
            "mel",
            {"name": "mel"},
            "librosa",
            lambda x: librosa.power_to_db(
                librosa.feature.melspectrogram(y=x * 32_768, n_fft=1024, n_mels=100, **settings)
            ),
        )
        yield (
            "mfcc",
            {"name": "mfcc", "deltas": False},
            "librosa",
            lambda x: librosa.feature.mfcc(y=x, n_fft=1024, **settings),
        )

        def cqt(x: np.ndarray) -> np.ndarray:
            return np.log1p(np.abs(librosa.cqt(x * 32_768, n_bins=100, fmin=5, **settings)))

        yield "cqt exact", {"name": "cqt"}, "librosa", cqt
        yield "cqt octaves", {"name": "cqt", "method": "octaves"}, "librosa", cqt
    if encoder:
        yield (
            "whisper encoder",
            {"name": "speech_encoder", "model": encoder},
            "context of 30 s",
            full_context(encoder),
        )


def compare(name: str, feature: torch.nn.Module, reference: str, call: Callable, clips: torch.Tensor) -> None:
    """Print two rows: one clip at a time, and in batches."""
    first = clips[0].numpy()
    with torch.inference_mode():
        ref, one, batch = medians(
            [lambda: call(first), lambda: feature(clips[:1]), lambda: feature(clips)], REPEATS
        )
        ours, theirs = feature(clips[:1])[0].numpy(), call(first)
    difference = (
        f"differs by {np.abs(ours - theirs).max():.2g}" if ours.shape == theirs.shape else "another length"
    )
    row(f"{name}, one by one", ref, one, f"{reference}, {difference}")
    row(f"{name}, batches of {len(clips)}", ref, batch / len(clips), reference)


def numpy_lfcc(x: np.ndarray, filters: np.ndarray) -> np.ndarray:
    """LFCC of the GMM baseline written plainly: (T,) to (60, N)."""
    frames = np.lib.stride_tricks.sliding_window_view(x, 480)[::240] * scipy.signal.windows.hamming(480)
    power = np.abs(np.fft.rfft(frames, 1024)) ** 2
    static = scipy.fft.dct(np.log10(power @ filters + 2.2204e-16), norm="ortho")[:, :20]

    def delta(c: np.ndarray) -> np.ndarray:
        padded = np.pad(c, ((1, 1), (0, 0)), mode="edge")
        return padded[2:] - padded[:-2]

    return np.concatenate([static, delta(static), delta(delta(static))], axis=1).T


def full_context(folder: str) -> Callable:
    """Whisper's encoder as it is, with every clip padded to 30 s."""
    from transformers import AutoFeatureExtractor, AutoModel

    encoder = AutoModel.from_pretrained(folder).get_encoder().eval()
    processor = AutoFeatureExtractor.from_pretrained(folder)

    def call(x: np.ndarray) -> np.ndarray:
        mels = processor(x, sampling_rate=16_000, return_tensors="pt").input_features
        return encoder(mels).last_hidden_state[0].T.numpy()

    return call


if __name__ == "__main__":
    main()
