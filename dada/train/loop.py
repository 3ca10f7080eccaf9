"""The one training loop: gradient models in phases, and models that estimate themselves."""

import logging
import math
import time
from dataclasses import asdict
from pathlib import Path

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, update_bn
from torch.utils.data import DataLoader

from dada import losses, models
from dada.augment import Chain
from dada.data.batch import Batch
from dada.data.dataset import Dataset, digest
from dada.data.sampling import BatchSampler
from dada.errors import ConfigError, DadaError, DataError
from dada.storage.atomic import atomic_path, write_text
from dada.storage.environment import run_facts
from dada.storage.json_file import read_json, write_json
from dada.train import checkpoint, journal
from dada.train.checkpoint import State
from dada.train.config import SystemConfig, TrainConfig
from dada.train.estimate import estimate
from dada.train.evaluate import dev_triples, evaluate, make_sampler, of_classes
from dada.train.optim import build_optimiser, by_rate, set_trainable, training_mode
from dada.train.phases import METRICS, differing_keys, phases_of
from dada.train.processes import share_batch_statistics, whole_batch
from dada.train.schedules import learning_rate

WEIGHTS = "weights.pt"  # written last: a folder that has it is finished

log = logging.getLogger(__name__)


def fit(
    config: SystemConfig, train: Dataset, dev: Dataset, folder: Path, seed: int, weights: Path | None = None
) -> nn.Module:
    """Train a system into `folder` and return the model, in evaluation mode; a folder already finished is
    only loaded.

    `config.labels` is final: the order of the logits. `weights` is where those of `config.init` lie, if not
    at that very path. A run that was killed goes on from its checkpoint and on a CPU ends with the same
    weights, bit by bit. Under torchrun every process calls this, and each takes its share of the batches.
    Raises ConfigError where the folder holds a run with other settings, DadaError where the loss is no longer
    finite.
    """
    from accelerate.state import AcceleratorState
    from accelerate.utils import set_seed

    phases = phases_of(config.train)
    init = weights or (Path(config.init) if config.init else None)
    if not init and not any(phase.epochs for phase in phases):
        raise ConfigError(
            f"{config.name}: train.epochs is 0, and there is no `init` that names weights: one of them "
            "is needed"
        )
    if not len(train) or not len(dev):
        raise DataError(
            f"{config.name}: {len(train)} utterances to train on and {len(dev)} on dev: both need some"
        )
    folder = Path(folder)
    torch.set_num_threads(config.threads)
    AcceleratorState._reset_state()  # a run before this one may have used another precision
    accelerator = _accelerator(config)
    if accelerator.is_main_process:
        _prepare_folder(config, train, dev, folder, seed)
    accelerator.wait_for_everyone()
    set_seed(seed)
    model = models.build(config.task, config.model, len(config.labels))
    if (folder / WEIGHTS).exists():
        log.info("%s: already trained in %s", config.name, folder)
        models.load_weights(model, config.task, config.model["name"], folder / WEIGHTS)
        return model.to(accelerator.device).eval()
    if init:
        models.load_weights(model, config.task, config.model["name"], init)
    level = logging.INFO if accelerator.is_main_process else logging.DEBUG
    sizes = len(train), len(dev), sum(parameter.numel() for parameter in model.parameters())
    log.log(
        level,
        "START training %s, seed %d: %d utterances, %d on dev, %d parameters",
        config.name,
        seed,
        *sizes,
    )
    model.to(accelerator.device)
    if accelerator.process_index:  # so that dropout draws other masks in each process
        set_seed(seed + accelerator.process_index)
    if hasattr(model, "estimate"):
        seconds = estimate(model, config, train, folder)
    else:
        seconds = _trainer_of(model)(model, config, phases, train, dev, folder, seed).run()
    if accelerator.is_main_process:
        _finish(model, folder, seconds)
    accelerator.wait_for_everyone()
    log.log(level, "DONE training %s, seed %d: %.1f s", config.name, seed, seconds)
    return model.eval()


