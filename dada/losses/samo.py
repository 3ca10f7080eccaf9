"""SAMO, one-class learning with an attractor for each speaker (Ding, Zhang and Duan, "SAMO: speaker attractor
multi-center one-class learning for voice anti-spoofing", ICASSP 2023).

With w_s the attractor of speaker s and cosines cos(·, ·), an utterance x costs

    bona fide of speaker s:  log(1 + exp(α (m₁ - cos(w_s, x))))
    spoof:                   log(1 + exp(α (max_s cos(w_s, x) - m₀)))

The score is the largest cosine. The attractors are no parameters: they start as axes of the embedding, and
every `update_every` epochs become the means of the bona fide embeddings of their speakers. Here these are the
embeddings of the training batches of the epoch before, and the published code runs the network over the bona
fide utterances once more.

They lie in the head of the network (`model.head: attractors`), so that scoring needs no training data.
Speakers that have none, those of dev above all, are compared with the nearest attractor.

Axes: B batch, D embedding, S attractors.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from dada.data.batch import Batch, required_labels
from dada.data.datadir import NO_SPEAKER
from dada.data.dataset import Dataset
from dada.errors import ConfigError, DataError
from dada.losses._cosines import CosineCheck
from dada.models import Output
from dada.models.audio._heads import Attractors

SCORE_KIND = "cosine"
BONAFIDE_INDEX = 1  # of the labels [spoof, bonafide]


@dataclass
class Config:
    """The published values."""

    bonafide_margin: float = 0.7  # the cosine that bona fide speech is to exceed with its attractor
    spoof_margin: float = 0.0  # the cosine that spoofs are to stay below with all attractors
    scale: float = 20.0  # α
    update_every: int = 3  # epochs between two updates of the attractors


class Loss(nn.Module):
    """Mean over the batch. `prepare` gives it the head and the speakers before it is called."""

    sums: Tensor
    counts: Tensor
    epochs: Tensor

    def __init__(self, config: Config):
        super().__init__()
        self.check = CosineCheck("samo", "attractors")
        if config.bonafide_margin <= config.spoof_margin:
            raise ConfigError(
                f"loss samo: bonafide_margin {config.bonafide_margin} must exceed spoof_margin "
                f"{config.spoof_margin}"
            )
        self.config = config
        self.index: dict[str, int] = {}  # speaker -> attractor
        self._head: list[Attractors] = []  # a list, because the head belongs to the network

    def prepare(self, model: nn.Module, train: Dataset) -> None:
        """Take the head of the network, and the speakers of the bona fide utterances in order of their names.

        Raise ConfigError for a network without attractors, DataError without speakers.
        """
        labels = [] if train.labels is None else train.labels.tolist()
        pairs = zip(train.speakers, labels, strict=True)
        speakers = sorted({name for name, label in pairs if label == BONAFIDE_INDEX and name != NO_SPEAKER})
        if not speakers:
            raise DataError("loss samo needs speakers, and utt2spk of train names none for bona fide speech")
        self._head = [module for module in model.modules() if isinstance(module, Attractors)]
        if not self._head:
            raise ConfigError("loss samo needs attractors: set model.head: attractors")
        (head,) = self._head
        head.start(len(speakers))
        self.index = {name: i for i, name in enumerate(speakers)}
        self.register_buffer("sums", torch.zeros_like(head.attractors, dtype=torch.float64))
        self.register_buffer("counts", torch.zeros_like(self.sums[:, 0]))
        self.register_buffer("epochs", torch.zeros_like(self.sums[0, 0]))

    def start_epoch(self) -> None:
        """Called before an epoch: every `update_every` epochs the attractors of speakers that were there move
        to the means of the epoch that ended.
        """
        (head,) = self._head
        update = (self.epochs > 0) & (self.epochs % self.config.update_every == 0)
        means = self.sums / self.counts.clamp_min(1)[:, None]
        moved = (update & (self.counts > 0))[:, None]
        head.attractors.copy_(torch.where(moved, means.to(head.attractors), head.attractors))
        self.epochs += 1
        self.sums.zero_()
        self.counts.zero_()

    def groups(self, batch: Batch) -> Tensor:
        """Return the attractor of each utterance (B,), -1 for speakers without one."""
        numbers = [self.index.get(name, -1) for name in batch.speakers]
        return torch.tensor(numbers, dtype=torch.int64).to(required_labels(batch).device, non_blocking=True)

    def forward(self, output: Output, batch: Batch) -> Tensor:
        """The largest cosines (B, 1), embeddings (B, D) and classes (B,) to a scalar.

        Raise ConfigError for other logits, or labels as probabilities.
        """
        labels, config = required_labels(batch), self.config
        if labels.is_floating_point() or output.logits.shape[1] != 1:
            raise ConfigError(
                "loss samo takes a single cosine and the class of each clip: set model.head: attractors, and "
                "leave out mixup"
            )
        self.check(output.logits)
        (head,) = self._head
        largest = output.logits[:, 0]
        group = self.groups(batch) if batch.groups is None else batch.groups
        bonafide = labels == BONAFIDE_INDEX
        if self.training:
            self._observe(output.embedding.detach(), group, bonafide)
        known = head.attractors[group.clamp_min(0)]
        own = nn.functional.cosine_similarity(known.to(output.embedding), output.embedding)
        score = torch.where(bonafide & (group >= 0), own, largest)
        gap = torch.where(bonafide, config.bonafide_margin - score, score - config.spoof_margin)
        return nn.functional.softplus(config.scale * gap).mean()

    @torch.no_grad()
    def _observe(self, embedding: Tensor, group: Tensor, bonafide: Tensor) -> None:
        """Take the bona fide embeddings (B, D) of a batch into the sums of their speakers."""
        chosen = (bonafide & (group >= 0)).to(self.sums)
        rows = group.clamp_min(0)
        self.sums.index_add_(0, rows, embedding.to(self.sums) * chosen[:, None])
        self.counts.index_add_(0, rows, chosen)
