"""The training loop of models that learn by gradient, in phases."""

import itertools
import logging
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from dada import losses
from dada.augment import Chain
from dada.data.batch import Batch
from dada.data.dataset import Dataset
from dada.data.loader import Loader
from dada.data.sampling import BatchSampler
from dada.errors import ConfigError
from dada.experiment.config import SystemConfig, TrainConfig
from dada.train import checkpoint, journal
from dada.train.average import Average
from dada.train.batch_norm import refresh_statistics, share_batch_statistics
from dada.train.batches import make_sampler, of_classes
from dada.train.checkpoint import State
from dada.train.dev import dev_triples, evaluate
from dada.train.optim import build_optimiser, by_rate, set_trainable, training_mode
from dada.train.phases import METRICS
from dada.train.processes import make_accelerator
from dada.train.running_loss import RunningLoss
from dada.train.sam import Draws, at_worst_point
from dada.train.schedules import learning_rate
from dada.train.update import Update

log = logging.getLogger(__name__)


class Trainer:
    """A training by gradient. `state` and the parts of the checkpoint determine how it continues."""

    def __init__(
        self,
        model: nn.Module,
        config: SystemConfig,
        phases: list[TrainConfig],
        train: Dataset,
        dev: Dataset,
        folder: Path,
        seed: int,
    ):
        self.config, self.phases, self.all_train, self.all_dev = config, phases, train, dev
        self.folder, self.seed, self.accelerator = folder, seed, make_accelerator(config)
        self.model: Any = model
        self.processes = self.accelerator.num_processes
        self.shares_statistics = self.processes > 1 and config.train.sync_batch_norm
        if self.shares_statistics:
            share_batch_statistics(model, self.accelerator.device)
        self.state = State()
        self.best: dict[str, Tensor] | None = None  # weights of the best epoch (keep: best)
        self.average: AveragedModel | None = None  # mean of weights (keep: swa)
        self.losses = RunningLoss(config.name, self.accelerator.device, skips=False)
        self.clock = time.monotonic()

    def run(self) -> float:
        """Train all phases, from the checkpoint if there is one. Return the seconds over all starts."""
        parts = self._resume()
        self.journal = (
            journal.Journal(self.folder, self.state.total_epochs)
            if self.accelerator.is_main_process
            else None
        )
        while self.state.phase < len(self.phases):
            self._begin_phase(parts)
            parts = None
            while self.state.epoch < self.phase.epochs and not self.state.stopped:
                self._epoch()
            self._end_phase()
        if self.journal:
            self.journal.close()
        return self.state.seconds

    def _resume(self) -> dict | None:
        loaded = checkpoint.load(self.folder)
        if loaded is None:
            return None
        self.state, parts = loaded
        with checkpoint.refuse_damage(self.folder):
            num_before = len(parts["rng"])
            if num_before == self.processes:
                self.model.load_state_dict(parts["model"])
                self.best = parts["best"]
                checkpoint.set_rng_states(parts["rng"][self.accelerator.process_index])
        if num_before != self.processes:
            raise ConfigError(
                f"{self.folder} holds a training in {num_before} processes, and this run has "
                f"{self.processes}, which would end with other weights: go on with --ngpu {num_before}, or "
                f"remove {checkpoint.NAME} to train from the start"
            )
        log.info(
            "%s: continuing after %d epochs and %d batches",
            self.config.name,
            self.state.total_epochs,
            self.state.step,
        )
        return parts

    def _begin_phase(self, parts: dict | None) -> None:
        """Build everything of a phase and restore `parts` of a checkpoint."""
        self.phase = self.phases[self.state.phase]
        self.train, self.dev = (
            of_classes(part, self.phase.classes, self.config.labels)
            for part in (self.all_train, self.all_dev)
        )
        self.accelerator = make_accelerator(self.config)  # new, because the last one keeps its optimiser
        self._build_loss()
        parameters = set_trainable(self.model, self.phase.trainable)
        self.average = AveragedModel(self.model) if self.phase.keep == "swa" else None
        self.mean = Average(self.model, self.phase.average)  # which every epoch scores
        self.optimiser = self.accelerator.prepare(self._build_optimiser(parameters))
        if parts and parts["optimiser"] is not None:
            self.optimiser.load_state_dict(parts["optimiser"])
            self.loss.load_state_dict(parts["loss"])
            if self.average is not None:
                self.average.load_state_dict(parts["average"])
            if parts.get("mean") is not None:
                self.mean.load_state_dict(parts["mean"])
            if self.accelerator.scaler is not None and parts["scaler"] is not None:
                self.accelerator.scaler.load_state_dict(parts["scaler"])
        rank, labels = self.accelerator.process_index, self.config.labels
        self.sampler = self._build_sampler(rank, self.processes)
        self.sampler.max_batches, self.sampler.accumulate = self.phase.max_batches, self.phase.accumulate
        self.triples = dev_triples(self.phase, self.dev, labels)
        augment = Chain(self.phase.augment, self.config.input.kind, len(labels), self.seed)
        self.loader = self._loader(augment)
        self.update = Update(self.config.name, self.model, self.loss, self.accelerator, self.phase.compile)
        if self.processes > 1:
            self._connect(augment)

    def _build_optimiser(self, parameters: list[nn.Parameter]) -> torch.optim.Optimizer:
        return build_optimiser(self.phase.optim, by_rate(self.model, parameters, self.phase.optim.lr_scales))

    def _build_sampler(self, rank: int, world: int) -> BatchSampler:
        return make_sampler(self.phase, self.train, self.config.labels, self.seed, rank, world)

    def _build_loss(self) -> None:
        settings = dict(self.phase.loss)
        if settings.get("inherit_margin"):
            if self.state.margin is None:
                raise ConfigError(
                    f"train.phases[{self.state.phase}].loss: inherit_margin, but no phase before it has "
                    "a margin"
                )
            settings["margin"] = self.state.margin
        loss: Any = losses.build(settings).to(self.accelerator.device)
        if hasattr(loss, "prepare"):
            loss.prepare(self.model, self.train)
        self.loss = loss
        if self.phase.accumulate > 1 and getattr(self.loss, "NEEDS_BATCH", False):
            raise ConfigError(
                f"train.accumulate: the loss {settings['name']} needs a whole batch, not parts of one: set 1"
            )

    def _connect(self, augment: Chain) -> None:
        """Connect the processes of a training. The first batch shows which parameters the loss depends on."""
        self.sampler.set_epoch(self.state.total_epochs, start=0)
        (batch,) = Loader(self.train, [next(iter(self.sampler))], self.accelerator.device, 0, augment)
        training_mode(self.model)
        self.update.connect(batch, [len(share) for share in self.sampler.shares(0)[0]])

    def _epoch(self) -> None:
        """Train the rest of an epoch, then evaluate on dev, log and save."""
        state = self.state
        if state.step == 0 and hasattr(self.loss, "start_epoch"):
            self.loss.start_epoch()
        if hasattr(self.model, "start_epoch"):
            self.model.start_epoch(state.epoch, self.phase.epochs)
        self.sampler.set_epoch(state.total_epochs, start=0)
        num_batches = len(self.sampler.epoch_batches())
        self.sampler.set_epoch(state.total_epochs, start=state.step)
        training_mode(self.model)
        self.loss.train()
        self._begin_losses()
        num_utts, start = 0, time.monotonic()
        phase = f"phase {state.phase + 1}/{len(self.phases)}"
        title = f"{self.config.name} {phase} epoch {state.epoch + 1}/{self.phase.epochs}"
        with journal.progress(title, num_batches, state.step) as advance:
            parts = iter(self.loader)
            while state.step < num_batches:
                shares = self.sampler.shares(state.step)
                num_utts += sum(len(share) for part in shares for share in part)
                lr = self._step(list(itertools.islice(parts, len(shares))), num_batches)
                advance()
                every = self.phase.checkpoint_steps
                if every and state.step % every == 0 and state.step < num_batches:
                    self._save()
        self._close_epoch(lr, num_batches, num_utts / (time.monotonic() - start))

    def _step(self, parts: Sequence[Batch], num_batches: int) -> float:
        """Train on a batch that comes in parts. Return the learning rate."""
        state, phase = self.state, self.phase
        lr = learning_rate(
            phase.optim.lr, phase.schedule, state.epoch, phase.epochs, state.step, num_batches, state.history
        )
        for group in self.optimiser.param_groups:
            group["lr"] = lr * group.get("lr_scale", 1.0)
        loss = self._learn(parts)
        utts = ", ".join(parts[0].utts[:3])
        self.losses.add(
            loss, f"phase {state.phase + 1}, epoch {state.epoch + 1}, batch {state.step + 1} ({utts}, …)"
        )
        self.mean.after_update(state.epoch)
        state.step += 1
        return lr

    def _learn(self, parts: Sequence[Batch]) -> Tensor:
        """Update the weights. Return the loss."""
        counts = [[len(share) for share in part] for part in self.sampler.shares(self.state.step)]
        if self.phase.sam.rho:
            before = Draws(self.accelerator.device)
            loss = self.update.backward(parts, counts)
            with at_worst_point(self.model, self.loss, self.phase.sam, before):
                self._backward(parts, counts)
        else:
            loss = self._backward(parts, counts)
        self.optimiser.step()
        return loss

    def _backward(self, parts: Sequence[Batch], counts: Sequence[Sequence[int]]) -> Tensor:
        """Compute the gradients of a batch, clipped. Return its loss, on the device."""
        loss = self.update.backward(parts, counts)
        if self.phase.clip_grad_norm > 0:
            self.accelerator.clip_grad_norm_(self.model.parameters(), self.phase.clip_grad_norm)
        return loss

    def _close_epoch(self, lr: float, num_batches: int, rate: float) -> None:
        """Evaluate the weights of an epoch, or their mean, on dev, log and save."""
        from accelerate.utils import broadcast_object_list

        state, metric = self.state, self.phase.early_stop.metric
        train_loss = self._read_losses().mean(num_batches)
        self.mean.after_epoch(state.epoch)
        with self.mean.in_place(self._refresh_statistics):
            dev = evaluate(self.model, self.loss, self.dev, self.phase, self.config.labels, self.triples)
            # Sums on a GPU may differ between processes, and all must stop at the same epoch.
            (dev,) = broadcast_object_list([dev])
            self._judge(METRICS[metric] * dev[metric], dev["loss"])
        state.epoch, state.total_epochs = state.epoch + 1, state.total_epochs + 1
        state.step, state.loss_sum, state.num_skipped = 0, 0.0, 0
        self._begin_losses()
        self._tick()
        row = {
            "phase": state.phase + 1,
            "loss": self.phase.loss["name"],
            "epoch": state.epoch,
            "lr": lr,
            "train_loss": train_loss,
        }
        row |= {"dev_loss": dev["loss"], "metric": metric, "dev_metric": dev[metric]}
        row |= self.loss.margins() if hasattr(self.loss, "margins") else {}
        row |= {"utts_per_second": round(rate, 1), "seconds": round(state.seconds, 2)}
        state.rows.append(row)
        if self.journal:
            self.journal.epoch(state.rows, state.total_epochs, len(self.phases), self.phase.epochs)
        self._save()

    def _judge(self, metric: float, dev_loss: float) -> None:
        """Keep the weights that the phase may hand on, and count epochs without improvement.

        `metric` is signed, higher is better. Of equal metrics the lower dev loss is better.
        """
        state, stop = self.state, self.phase.early_stop
        state.history.append(metric)
        if self.phase.keep == "best" and (state.best is None or [metric, -dev_loss] > state.best):
            state.best = [metric, -dev_loss]
            self.best = {name: tensor.detach().clone() for name, tensor in self.model.state_dict().items()}
        if self.average is not None and (state.best is None or metric >= state.best[0]):
            state.best = [metric, -dev_loss]
            self.average.update_parameters(self.model)
        if self.phase.keep == "last" and self.mean.mean:
            self.best = {name: tensor.detach().clone() for name, tensor in self.model.state_dict().items()}
        if state.stop_best is None or metric > state.stop_best + stop.min_delta:
            state.stop_best, state.bad_epochs = metric, 0
        else:
            state.bad_epochs += 1
        state.stopped = bool(stop.patience) and state.bad_epochs >= stop.patience

    def _end_phase(self) -> None:
        """Take the weights and the margin of this phase to the next."""
        if self.best is not None:
            self.model.load_state_dict(self.best)
        if self.average is not None:
            self._take_average(self.average)
        self.best = self.average = self.optimiser = None
        del self.loader, self.update  # ends the loader processes
        margin = self.loss.final_margin() if hasattr(self.loss, "final_margin") else None
        self.state = self.state.next_phase(margin)
        self._save()

    def _take_average(self, average: AveragedModel) -> None:
        """Load the averaged weights, and compute the batch statistics of train with them."""
        self.model.load_state_dict(average.module.state_dict())
        self._refresh_statistics()
        metric = self.phase.early_stop.metric
        dev = evaluate(self.model, self.loss, self.dev, self.phase, self.config.labels, self.triples)
        log.info(
            "%s: mean of the weights of %d epochs, dev %s %.4f",
            self.config.name,
            int(average.n_averaged),
            metric,
            dev[metric],
        )

    def _refresh_statistics(self) -> None:
        """Compute the batch statistics of train with the weights that the network has."""
        sampler, share = self.sampler, (self.sampler.rank, self.sampler.world)
        if not self.shares_statistics:
            sampler.rank, sampler.world = 0, 1  # of whole batches, in every process
        sampler.set_epoch(self.state.total_epochs, start=0)
        num_batches = self.phase.average.statistics_batches or None
        refresh_statistics(self.model, itertools.islice(self._loader(), num_batches))
        sampler.rank, sampler.world = share

    def _loader(self, augment: Chain | None = None) -> Loader:
        """Return the batches of the sampler."""
        return Loader(self.train, self.sampler, self.accelerator.device, self.phase.num_workers, augment)

    def _begin_losses(self) -> None:
        """Begin the losses of an epoch, or go on from a checkpoint within one."""
        skips = self.accelerator.scaler is not None
        self.losses = RunningLoss(
            self.config.name, self.accelerator.device, skips, self.state.loss_sum, self.state.num_skipped
        )

    def _read_losses(self) -> RunningLoss:
        """Wait for the device and return the losses. Raise what they, or checks of the loss, have found."""
        if hasattr(self.loss, "check"):
            self.loss.check.read()
        self.losses.read()
        return self.losses

    def _tick(self) -> None:
        now = time.monotonic()
        self.state.seconds += now - self.clock
        self.clock = now

    def _save(self) -> None:
        """Write the checkpoint, with the states of the random generators of all processes."""
        from accelerate.utils import gather_object

        self.state.loss_sum, self.state.num_skipped = self._read_losses().so_far
        self._tick()
        rng = gather_object([checkpoint.rng_states()])
        if self.accelerator.is_main_process:
            scaler = self.accelerator.scaler
            parts = {
                "model": self.model.state_dict(),
                "best": self.best,
                "average": None if self.average is None else self.average.state_dict(),
                "mean": None if self.optimiser is None else self.mean.state_dict(),
                "optimiser": None if self.optimiser is None else self.optimiser.state_dict(),
                "loss": self.loss.state_dict(),
                "scaler": None if scaler is None else scaler.state_dict(),
                "rng": rng,
                "config": asdict(self.config),
            }
            checkpoint.save(self.folder, self.state, parts)
        self.accelerator.wait_for_everyone()
