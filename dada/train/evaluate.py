"""How a model does on dev between epochs. Axes: N utterances, K classes, D embedding."""

import torch
from torch import Tensor, nn

from dada.data.batch import Batch
from dada.data.datadir import BONAFIDE, NO_SPEAKER, SPOOF
from dada.data.dataset import Dataset, restrict
from dada.data.sampling import Balanced, BatchSampler, Shuffle, Triplets
from dada.errors import ConfigError, DataError
from dada.metrics.det import det
from dada.metrics.eer import eer_of
from dada.models import Output
from dada.models.inference import Outputs, run_model, scores_from_logits
from dada.plugins import nearest
from dada.train.config import TrainConfig

DEV_SEED = 0  # of the triples on dev: the same for every epoch, run and system


def make_sampler(
    phase: TrainConfig, dataset: Dataset, labels: list[str], seed: int, rank: int = 0, world: int = 1
) -> BatchSampler:
    """The batches of a phase."""
    how = {"rank": rank, "world": world, "drop_last": phase.drop_last}
    if phase.sampler == "triplets":
        return Triplets(pair_groups(dataset, phase.triplets_by, labels), phase.batch_size, seed, **how)
    if phase.sampler == "balanced":
        return Balanced(required_labels(dataset).tolist(), phase.batch_size, seed, **how)
    return Shuffle(len(dataset), phase.batch_size, seed, dataset.lengths, **how)


def pair_groups(dataset: Dataset, by: str, labels: list[str]) -> list[object]:
    """What makes two utterances a positive pair. By speaker, a spoof belongs to nobody: it is not its
    purported speaker's voice.
    """
    if by == "label":
        return required_labels(dataset).tolist()
    fake = labels.index(SPOOF) if SPOOF in labels and dataset.labels is not None else None
    return [
        None if name == NO_SPEAKER or (fake is not None and dataset.labels[i] == fake) else name
        for i, name in enumerate(dataset.speakers)
    ]


def of_classes(dataset: Dataset, classes: list[str], labels: list[str]) -> Dataset:
    """The utterances of some classes; all of them, where none is named.

    Raises ConfigError for a class that the system does not have, DataError where no utterance is left.
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
    """The labels (N,), or a DataError."""
    if dataset.labels is None:
        raise DataError("training needs a label for every utterance, and there is no utt2label")
    return dataset.labels


def dev_triples(phase: TrainConfig, dev: Dataset, labels: list[str]) -> Tensor | None:
    """Indices [anchors | positives | negatives] (3M,) of the fixed triples on dev, where the phase needs
    them.
    """
    if phase.sampler != "triplets" and phase.early_stop.metric != "abx":
        return None
    groups = pair_groups(dev, phase.triplets_by, labels)
    return torch.tensor(
        Triplets(groups, len(dev), DEV_SEED).epoch_batches()[0]
    )  # one batch: there are at most len(dev) triples


@torch.no_grad()
def evaluate(
    model: nn.Module,
    loss: nn.Module,
    dev: Dataset,
    phase: TrainConfig,
    labels: list[str],
    triples: Tensor | None,
) -> dict[str, float]:
    """The loss on dev and the phase's metric, `{"loss": ..., "eer": ...}`, with the triples of `dev_triples`."""
    outputs = run_model(model, dev, phase.batch_size, phase.num_workers)
    results = {
        "loss": _dev_loss(
            loss, outputs, dev, triples if phase.sampler == "triplets" else torch.arange(len(dev))
        )
    }
    metric = phase.early_stop.metric
    if metric == "abx":
        results["abx"] = abx(outputs.embeddings[triples])
    elif metric == "accuracy":
        results["accuracy"] = accuracy(outputs.logits, required_labels(dev))
    elif metric == "eer":
        results["eer"] = equal_error_rate(outputs, required_labels(dev), labels)
    return results


def _dev_loss(loss: nn.Module, outputs: Outputs, dev: Dataset, rows: Tensor) -> float:
    device = next((buffer.device for buffer in loss.buffers()), torch.device("cpu"))
    output = Output(outputs.logits[rows].to(device), outputs.embeddings[rows].to(device))
    labels = None if dev.labels is None else dev.labels[rows].to(device)
    batch = Batch([dev.utts[i] for i in rows.tolist()], output.embedding, torch.zeros(0), labels)
    was_training = loss.training
    value = loss.eval()(output, batch)
    loss.train(was_training)
    return float(value)


def abx(triples: Tensor) -> float:
    """Of triples [A | P | N] (3M, D), the part where A is nearer to P than to N by cosine; ties are errors."""
    anchor, positive, negative = triples.chunk(3)
    similarity = nn.functional.cosine_similarity
    return float((similarity(anchor, positive) > similarity(anchor, negative)).float().mean())


def accuracy(logits: Tensor, labels: Tensor) -> float:
    """The part of utterances whose class has the largest logit; a single logit decides by its sign."""
    guess = (logits[:, 0] > 0).long() if logits.shape[1] == 1 else logits.argmax(dim=1)
    return float((guess == labels).float().mean())


def equal_error_rate(outputs: Outputs, targets: Tensor, labels: list[str]) -> float:
    """EER of the countermeasure scores, in [0, 1]. Raises ConfigError for a system without bona fide and
    spoof.
    """
    if BONAFIDE not in labels or SPOOF not in labels:
        raise ConfigError(
            f"early_stop.metric eer needs classes {SPOOF} and {BONAFIDE}, this system has others: use "
            "accuracy, abx or loss"
        )
    scores = scores_from_logits(outputs.logits, labels).double().numpy()
    real = targets.numpy() == labels.index(BONAFIDE)
    if real.all() or not real.any():
        raise DataError("the EER on dev needs bona fide and spoofed utterances, and dev holds one kind only")
    return eer_of(det(scores[real], scores[~real]))[0]
