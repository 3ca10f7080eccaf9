"""The training data of a phase: its utterances, labels, groups and batches. Axes: N utterances."""

import logging

from torch import Tensor

from dada.data.datadir import NO_SPEAKER, SPOOF
from dada.data.dataset import Dataset, restrict
from dada.data.sampling import Balanced, BalancedCorpora, BatchSampler, BySteps, Shuffle, Triplets
from dada.errors import ConfigError, DataError
from dada.experiment.config import TrainConfig
from dada.plugins import nearest

log = logging.getLogger(__name__)


def make_sampler(
    phase: TrainConfig, dataset: Dataset, labels: list[str], seed: int, rank: int = 0, world: int = 1
) -> BatchSampler:
    """Return the sampler of a phase's batches, of which process `rank` of `world` gets its share."""
    options = {"rank": rank, "world": world, "drop_last": phase.drop_last}
    if phase.batch_seconds:
        if dataset.steps_per_second is None:
            raise ConfigError(
                "train.batch_seconds: this input states no duration: set 0, and train.batch_size instead"
            )
        budget = round(phase.batch_seconds * dataset.steps_per_second)
        return BySteps(dataset.known_lengths(), budget, seed, **options)
    size = phase.batch_size
    longest = max(dataset.lengths or [0])
    if size * longest > 2 * dataset.batch_steps and not rank:
        log.warning(
            "a batch of %d utterances with up to %d steps may take much memory: train.crop_size trains on "
            "stretches, a smaller train.batch_size on fewer clips at once",
            size,
            longest,
        )
    if phase.sampler == "triplets":
        return Triplets(pair_groups(dataset, phase.triplets_by, labels), size, seed, **options)
    if phase.sampler == "balanced":
        return Balanced(required_labels(dataset).tolist(), size, seed, **options)
    if phase.sampler == "balanced_corpora":
        if dataset.domains is None:
            raise ConfigError("train.sampler: balanced_corpora needs several corpora: name them in train_on")
        domains = dataset.domains.tolist()
        return BalancedCorpora(required_labels(dataset).tolist(), domains, size, seed, **options)
    return Shuffle(len(dataset), size, seed, dataset.lengths, **options)


def pair_groups(dataset: Dataset, by: str, labels: list[str]) -> list[object]:
    """Return the group of each utterance: two utterances of a group are a positive pair.

    `by` is label or speaker. By speaker, spoofs have no group, because they are not their purported speaker's
    voice.
    """
    if by == "label":
        return required_labels(dataset).tolist()
    classes = [None] * len(dataset) if dataset.labels is None else dataset.labels.tolist()
    spoof = labels.index(SPOOF) if SPOOF in labels else -1
    return [
        None if speaker == NO_SPEAKER or label == spoof else speaker
        for speaker, label in zip(dataset.speakers, classes, strict=True)
    ]


def of_classes(dataset: Dataset, classes: list[str], labels: list[str]) -> Dataset:
    """Return the utterances of `classes`, all for none.

    Raise ConfigError for a class that the system does not have, DataError where no utterance is left.
    """
    if not classes:
        return dataset
    unknown = [name for name in classes if name not in labels]
    if unknown:
        raise ConfigError(
            f"train.classes: the system has no class {unknown[0]!r}{nearest(unknown[0], labels)}; it has "
            f"{', '.join(labels)}"
        )
    wanted = {labels.index(name) for name in classes}
    indices = [i for i, label in enumerate(required_labels(dataset).tolist()) if label in wanted]
    if not indices:
        raise DataError(f"train.classes: of {len(dataset)} utterances none is {' or '.join(classes)}")
    return restrict(dataset, indices)


def required_labels(dataset: Dataset) -> Tensor:
    """Return the labels (N,). Raise DataError for a dataset without labels."""
    if dataset.labels is None:
        raise DataError("training needs a label for every utterance, and there is no utt2label")
    return dataset.labels
