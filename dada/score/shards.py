"""Outputs of a trained system on a split, in shards: some whole batches, about SHARD utterances.

Batches follow from the split and the settings of the system alone, and no batch crosses a shard. What a model
says of an utterance depends in its last digits on the batch that the utterance is in. Outputs are therefore
the same whatever computes the shards, in whatever order.
"""

import functools
from collections.abc import Iterable, Sequence
from pathlib import Path

import torch

from dada import devices
from dada.data.datadir import DataDir
from dada.data.dataset import Dataset, audio_dataset
from dada.data.tables import read_table_once
from dada.errors import DataError
from dada.experiment.config import SystemConfig
from dada.experiment.folder import ExperimentFolder
from dada.experiment.trained import Experiment, load_experiment
from dada.features._compute import features_of
from dada.models.inference import Outputs, make_batches, run_batches
from dada.text.dataset import text_dataset

SHARD = 2_000  # utterances

State = tuple[tuple[str, int, int, int], ...]  # of some files: name, number, size and time


def cut(config: SystemConfig, data: Path, dump: Path | None, root: Path) -> list[list[str]]:
    """Return the shards of the data directory `data`: each a list of batches.

    A batch is its utterances, joined by blanks.

    `dump` is the folder of the features, if the system reads any, and `root` that of the recipe.
    """
    files = [*sorted(data.iterdir()), *(sorted(dump.iterdir()) if dump and dump.is_dir() else ())]
    settings: dict[str, object] = {
        "task": config.task,
        "input": config.input,
        "size": config.train.batch_size,
    }
    if config.task == "text":  # whose tokens it decides about
        settings["model"] = config.model
    return _cut(_Hashed(config, repr(settings)), data, dump, root, _state(files))


class _Hashed:
    """A configuration as a key of a cache, by what counts there."""

    def __init__(self, config: SystemConfig, key: str):
        self.config, self.key = config, key

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Hashed) and other.key == self.key

    def __hash__(self) -> int:
        return hash(self.key)


@functools.lru_cache(maxsize=4)  # the seeds of a system come one after the other
def _cut(key: _Hashed, data: Path, dump: Path | None, root: Path, _state: State) -> list[list[str]]:
    dataset = dataset_of(key.config, DataDir.read(data), dump, root)
    shards: list[list[str]] = []
    room = 0
    for batch in make_batches(dataset, key.config.train.batch_size):
        if room <= 0:
            shards.append([])
            room = SHARD
        shards[-1].append(" ".join(dataset.utts[i] for i in batch))
        room -= len(batch)
    return shards


def run_shard(folder: Path, data: Path, dump: Path | None, root: Path, batches: Sequence[str]) -> Outputs:
    """Return the outputs of the system in exp/<system>/seed_<k> on some batches of `cut`."""
    experiment = experiment_of(folder)
    groups = [batch.split(" ") for batch in batches]
    utts = [utt for group in groups for utt in group]
    name = "text" if experiment.config.task == "text" else "wav.scp"
    table = read_table_once(data / name)
    missing = [utt for utt in utts if utt not in table]
    if missing:
        raise DataError(f"{data / name} has no utterance {missing[0]}: run the stage again")
    part = DataDir(data, {name: {utt: table[utt] for utt in utts}})
    dataset = dataset_of(experiment.config, part, dump, root)
    place = {utt: i for i, utt in enumerate(dataset.utts)}
    torch.set_num_threads(experiment.config.threads)
    indices = [[place[utt] for utt in group] for group in groups]
    return run_batches(experiment.model, dataset, indices, experiment.config.train.num_workers)


def dataset_of(config: SystemConfig, data: DataDir, dump: Path | None, root: Path) -> Dataset:
    """Return the utterances of a data directory as the system takes them in when it scores."""
    if config.task == "audio":
        features = features_of(config.input, dump, data["wav.scp"], root)
        return audio_dataset(data, config, features, training=False)
    return text_dataset(data, config, dump)


def experiment_of(folder: Path) -> Experiment:
    """Return a trained system on the device of this process; it stays loaded for the next shard."""
    files = ExperimentFolder(folder)
    return _loaded(folder, str(devices.device()), _state((files.config, files.labels, files.weights)))


@functools.lru_cache(maxsize=1)
def _loaded(folder: Path, device: str, _state: State) -> Experiment:
    experiment = load_experiment(folder)
    experiment.model.to(device)
    return experiment


def _state(paths: Iterable[Path]) -> State:
    """Return what changes when one of some files does."""
    found = ((str(path), path.stat()) for path in sorted(paths) if path.is_file())
    return tuple((name, status.st_ino, status.st_size, status.st_mtime_ns) for name, status in found)