class Trainer:
    """One gradient training. `state` and the parts in the checkpoint are all there is to know of where it
    stands.
    """

    def __init__(
        self,
        model,
        config: SystemConfig,
        phases: list[TrainConfig],
        train: Dataset,
        dev: Dataset,
        folder: Path,
        seed: int,
    ):
        self.config, self.phases, self.all_train, self.all_dev = config, phases, train, dev
        self.folder, self.seed, self.accelerator = folder, seed, _accelerator(config)
        self.model = model
        if self.accelerator.num_processes > 1:
            self.model = share_batch_statistics(model, self.accelerator.device)
        self.state = State()
        self.best: dict | None = None  # weights to keep
        self.average: AveragedModel | None = None  # of the weights, where that is what to keep
        self.clock = time.monotonic()

    def run(self) -> float:
        """All phases, from the checkpoint on where there is one; returns the seconds of training, over all
        starts.
        """
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
        self.model.load_state_dict(parts["model"])
        self.best = parts["best"]
        if self.accelerator.process_index < len(parts["rng"]):  # otherwise there were fewer processes
            checkpoint.set_rng_states(parts["rng"][self.accelerator.process_index])
        log.info(
            "%s: going on after %d epochs and %d batches",
            self.config.name,
            self.state.total_epochs,
            self.state.step,
        )
        return parts

    def _begin_phase(self, parts: dict | None) -> None:
        """Build what lasts for one phase, and bring it to where `parts` of a checkpoint say."""
        self.phase = self.phases[self.state.phase]
        self.train, self.dev = (
            of_classes(part, self.phase.classes, self.config.labels)
            for part in (self.all_train, self.all_dev)
        )
        self.accelerator = _accelerator(self.config)  # a new one, as the one before holds on to its optimiser
        self._build_loss()
        parameters = set_trainable(self.model, self.phase.trainable)
        self.average = AveragedModel(self.model) if self.phase.keep == "swa" else None
        self.wrapped, self.optimiser = self.accelerator.prepare(self.model, self._build_optimiser(parameters))
        if parts and parts["optimiser"] is not None:
            self.optimiser.load_state_dict(parts["optimiser"])
            self.loss.load_state_dict(parts["loss"])
            if self.average is not None:
                self.average.load_state_dict(parts["average"])
            if self.accelerator.scaler is not None and parts["scaler"] is not None:
                self.accelerator.scaler.load_state_dict(parts["scaler"])
        ranks = {"rank": self.accelerator.process_index, "world": self.accelerator.num_processes}
        self.sampler = self._build_sampler(**ranks)
        self.sampler.max_batches = self.phase.max_batches
        self.triples = dev_triples(self.phase, self.dev, self.config.labels)
        self.augment = Chain(
            self.phase.augment, self.config.input.kind, len(self.config.labels), self.seed, ranks["rank"]
        )

    def _build_optimiser(self, parameters: list[nn.Parameter]) -> torch.optim.Optimizer:
        return build_optimiser(self.phase.optim, by_rate(self.model, parameters, self.phase.optim.lr_scales))

    def _build_sampler(self, **ranks) -> BatchSampler:
        return make_sampler(self.phase, self.train, self.config.labels, self.seed, **ranks)

    def _build_loss(self) -> None:
        settings = dict(self.phase.loss)
        if settings.get("inherit_margin"):
            if self.state.margin is None:
                raise ConfigError(
                    f"train.phases[{self.state.phase}].loss: inherit_margin, but no phase before it has "
                    "a margin"
                )
            settings["margin"] = self.state.margin
        self.loss = losses.build(settings).to(self.accelerator.device)

    def _epoch(self) -> None:
        """The rest of an epoch, then dev, the log and a checkpoint."""
        state = self.state
        if state.step == 0 and hasattr(self.loss, "start_epoch"):
            self.loss.start_epoch()
        if hasattr(self.model, "start_epoch"):
            self.model.start_epoch(state.epoch, self.phase.epochs)
        self.train.set_epoch(state.total_epochs)
        self.sampler.set_epoch(state.total_epochs, start=0)
        num_batches = len(self.sampler)
        self.sampler.set_epoch(state.total_epochs, start=state.step)
        training_mode(self.model)
        self.loss.train()
        num_utts, start = 0, time.monotonic()
        title = (
            f"{self.config.name} phase {state.phase + 1}/{len(self.phases)} epoch "
            f"{state.epoch + 1}/{self.phase.epochs}"
        )
        with journal.progress(title, num_batches, state.step) as advance:
            for batch in self._loader():
                lr = self._step(batch, num_batches)
                num_utts += len(batch) * self.accelerator.num_processes
                advance()
                every = self.phase.checkpoint_steps
                if every and state.step % every == 0 and state.step < num_batches:
                    self._save()
        self._close_epoch(lr, num_batches, num_utts / (time.monotonic() - start))

    def _step(self, batch: Batch, num_batches: int) -> float:
        """Learn from a batch; returns the learning rate."""
        state, phase = self.state, self.phase
        lr = learning_rate(
            phase.optim.lr, phase.schedule, state.epoch, phase.epochs, state.step, num_batches, state.history
        )
        for group in self.optimiser.param_groups:
            group["lr"] = lr * group.get("lr_scale", 1.0)
        value = self._learn(self.augment(batch.to(self.accelerator.device), state.total_epochs, state.step))
        state.step += 1
        state.loss_sum += value
        return lr

    def _learn(self, batch: Batch) -> float:
        """One update; returns the loss."""
        value = self._backward(batch)
        self.optimiser.step()
        return value

    def _backward(self, batch: Batch) -> float:
        """The gradients of a batch; returns its loss, which must be finite (DadaError)."""
        state, phase = self.state, self.phase
        output, processes = self.wrapped(batch), self.accelerator.num_processes
        utts = batch.utts
        if processes > 1:
            output, batch = whole_batch(output, batch)
        loss = self.loss(output, batch)
        value = float(loss.detach())
        if not math.isfinite(value):
            raise DadaError(
                f"{self.config.name}: the loss is {value} in phase {state.phase + 1}, epoch "
                f"{state.epoch + 1}, batch {state.step + 1} "
                f"({', '.join(utts[:3])}, …): try a lower learning rate or train.clip_grad_norm"
            )
        self.optimiser.zero_grad(set_to_none=True)
        # Torch divides the sum of the processes' gradients by their number.
        self.accelerator.backward(loss * processes if processes > 1 else loss)
        if phase.clip_grad_norm > 0:
            self.accelerator.clip_grad_norm_(self.wrapped.parameters(), phase.clip_grad_norm)
        return value

    def _close_epoch(self, lr: float, num_batches: int, rate: float) -> None:
        from accelerate.utils import broadcast_object_list

        state, metric = self.state, self.phase.early_stop.metric
        unwrapped = self.accelerator.unwrap_model(self.wrapped)
        dev = evaluate(unwrapped, self.loss, self.dev, self.phase, self.config.labels, self.triples)
        dev = broadcast_object_list([dev])[
            0
        ]  # batch statistics differ between processes, and all must stop at the same epoch
        train_loss = float(torch.tensor(state.loss_sum / num_batches))  # in single precision
        state.epoch, state.total_epochs, state.step, state.loss_sum = (
            state.epoch + 1,
            state.total_epochs + 1,
            0,
            0.0,
        )
        self._judge(METRICS[metric] * dev[metric], dev["loss"])
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
        """Keep the weights of the best epoch, where equal metrics let the lower dev loss decide, and count
        epochs without improvement.
        """
        state, stop = self.state, self.phase.early_stop
        state.history.append(metric)
        if self.phase.keep == "best" and (state.best is None or [metric, -dev_loss] > state.best):
            state.best = [metric, -dev_loss]
            self.best = {name: tensor.detach().clone() for name, tensor in self.model.state_dict().items()}
        if self.phase.keep == "swa" and (state.best is None or metric >= state.best[0]):
            state.best = [metric, -dev_loss]
            self.average.update_parameters(self.model)
        if state.stop_best is None or metric > state.stop_best + stop.min_delta:
            state.stop_best, state.bad_epochs = metric, 0
        else:
            state.bad_epochs += 1
        state.stopped = bool(stop.patience) and state.bad_epochs >= stop.patience

    def _end_phase(self) -> None:
        """Hand on the weights and the margin, and start the next phase with a clean state."""
        self.model = self.accelerator.unwrap_model(self.wrapped, keep_fp32_wrapper=False)
        if self.best is not None:
            self.model.load_state_dict(self.best)
        if self.average is not None:
            self._take_average()
        self.best = self.average = self.optimiser = None
        margin = self.loss.final_margin() if hasattr(self.loss, "final_margin") else None
        self.state = self.state.next_phase(margin)
        self._save()

    def _take_average(self) -> None:
        """Give the model its averaged weights, and the batch statistics that train has under these."""
        self.model.load_state_dict(self.average.module.state_dict())
        self.train.set_epoch(self.state.total_epochs)
        self.sampler.rank, self.sampler.world = 0, 1  # statistics of whole batches, in every process
        self.sampler.set_epoch(self.state.total_epochs, start=0)
        update_bn(self._loader(), self.model, self.accelerator.device)
        metric = self.phase.early_stop.metric
        dev = evaluate(self.model, self.loss, self.dev, self.phase, self.config.labels, self.triples)
        log.info(
            "%s: mean of the weights of %d epochs, dev %s %.4f",
            self.config.name,
            int(self.average.n_averaged),
            metric,
            dev[metric],
        )

    def _loader(self) -> DataLoader:
        """The batches of an epoch, from where the sampler stands."""
        return DataLoader(
            self.train,
            batch_sampler=self.sampler,
            collate_fn=self.train.collate,
            num_workers=self.phase.num_workers,
            # its own: the global one must not depend on where an epoch was resumed
            generator=torch.Generator(),
        )

    def _tick(self) -> None:
        now = time.monotonic()
        self.state.seconds += now - self.clock
        self.clock = now

    def _save(self) -> None:
        """Write the checkpoint, with the random generators of every process."""
        from accelerate.utils import gather_object

        self._tick()
        rng = gather_object([checkpoint.rng_states()])
        if self.accelerator.is_main_process:
            scaler = self.accelerator.scaler
            parts = {
                "model": self.model.state_dict(),
                "best": self.best,
                "average": None if self.average is None else self.average.state_dict(),
                "optimiser": None if self.optimiser is None else self.optimiser.state_dict(),
                "loss": self.loss.state_dict(),
                "scaler": None if scaler is None else scaler.state_dict(),
                "rng": rng,
                "config": asdict(self.config),
            }
            checkpoint.save(self.folder, self.state, parts)
        self.accelerator.wait_for_everyone()


