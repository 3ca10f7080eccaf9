"""Updates: losses that wait on the device, batches in parts, precision, and what a checkpoint refuses."""

import copy
import itertools
from types import SimpleNamespace
from unittest import mock

import pytest
import torch
from test_processes import exact_config
from test_workers import trained as train_clips
from torch.utils._python_dispatch import TorchDispatchMode
from toy import stopped_after, toy_config, toy_dataset

from dada import models
from dada.data.batch import Batch
from dada.data.sampling import Shuffle, Triplets
from dada.errors import ConfigError, DadaError, DataError
from dada.experiment.config import OptimConfig
from dada.losses import build
from dada.models import Output
from dada.train import checkpoint, optim
from dada.train.batch_norm import OnCpu, share_batch_statistics
from dada.train.fit import fit
from dada.train.running_loss import READ_EVERY, RunningLoss
from dada.train.update import Update

CPU, GPU = torch.device("cpu"), torch.device("cuda")
ONCE = {"epochs": 1, "phases": [], "loss": {"name": "bce"}}


def train(folder, config, num: int = 35):
    return fit(config, toy_dataset(num, crop_seed=3), toy_dataset(20, seed=1), folder, seed=5)


def test_losses_are_read_now_and_then_on_a_gpu():
    losses = RunningLoss("toy", GPU, skips=False)
    for i in range(READ_EVERY - 1):
        losses.add(torch.tensor(float(i)), f"batch {i}")
    assert losses.so_far == (0.0, 0)
    losses.add(torch.tensor(0.5), "batch 49")
    assert losses.so_far == (sum(range(READ_EVERY - 1)) + 0.5, 0)
    for value in (1.0, float("nan"), float("inf")):
        losses.add(torch.tensor(value), f"batch of {value}")
    with pytest.raises(DadaError, match="toy: the loss is nan in batch of nan: try a lower"):
        losses.mean(53)


def test_an_overflow_in_float16_is_left_out_and_nothing_but_overflows_an_error():
    losses = RunningLoss("toy", CPU, skips=True)
    for value in (1.0, float("inf"), 3.0):
        losses.add(torch.tensor(value), "")
    assert losses.mean(3) == 2.0 and losses.so_far == (4.0, 1)
    with pytest.raises(DadaError, match="no loss of 1 batches is finite in float16"):
        again = RunningLoss("toy", CPU, skips=True)
        again.add(torch.tensor(float("nan")), "")
        again.mean(1)


class Reads(TorchDispatchMode):
    """Counts what waits for a GPU: numbers that are read from tensors, and shapes that depend on values."""

    OPS = ("_local_scalar_dense", "is_nonzero", "nonzero", "masked_select", "equal")
    num = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.num += func.overloadpacket.__name__ in self.OPS
        return func(*args, **(kwargs or {}))


def test_an_update_reads_nothing_from_the_device(tmp_path):
    backward, counts = Update.backward, []

    def counted(self, *arguments):
        with Reads() as reads:
            loss = backward(self, *arguments)
        counts.append(reads.num)
        return loss

    with mock.patch.object(Update, "backward", counted):
        train_clips(tmp_path, 0)
    assert len(counts) == 8 and set(counts) == {0}
    with Reads() as reads:
        float(torch.ones(3).sum())
    assert reads.num == 1


@pytest.mark.parametrize("name", ["oc_softmax", "p2sgrad"])
def test_a_loss_on_cosines_reads_its_check_later(name):
    """As on a GPU, where the logits lie elsewhere."""
    loss = build({"name": name})
    logits = torch.full((2, 1 if name == "oc_softmax" else 2), 0.5)
    batch = Batch(["a", "b"], logits, torch.ones(2), torch.tensor([0, 1]))
    with mock.patch.object(type(loss.check), "read") as read:
        loss(Output(2 * logits + 1, logits), batch)
        loss(Output(logits, logits), batch)
    assert read.call_count == 2
    with pytest.raises(ConfigError, match="beyond ±1"):
        loss.check.read()
    loss.check.read()  # what was said is not said again


def test_batches_in_parts_have_the_gradients_of_whole_ones(tmp_path):
    """With class weights, learning margins and clipped gradients; the network has no batch statistics."""
    weights = {}
    for accumulate in (1, 3):
        config = exact_config()
        config.train.phases.pop()  # its contrastive loss compares the clips of a whole batch
        for phase in config.train.phases:
            if phase["loss"].get("auto") != "dada":
                phase |= {"accumulate": accumulate, "optim": {"name": "sgd", "lr": 0.05}}
        weights[accumulate] = train(tmp_path / str(accumulate), config).state_dict()
    assert any(not torch.equal(weights[1][name], value) for name, value in weights[3].items())
    for name, value in weights[1].items():
        torch.testing.assert_close(weights[3][name], value, rtol=0, atol=1e-6)


