"""The training loop from FLAC files with 0 to 16 loader workers, with and without RawBoost.

What a loader costs is how much slower the loop is than on waveforms in memory.
"""

import csv
from pathlib import Path

import numpy as np

from dada.data import write_audio
from dada.data.dataset import AudioFiles, Dataset
from gpu.common import Row, Setup, at_most, in_memory
from gpu.system import system, train

WORKERS, CHECKED, MOST_WAIT = (0, 4, 8, 16), 8, 0.1
NUM_FILES = 48  # each is read under several names
STEPS = 60  # of an epoch
RAWBOOST = [{"name": "rawboost", "algorithm": 4}]


def rows(setup: Setup) -> list[Row]:
    """Clips a second of the second epoch, when workers run, and the share of a step that is spent waiting."""
    size = system(setup).train.batch_size
    files = written(setup, system(setup).input.num_samples, (2 if setup.small else STEPS) * size)
    whole = rate(setup, in_memory(len(files), system(setup).input.num_samples), 0, [], "memory")
    found = [Row("waveforms in memory", whole, "clips/s")]
    for name, augment in (("", []), (", RawBoost", RAWBOOST)):
        for workers in (1,) if setup.small else WORKERS:
            what = f"FLAC, {workers} workers{name}"
            reached = rate(setup, files, workers, augment, what)
            found.append(Row(what, reached, "clips/s"))
            wait = max(0.0, 1 - reached / whole)
            if setup.on_gpu and workers == CHECKED:
                found.append(at_most(f"{what}: share of a step spent waiting", wait, MOST_WAIT))
    return found


def written(setup: Setup, num_samples: int, num: int) -> Dataset:
    """`num` utterances in a few files."""
    rng = np.random.default_rng(3)
    paths = [setup.folder / "flac" / f"{i}.flac" for i in range(4 if setup.small else NUM_FILES)]
    for path in paths:
        path.parent.mkdir(exist_ok=True)
        write_audio(path, rng.normal(0, 0.05, num_samples).astype(np.float32))
    wav_scp = {f"u{i:05d}": str(paths[i % len(paths)]) for i in range(num)}
    return Dataset(AudioFiles(wav_scp, 16_000), list(wav_scp), in_memory(num, 1).labels)


def rate(setup: Setup, data: Dataset, workers: int, augment: list[dict], name: str) -> float:
    """Clips a second of the last epoch of a training, as its log has it."""
    config = system(setup, epochs=2, num_workers=workers, augment=augment)
    folder = Path(setup.folder / f"loader {name}")
    train(setup, config, data, in_memory(4, config.input.num_samples, seed=1), folder)
    with open(folder / "log.csv", encoding="utf-8", newline="") as file:
        return float(list(csv.DictReader(file))[-1]["utts_per_second"])