def _trainer_of(model: nn.Module) -> type[Trainer]:
    """A model that is looking for its architecture is trained in another way."""
    if hasattr(model, "architecture_parameters"):
        from dada.train.search import Search

        return Search
    return Trainer


def _accelerator(config: SystemConfig):
    from accelerate import Accelerator
    from accelerate.utils import DistributedDataParallelKwargs

    parallel = DistributedDataParallelKwargs(find_unused_parameters=True)  # a phase may leave the head unused
    cpu = (
        not torch.cuda.is_available()
    )  # said explicitly, as several processes on a CPU find each other only then
    return Accelerator(cpu=cpu, mixed_precision=config.train.mixed_precision, kwargs_handlers=[parallel])


def _prepare_folder(config: SystemConfig, train: Dataset, dev: Dataset, folder: Path, seed: int) -> None:
    """Refuse a folder with other settings (ConfigError); write down those of a new one."""
    checkpoint.remove_partial(folder)
    new = {**asdict(config), "seed": seed, "train_data": digest(train), "dev_data": digest(dev)}
    if (folder / "run.json").exists() and (folder / "config.json").exists():
        old = {**read_json(folder / "config.json"), **read_json(folder / "run.json")["data"]}
        differing = differing_keys(old, new)
        if differing:
            raise ConfigError(
                f"{folder} holds a training with other settings ({'; '.join(differing)}): "
                "remove it, choose another --exp, or go back to these settings"
            )
        return
    facts = run_facts(journal.PACKAGES)
    facts["data"] = {key: new[key] for key in ("seed", "train_data", "dev_data")}
    write_json(folder / "run.json", facts, indent=2, ensure_ascii=False)
    write_text(folder / "labels.txt", "".join(f"{label}\n" for label in config.labels))
    write_json(folder / "config.json", asdict(config), indent=2, ensure_ascii=False)


def _finish(model: nn.Module, folder: Path, seconds: float) -> None:
    facts = read_json(folder / "run.json")
    facts = {**facts, "seconds": round(seconds, 2)}
    write_json(folder / "run.json", facts, indent=2, ensure_ascii=False)
    with atomic_path(folder / WEIGHTS) as partial:
        torch.save({name: tensor.detach().cpu() for name, tensor in model.state_dict().items()}, partial)