def test_parts_of_a_batch():
    whole, parts = Shuffle(23, 5, 1), Shuffle(23, 5, 1, rank=1, world=2)
    parts.accumulate = 3
    parts.set_epoch(0, start=1)
    assert [len(batch) for batch in whole] == [5, 5, 5, 5, 3]
    assert [len(part) for part in parts] == [1, 1] * 3 + [1]  # parts of 2 and 3 in each process half
    cut = [[share for part in parts.shares(k) for share in part] for k in range(5)]
    assert [sorted(itertools.chain(*shares)) for shares in cut] == [sorted(batch) for batch in whole]
    triples = Triplets(["a", "a", "a", "b", "b", "b"], 4, 1)
    (first, _) = list(triples)
    triples.accumulate = 2
    halves = list(triples)[:2]
    assert halves == [[first[i] for i in (0, 1, 4, 5, 8, 9)], [first[i] for i in (2, 3, 6, 7, 10, 11)]]


@pytest.mark.parametrize("loss", [{"name": "adaptive_triplet", "auto": "dada"}, {"name": "dependency"}])
def test_a_loss_of_a_whole_batch_takes_no_parts(tmp_path, loss):
    sampler = {"sampler": "triplets", "triplets_by": "label"} if "auto" in loss else {}
    config = toy_config(epochs=1, phases=[], loss=loss, accumulate=2, **sampler)
    config.train.early_stop.metric = "loss"
    with pytest.raises(ConfigError, match=f"train.accumulate: the loss {loss['name']} needs a whole batch"):
        train(tmp_path, config)


def test_dev_is_computed_as_scoring_is(tmp_path):
    """In float32, whatever the precision of the training."""
    seen, make = set(), models.build

    def watched(*arguments):
        model = make(*arguments)
        model.register_forward_pre_hook(
            lambda module, _: seen.add((module.training, torch.is_autocast_enabled("cpu")))
        )
        return model

    with mock.patch.object(models, "build", watched):
        train(tmp_path, toy_config(**ONCE, mixed_precision="bf16"))
    assert seen == {(True, True), (False, False)}


def test_compilation_is_asked_for_by_a_flag(tmp_path):
    with mock.patch.object(torch, "compile", side_effect=lambda model: model) as compiled:
        train(tmp_path / "a", toy_config(**ONCE))
        assert not compiled.called
        train(tmp_path / "b", toy_config(**ONCE, compile=True))
    assert compiled.call_count == 1


@pytest.mark.parametrize("name", ["adam", "adamw", "sgd"])
def test_optimisers_on_a_gpu_are_fused(name):
    kind = {"adam": "Adam", "adamw": "AdamW", "sgd": "SGD"}[name]
    with mock.patch.object(torch.optim, kind) as made:
        for is_cuda in (True, False):
            optim.build_optimiser(OptimConfig(name=name), [SimpleNamespace(is_cuda=is_cuda)])
            optim.build_optimiser(OptimConfig(name=name), [{"params": [SimpleNamespace(is_cuda=is_cuda)]}])
    assert [call.kwargs["fused"] for call in made.call_args_list] == [True, True, None, None]


@pytest.mark.parametrize("device", [CPU, GPU])
def test_shared_batch_norms_are_the_same_layers(device):
    """Also those whose scale is no parameter, and as copies for averaged weights."""
    plain = models.build("audio", {"name": "lcnn", "width": 0.25, "norm_scale": False}, 2).eval()
    shared = copy.deepcopy(plain)
    share_batch_statistics(shared, device)
    share_batch_statistics(shared, device)  # of the next training in this process
    layers = [layer for layer in shared.modules() if isinstance(layer, torch.nn.BatchNorm2d)]
    kind = OnCpu if device.type == "cpu" else torch.nn.SyncBatchNorm
    assert len(layers) > 2 and all(isinstance(layer, kind) for layer in layers)
    assert [*plain.state_dict()] == [*shared.state_dict()]
    batch = Batch(["a", "b"], torch.randn(2, 64, 32), torch.tensor([32, 32]))
    for network in (shared, copy.deepcopy(shared)):
        assert torch.equal(network(batch).logits, plain(batch).logits)


def test_lengths_stay_on_the_cpu():
    batch = Batch(["a", "b"], torch.zeros(2, 5), torch.tensor([5, 3]), torch.tensor([0, 1]))
    elsewhere = batch.to("meta")
    assert (
        elsewhere.inputs.device.type == elsewhere.labels.device.type == elsewhere.mask.device.type == "meta"
    )
    assert elsewhere.lengths.device.type == "cpu" and batch.mask.sum(1).tolist() == [5, 3]


def test_a_run_of_another_number_of_processes_is_refused(tmp_path):
    with stopped_after(1):
        train(tmp_path, toy_config(**ONCE))
    path = tmp_path / checkpoint.NAME
    parts = torch.load(path, weights_only=True)
    torch.save({**parts, "rng": parts["rng"] * 2}, path)
    with pytest.raises(ConfigError, match="holds a training in 2 processes, and this run has 1, .* --ngpu 2"):
        train(tmp_path, toy_config(**ONCE))
    torch.save({**parts, "version": 1}, path)
    with pytest.raises(DataError, match="state.pt is of version 1, and 2 is read here: remove it to train"):
        train(tmp_path, toy_config(**ONCE))
