"""Running a model over a dataset, the same way while training (dev), for folds, and for scoring.

Axes: N utterances, K classes, D embedding.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from dada.data.datadir import BONAFIDE, SPOOF
from dada.data.dataset import Dataset
from dada.data.loader import Loader
from dada.errors import ConfigError

log = logging.getLogger(__name__)


@dataclass
class Outputs:
    """What a model says of N utterances: logits (N, K) and embeddings (N, D), float32 on the CPU, in the
    order of `utts`.
    """

    utts: list[str]
    logits: Tensor
    embeddings: Tensor


def run_model(
    model: nn.Module, dataset: Dataset, batch_size: int = 16, num_workers: int | None = 0
) -> Outputs:
    """Outputs for every utterance, in the dataset's order, in the batches of `make_batches`."""
    batches = make_batches(dataset, batch_size)
    outputs = run_batches(model, dataset, batches, num_workers)
    order = torch.tensor([i for batch in batches for i in batch], dtype=torch.int64)
    place = torch.empty_like(order)
    place[order] = torch.arange(len(order))
    return Outputs(list(dataset.utts), outputs.logits[place], outputs.embeddings[place])


@torch.inference_mode()
def run_batches(
    model: nn.Module, dataset: Dataset, batches: Sequence[Sequence[int]], num_workers: int | None = 0
) -> Outputs:
    """Outputs of the utterances of some batches, in that order, in evaluation mode; the model's mode is put
    back afterwards.

    A batch is the indices of its utterances. The model computes on the device where its parameters lie.
    """
    device = device_of(model)
    logits, embeddings = [], []
    was_training = {module: module.training for module in model.modules()}
    model.eval()
    for batch in Loader(dataset, batches, device, num_workers):
        output = model(batch)
        logits.append(output.logits.float().cpu())
        embeddings.append(output.embedding.float().cpu())
    for module, training in was_training.items():
        module.training = training
    utts = [dataset.utts[i] for batch in batches for i in batch]
    return Outputs(utts, torch.cat(logits), torch.cat(embeddings))


def device_of(model: nn.Module) -> torch.device:
    """Return the device of a model's parameters, or buffers; the CPU where it has none."""
    return next((t.device for t in [*model.parameters(), *model.buffers()]), torch.device("cpu"))


def make_batches(dataset: Dataset, batch_size: int) -> list[list[int]]:
    """Return the indices of each batch. Utterances of similar length are together, so that little is padded.

    Batches hold at most `batch_size` utterances, and `dataset.batch_steps` steps where the dataset knows
    lengths. A single utterance beyond `dataset.batch_steps` is a batch of its own, and the log names it.
    """
    order, lengths = list(range(len(dataset))), dataset.lengths
    if lengths is None:
        return [order[i : i + batch_size] for i in range(0, len(order), batch_size)]
    order.sort(key=lengths.__getitem__)  # stable: equal lengths keep their order
    batches: list[list[int]] = []
    for i in order:
        size = len(batches[-1]) + 1 if batches else 0
        if not batches or size > batch_size or size * lengths[i] > dataset.batch_steps:
            batches.append([])
        batches[-1].append(i)
    longest = order[-1] if order else 0
    if order and lengths[longest] > dataset.batch_steps:
        log.warning(
            "utterance %s has %d steps, more than the %d of a batch: it may take much memory; "
            "input.num_samples "
            "cuts clips",
            dataset.utts[longest],
            lengths[longest],
            dataset.batch_steps,
        )
    return batches


def scores_from_logits(logits: Tensor, labels: Sequence[str]) -> Tensor:
    """The countermeasure score (N,) of logits (N, K), higher is more bona fide: logit[bonafide] -
    logit[spoof].

    Where attacks stand in the place of spoof, it is the log-odds of bona fide against all of them. A single
    logit (N, 1) is the score.
    """
    if logits.shape[1] == 1:
        return logits[:, 0]
    if BONAFIDE not in labels:
        raise ConfigError(
            f"the classes {', '.join(labels)} hold no {BONAFIDE}: this system gives no countermeasure score"
        )
    own = list(labels).index(BONAFIDE)
    if SPOOF in labels:
        return logits[:, own] - logits[:, list(labels).index(SPOOF)]
    others = [k for k in range(logits.shape[1]) if k != own]
    return logits[:, own] - logits[:, others].logsumexp(1)
