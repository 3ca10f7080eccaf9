"""Training of a network that searches its own architecture: alternating updates on two halves of the data.

First-order bilevel optimisation (Liu et al., "DARTS: differentiable architecture search", ICLR 2019, section
2.3). A model of this kind has `architecture_parameters()`, `genotype()`, and in its `config` the settings of
their Adam and the epochs before they move.
"""

import json
import logging
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from dada.data.batch import Batch
from dada.data.sampling import BatchSampler, Halves
from dada.errors import ConfigError
from dada.storage.atomic import write_text
from dada.train.batches import required_labels
from dada.train.loop import Trainer

GENOTYPE = "genotype.yaml"

log = logging.getLogger(__name__)


class Search(Trainer):
    """Updates the architecture before each update of the weights, on the other half of the data.

    The groups of the optimiser are those of the weights and then the architecture. The optimiser skips
    parameters without gradient. It therefore serves both updates, and the checkpoint holds its whole state.
    """

    def _build_optimiser(self, parameters: list[nn.Parameter]) -> torch.optim.Optimizer:
        if self.phase.optim.name == "sgd":
            raise ConfigError("train.optim.name: the search of the architecture needs adam or adamw, not sgd")
        if self.phase.sam.rho:
            raise ConfigError("train.sam: the search of the architecture has passes of its own: set rho to 0")
        settings = self.model.config
        self.architecture = self.model.architecture_parameters()
        chosen = {id(p) for p in self.architecture}
        self.weights = [p for p in parameters if id(p) not in chosen]
        optimiser = super()._build_optimiser(self.weights)
        optimiser.add_param_group(
            {
                "params": self.architecture,
                "betas": tuple(settings.search_betas),
                "weight_decay": settings.search_weight_decay,
            }
        )
        return optimiser

    def _build_sampler(self, rank: int, world: int) -> BatchSampler:
        if self.phase.accumulate > 1:
            raise ConfigError("train.accumulate: the search of the architecture takes whole batches: set 1")
        labels = required_labels(self.train).tolist()
        options = {"rank": rank, "world": world, "drop_last": self.phase.drop_last}
        sampler = Halves(labels, self.phase.batch_size, self.seed, **options)
        self.second = sampler.second
        self.held_out = {self.train.utts[i] for i in sampler.second}
        return sampler

    def _learn(self, parts: Sequence[Batch]) -> Tensor:
        """Update the architecture after its warm-up, then the weights. Return the loss of the latter."""
        settings = self.model.config
        (batch,) = parts
        self.optimiser.param_groups[-1]["lr"] = settings.search_lr
        if self.state.epoch >= settings.warmup_epochs:
            self._update(self._part(batch, True), self.weights)
        return self._update(self._part(batch, False), self.architecture)

    def _update(self, batch: Batch, fixed: Sequence[nn.Parameter]) -> Tensor:
        """Update the parameters except `fixed` on one half of a batch. Return the loss."""
        (shares,), held_out = self.sampler.shares(self.state.step), fixed is self.weights
        counts = [sum((i in self.second) == held_out for i in share) for share in shares]
        value = self._backward([batch], [counts])
        for parameter in fixed:
            parameter.grad = None
        self.optimiser.step()
        return value

    def _part(self, batch: Batch, held_out: bool) -> Batch:
        """Return the rows of a batch that belong to a half of the data."""
        rows = [i for i, utt in enumerate(batch.utts) if (utt in self.held_out) == held_out]
        utts, speakers = [batch.utts[i] for i in rows], [batch.speakers[i] for i in rows]
        labels, domains = (
            None if values is None else values[rows] for values in (batch.labels, batch.domains)
        )
        return Batch(utts, batch.inputs[rows], batch.lengths[rows], labels, speakers, domains)

    def _close_epoch(self, lr: float, num_batches: int, rate: float) -> None:
        super()._close_epoch(lr, num_batches, rate)
        log.info(
            "%s: cells after epoch %d: %s",
            self.config.name,
            self.state.total_epochs,
            json.dumps(self.model.genotype()),
        )

    def _end_phase(self) -> None:
        """Write the cells of the kept epoch."""
        super()._end_phase()
        if self.accelerator.is_main_process:
            cells = "".join(
                f"  {kind}: {json.dumps(entries)}\n" for kind, entries in self.model.genotype().items()
            )
            head = (
                f"# Cells that {self.config.name} found, for the configuration of a system\nmodel:\n  "
                "name: pc_darts\n"
            )
            write_text(self.folder / GENOTYPE, head + cells)
