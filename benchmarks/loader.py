"""Time the loader: clips a second from FLAC files, by loader processes, with and without RawBoost, and what
opening headers takes.

    python benchmarks/loader.py

Clips are noise of 4.04 s, written to a temporary folder. Each work is called in turn, so that other load on
the machine hits all alike; clips a second are of the wall clock, from the median of the repetitions. On a CPU
the network would take the core that a loader process gets here.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from dada.augment import Chain
from dada.data.audio import write_audio
from dada.data.audio_arks import write_audio_arks
from dada.data.datadir import DataDir
from dada.data.dataset import Dataset, audio_dataset
from dada.data.loader import Loader
from dada.data.sampling import Shuffle
from dada.experiment.config import SystemConfig

NUM_SAMPLES = 64_600


def folder_of_clips(folder: Path, num: int) -> DataDir:
    """A data directory of `num` FLAC files."""
    rng, locations = np.random.default_rng(1), {}
    for i in range(num):
        path = folder / f"u{i:05d}.flac"
        write_audio(path, 0.1 * rng.standard_normal(NUM_SAMPLES).clip(-5, 5))
        locations[path.stem] = str(path)
    return DataDir(folder / "data", {"wav.scp": locations})


def in_arks(data: DataDir, folder: Path) -> DataDir:
    """The same clips in an ark."""
    files = ((utt, Path(location).read_bytes()) for utt, location in data["wav.scp"].items())
    return DataDir(folder, {"wav.scp": dict(write_audio_arks(folder, files, 1 << 31))})


def read_all(dataset: Dataset, num_workers: int, augment: Chain | None) -> None:
    """One epoch; the processes start with it."""
    for _ in Loader(dataset, Shuffle(len(dataset), 24, 1), torch.device("cpu"), num_workers, augment):
        pass


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--num", type=int, default=480, help="clips")
    parser.add_argument("--workers", type=int, nargs="+", default=[0, 1, 2], help="loader processes")
    parser.add_argument("--repetitions", type=int, default=3)
    args = parser.parse_args()
    torch.set_num_threads(1)
    system = SystemConfig(name="x")
    system.input.kind, system.input.num_samples, system.input.length_rule = "waveform", NUM_SAMPLES, "tile"
    boost = Chain([{"name": "rawboost", "algorithm": 4}], "waveform", 2, seed=1)
    with tempfile.TemporaryDirectory() as name:
        data = folder_of_clips(Path(name), args.num)
        packed = in_arks(data, Path(name) / "packed")
        works: dict[str, Callable[[], object]] = {}
        for kind, part in (("files", data), ("ark", packed)):
            dataset = audio_dataset(part, system, None, training=False)
            for workers in args.workers:
                for augment in (None, boost) if kind == "files" else (None,):
                    title = f"{kind}, {workers} processes{', RawBoost 4' if augment else ''}"
                    works[title] = lambda d=dataset, w=workers, a=augment: read_all(d, w, a)
        free = SystemConfig(name="x")
        free.input.kind = "waveform"
        durations = dict.fromkeys(data.utts, str(NUM_SAMPLES / 16_000))
        known = DataDir(data.path, {**data.tables, "utt2dur": durations})
        works["lengths from headers"] = lambda: audio_dataset(data, free, None, training=False)
        works["lengths from utt2dur"] = lambda: audio_dataset(known, free, None, training=False)
        seconds: dict[str, list[float]] = {title: [] for title in works}
        for _ in range(args.repetitions):
            for title, work in works.items():
                start = time.perf_counter()
                work()
                seconds[title].append(time.perf_counter() - start)
    print(f"{'work':40} {'clips/s':>10}")
    for title, times in seconds.items():
        print(f"{title:40} {args.num / statistics.median(times):10.0f}")


if __name__ == "__main__":
    main()
