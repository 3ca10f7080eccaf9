"""Loss and metric on dev after each epoch. Axes: N utterances, M triples, K classes, D embedding."""

from typing import Any

import torch
from torch import Tensor, nn

from dada.data.batch import Batch
from dada.data.datadir import BONAFIDE, SPOOF
from dada.data.dataset import Dataset
from dada.data.sampling import Triplets
from dada.errors import ConfigError, DataError
from dada.experiment.config import TrainConfig
from dada.metrics.claims import claim_log_odds, split_by_claim
from dada.metrics.det import det
from dada.metrics.eer import eer_of
from dada.models import Output
from dada.models.inference import Outputs, scores_from_logits
from dada.train.batches import pair_groups, required_labels
from dada.train.processes import run_shared

TRIPLES_SEED = 0  # the triples on dev are equal for every epoch, run and system


def dev_triples(phase: TrainConfig, dev: Dataset, labels: list[str]) -> Tensor | None:
    """Return indices [anchors | positives | negatives] (3M,) of fixed triples on dev, None if not needed."""
    if phase.sampler != "triplets" and phase.early_stop.metric != "abx":
        return None
    groups = pair_groups(dev, phase.triplets_by, labels)
    (batch,) = Triplets(groups, len(dev), TRIPLES_SEED).epoch_batches()  # at most len(dev) triples
    return torch.tensor(batch)


@torch.no_grad()
def evaluate(
    model: nn.Module,
    loss: nn.Module,
    dev: Dataset,
    phase: TrainConfig,
    labels: list[str],
    triples: Tensor | None,
) -> dict[str, float]:
    """Return the loss on dev and the phase's metric, `{"loss": ..., "eer": ...}`.

    `triples` are those of `dev_triples`; the loss of a phase without triplets is over all utterances.
    """
    outputs = run_shared(model, dev, phase.batch_size, phase.num_workers)
    rows = triples if triples is not None and phase.sampler == "triplets" else torch.arange(len(dev))
    results = {"loss": _dev_loss(loss, outputs, dev, rows)}
    metric = phase.early_stop.metric
    if metric == "abx" and triples is not None:
        results["abx"] = abx(outputs.embeddings[triples])
    elif metric == "accuracy":
        results["accuracy"] = accuracy(outputs.logits, required_labels(dev))
    elif metric == "eer":
        results["eer"] = equal_error_rate(outputs, required_labels(dev), labels)
    elif metric == "claim_eer":
        by_logit = phase.loss.get("name") == "claims"
        results["claim_eer"] = claim_eer(outputs.logits, required_labels(dev), by_logit)
    return results


def _dev_loss(loss: nn.Module, outputs: Outputs, dev: Dataset, rows: Tensor) -> float:
    device = next((buffer.device for buffer in loss.buffers()), torch.device("cpu"))
    output = Output(outputs.logits[rows].to(device), outputs.embeddings[rows].to(device))
    labels = None if dev.labels is None else dev.labels[rows].to(device)
    utts, speakers = ([names[i] for i in rows.tolist()] for names in (dev.utts, dev.speakers))
    batch = Batch(utts, output.embedding, torch.zeros(0), labels, speakers)
    was_training = loss.training
    value = loss.eval()(output, batch)
    loss.train(was_training)
    check: Any = getattr(loss, "check", None)
    if check is not None:
        check.read()
    return float(value)


def abx(triples: Tensor) -> float:
    """Return the share of triples [A | P | N] (3M, D) with A nearer to P than to N by cosine similarity."""
    anchor, positive, negative = triples.chunk(3)
    similarity = nn.functional.cosine_similarity
    return float((similarity(anchor, positive) > similarity(anchor, negative)).float().mean())


def accuracy(logits: Tensor, labels: Tensor) -> float:
    """Return the share of correctly classified utterances. A single logit decides by its sign."""
    guess = (logits[:, 0] > 0).long() if logits.shape[1] == 1 else logits.argmax(dim=1)
    return float((guess == labels).float().mean())


def claim_eer(logits: Tensor, labels: Tensor, by_logit: bool = False) -> float:
    """Return the EER of claims, in [0, 1], from logits (N, K): each utterance is claimed once by every class.

    The score is the log odds of the claimed class, or with `by_logit` its logit. Raise DataError for a single
    class.
    """
    values = logits.double().numpy()
    scores = values if by_logit else claim_log_odds(values)
    own, others = split_by_claim(scores, labels.numpy())
    return eer_of(det(own, others))[0]


def equal_error_rate(outputs: Outputs, targets: Tensor, labels: list[str]) -> float:
    """Return the EER of the countermeasure scores, in [0, 1].

    Raise ConfigError for a system without the classes bona fide and spoof, DataError for dev without both.
    """
    if BONAFIDE not in labels or SPOOF not in labels:
        raise ConfigError(
            f"early_stop.metric eer needs classes {SPOOF} and {BONAFIDE}, this system has others: use "
            "accuracy, abx or loss"
        )
    scores = scores_from_logits(outputs.logits, labels).double().numpy()
    bonafide = targets.numpy() == labels.index(BONAFIDE)
    if bonafide.all() or not bonafide.any():
        raise DataError("the EER on dev needs bona fide and spoofed utterances, and dev has one kind only")
    return eer_of(det(scores[bonafide], scores[~bonafide]))[0]
