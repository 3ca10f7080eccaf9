"""Utterances for training and scoring: from a mapping of arrays (an ark, a dict) or from audio files.

Axes: B utterances, T samples, F features, N frames, D vector elements.
"""

import functools
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dada.data.arks import ArkReader
from dada.data.audio import SAMPLE_RATE, read_audio, read_header
from dada.data.batch import Batch, pad_stack
from dada.data.datadir import NO_SPEAKER, DataDir, class_table, sources_of
from dada.data.input import Rule
from dada.data.length import fit_length
from dada.data.tables import read_table_once
from dada.errors import ConfigError, DataError

# Steps of a batch outside training, by `input.kind`: 200 s of audio. Networks on features take up to 230 kB a
# frame
# (`lfcc_lcnn_lstm`), so that a batch takes less than 5 GB.
USUAL_HOP = 160  # samples between two frames, of a feature that does not say
BATCH_STEPS = {"features": 20_000, "waveform": 200 * SAMPLE_RATE}


class Dataset(torch.utils.data.Dataset):
    """N utterances; item i is `(i, tensor)`, and `collate` makes a `Batch` of such items.

    `arrays` gives an array for every utterance: a waveform (T,), a vector (D,), or a matrix of an ark, frames
    first (N, F), which becomes (F, N). `labels` (N,) are class indices; `sources` name what each utterance
    was spoken from, for folds; `lengths` are counts of steps known beforehand, for sorting, and `batch_steps`
    the most steps, padding included, of a batch outside training. `size` and `rule` bring the last axis to a
    length (`fit_length`); with `crop_seed` what is too long keeps a random stretch, drawn from (seed, epoch,
    utterance) alone, so that workers and resumed runs cut alike. `steps_per_second` is None where steps have
    no duration. `domains` (N,) are numbers of the corpora of a joined dataset.
    """

    domains: Tensor | None = None

    def __init__(
        self,
        arrays: Mapping[str, np.ndarray],
        utts: Sequence[str],
        labels: Tensor | None = None,
        speakers: Sequence[str] | None = None,
        sources: Sequence[str] | None = None,
        lengths: Sequence[int] | None = None,
        batch_steps: int = BATCH_STEPS["features"],
        size: int | None = None,
        rule: Rule = "full",
        crop_seed: int | None = None,
        steps_per_second: float | None = None,
    ):
        self.arrays = arrays
        self.utts = list(utts)
        self.labels = labels
        self.speakers = list(speakers) if speakers is not None else [NO_SPEAKER] * len(self.utts)
        self.sources = list(sources) if sources is not None else list(self.utts)
        self.lengths = list(lengths) if lengths is not None else None
        self.size, self.rule, self.crop_seed, self.batch_steps = size, rule, crop_seed, batch_steps
        self.steps_per_second = steps_per_second
        self.epoch = 0
        self.check()

    def check(self) -> None:
        """Raise DataError for utterances without an array, or a table of another length."""
        known = set(self.arrays)  # asking the mapping itself would read the arrays
        missing = [utt for utt in self.utts if utt not in known]
        if missing:
            names = f"{', '.join(missing[:5])}{', …' if missing[5:] else ''}"
            raise DataError(f"{len(missing)} of {len(self.utts)} utterances have no data: {names}")
        for name in ("labels", "speakers", "sources", "lengths"):
            values = getattr(self, name)
            if values is not None and len(values) != len(self.utts):
                raise DataError(f"{len(self.utts)} utterances, but {len(values)} {name}")

    def known_lengths(self) -> list[int]:
        """Return the steps of every utterance; where all are equal, those of the first are read."""
        if self.lengths is not None or not len(self):
            return self.lengths or []
        return [self[0][1].shape[-1]] * len(self)

    def set_epoch(self, epoch: int) -> None:
        """Choose the random stretches of an epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.utts)

    def __getitem__(self, i: int) -> tuple[int, Tensor]:
        array = torch.from_numpy(np.array(self.arrays[self.utts[i]], dtype=np.float32))
        x = array.T.contiguous() if array.ndim == 2 else array
        return i, fit_length(x, self.size, self.rule, self._generator(i))

    def _generator(self, i: int) -> torch.Generator | None:
        if self.crop_seed is None:
            return None
        state = np.random.SeedSequence([self.crop_seed, self.epoch, i]).generate_state(1, np.uint64)[0]
        return torch.Generator().manual_seed(int(state))

    def collate(self, items: Sequence[tuple[int, Tensor]]) -> Batch:
        """Items to a batch, padded with zeros at the end."""
        indices = [i for i, _ in items]
        inputs, lengths = pad_stack([x for _, x in items])
        labels, domains = (
            None if values is None else values[indices] for values in (self.labels, self.domains)
        )
        utts, speakers = ([names[i] for i in indices] for names in (self.utts, self.speakers))
        return Batch(utts, inputs, lengths, labels, speakers, domains)


class Subset(Dataset):
    """Some utterances of a dataset, as a dataset; items and batches are made by the whole one, so its
    subclasses are kept.
    """

    def __init__(self, whole: Dataset, indices: Sequence[int]):
        self.whole, self.indices = whole, list(indices)
        self.utts = [whole.utts[i] for i in indices]
        self.labels, self.domains = (
            None if values is None else values[self.indices] for values in (whole.labels, whole.domains)
        )
        self.speakers = [whole.speakers[i] for i in indices]
        self.sources = [whole.sources[i] for i in indices]
        self.lengths = None if whole.lengths is None else [whole.lengths[i] for i in indices]
        self.batch_steps, self.steps_per_second = whole.batch_steps, whole.steps_per_second

    def set_epoch(self, epoch: int) -> None:
        self.whole.set_epoch(epoch)

    def __getitem__(self, i: int) -> tuple[int, Tensor]:
        return i, self.whole[self.indices[i]][1]

    def collate(self, items: Sequence[tuple[int, Tensor]]) -> Batch:
        return self.whole.collate([(self.indices[i], x) for i, x in items])


def restrict(dataset: Dataset, indices: Sequence[int]) -> Dataset:
    """The utterances `indices` of a dataset, in that order."""
    return Subset(dataset, indices)


def digest(dataset: Dataset) -> str:
    """A hash of which utterances, labels, speakers and sources a dataset holds; not of their arrays."""
    labels = [None] * len(dataset) if dataset.labels is None else dataset.labels.tolist()
    rows = list(zip(dataset.utts, labels, dataset.speakers, dataset.sources, strict=True))
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()[:16]


class AudioFiles(Mapping):
    """Utterance -> waveform (T,) at `rate` Hz, read from the locations of a wav.scp when asked for."""

    def __init__(self, wav_scp: Mapping[str, str], rate: int):
        self.wav_scp, self.rate = wav_scp, rate

    def __getitem__(self, utt: str) -> np.ndarray:
        try:
            return read_audio(self.wav_scp[utt], self.rate)
        except DataError as error:
            raise DataError(f"utterance {utt}: {error}") from error

    def __iter__(self) -> Iterator[str]:
        return iter(self.wav_scp)

    def __len__(self) -> int:
        return len(self.wav_scp)


class FeatureArk(ArkReader):
    """Utterance -> matrix (N, F) of one feature. Raise DataError for another number of axes or of F."""

    def __init__(self, scp: Path, feature: str):
        super().__init__(scp)
        self.feature, self.num_features = feature, 0  # F is that of the first matrix

    def __getitem__(self, utt: str) -> np.ndarray:
        matrix = super().__getitem__(utt)
        if matrix.ndim != 2 or 0 in matrix.shape or self.num_features not in (0, matrix.shape[1]):
            wanted = f"(frames, {self.num_features or 'features'})"
            raise DataError(
                f"{self.scp}, utterance {utt}: shape {matrix.shape}, expected a matrix {wanted} of "
                "the feature "
                f"{self.feature}: make the ark again"
            )
        self.num_features = matrix.shape[1]
        return matrix

    def __getstate__(self) -> dict:
        return {**super().__getstate__(), "feature": self.feature, "num_features": self.num_features}


def audio_dataset(
    data: DataDir,
    config: Any,
    features: Path | Mapping[str, np.ndarray] | None,
    training: bool,
    seed: int = 0,
) -> Dataset:
    """The utterances of a data directory as a system (`config`, a SystemConfig) takes them in.

    Waveforms are read from wav.scp; features (N, F) are a mapping, or in the folder of the arks that stage
    extract_features writes.
    Training needs every utterance's class, and only training cuts at random (`input.random_crop`, or shorter
    stretches by `train.crop_size`). Raises DataError naming utterances without data, or in training of no
    class of the system.
    """
    kind = config.input.kind
    arrays: Mapping[str, np.ndarray]
    if kind == "waveform":
        arrays, size = AudioFiles(data["wav.scp"], config.input.sample_rate), config.input.num_samples
    elif kind == "features":
        size = config.input.num_frames
        arrays = features if isinstance(features, Mapping) else _feature_ark(data, config.input, features)
    else:
        raise ConfigError(
            f"system {config.name}: an audio system reads `input.kind` waveform or features, not {kind}"
        )
    rule: Rule = config.input.length_rule
    crop = training and config.train.crop_size
    if crop:
        size, rule = crop, "crop" if rule == "full" else rule
    return Dataset(
        arrays,
        data.utts,
        labels=class_indices(data, config.labels, required=training),
        speakers=[data.speakers[utt] for utt in data.utts],
        sources=sources_of(data),
        lengths=_lengths(data, config.input, features, size, rule),
        batch_steps=BATCH_STEPS[kind],
        size=size,
        rule=rule,
        crop_seed=seed if crop or (training and config.input.random_crop) else None,
        steps_per_second=_steps_per_second(config.input),
    )


def _steps_per_second(config: Any) -> float | None:
    """Return the steps of a second of input; None for features that state no hop."""
    if config.kind == "waveform":
        return float(config.sample_rate)
    hop = config.features.get("hop")
    return config.sample_rate / hop if hop else None


def class_indices(data: DataDir, labels: Sequence[str], required: bool) -> Tensor | None:
    """Indices into the class names (N,). Where they are not required, None without a table, or where an
    utterance is of no class.
    """
    if class_table(labels) not in data.tables and not required:
        return None
    index = {label: k for k, label in enumerate(labels)}
    table = data.classes(labels)
    unknown = [utt for utt in data.utts if table[utt] not in index]
    if unknown and not required:
        return None
    if unknown:
        strange, path = table[unknown[0]], data.path / class_table(labels)
        raise DataError(
            f"{path}: {unknown[0]} is {strange!r}, which is no class of the system ({', '.join(labels)})"
        )
    return torch.tensor([index[table[utt]] for utt in data.utts], dtype=torch.int64)


def _feature_ark(data: DataDir, config: Any, dump: Path | None) -> FeatureArk:
    if dump is None or not (Path(dump) / "feats.scp").exists():
        raise DataError(f"{dump}/feats.scp does not exist: run stage extract_features for {data.path.name}")
    scp = Path(dump) / "feats.scp"
    states = (path.stat() for path in (scp, scp.with_suffix(".ark")) if path.is_file())
    state = tuple((status.st_ino, status.st_size, status.st_mtime_ns) for status in states)
    arrays = _unchanged(scp, config.features.get("name", ""), state)
    missing = [utt for utt in data.utts if utt not in arrays.index]
    if missing:
        names = f"{', '.join(missing[:5])}{', …' if missing[5:] else ''}"
        raise DataError(
            f"{arrays.scp} lacks {len(missing)} utterances of {data.path} ({names}): run stage "
            "extract_features"
        )
    return arrays


@functools.lru_cache(maxsize=2)  # of a large index, many parts are read one after the other
def _unchanged(scp: Path, feature: str, _state: tuple) -> FeatureArk:
    return FeatureArk(scp, feature)


def _lengths(
    data: DataDir, config: Any, features: Path | Mapping | None, size: int | None, rule: Rule
) -> list[int] | None:
    """Steps of every utterance after `fit_length`, where they may differ; None where all become equal.

    Frames that are not computed yet are estimated.
    """
    if size is not None and rule in ("tile", "pad"):
        return None
    if config.kind == "features" and not config.on_the_fly:
        path = Path(features) / "utt2num_frames" if isinstance(features, Path) else None
        table = read_table_once(path) if path is not None and path.exists() else {}
        lengths = [int(table.get(utt, 0)) for utt in data.utts]
    elif durations := data.durations:
        lengths = [round(durations[utt] * config.sample_rate) for utt in data.utts]
    else:
        lengths = [_num_samples(data["wav.scp"][utt], config.sample_rate) for utt in data.utts]
    if config.on_the_fly:
        known, hop = config.num_samples, config.features.get("hop") or USUAL_HOP
        whole = rule not in ("tile", "pad") or known is None
        lengths = [1 + min(length, known or length) // hop if whole else 1 for length in lengths]
    if size is not None and rule == "crop":
        lengths = [min(length, size) for length in lengths]
    return lengths if len(set(lengths)) > 1 else None


def _num_samples(location: str, rate: int) -> int:
    """Samples at `rate` as the file's header states; 0 for files that cannot be read."""
    try:
        header = read_header(location)
    except DataError:
        return 0
    return round(header.num_samples * rate / header.rate)
