"""Means of the weights: by their formulas, scored on dev, with batch statistics of their own, and resumed."""

import csv

import pytest
import torch
from toy import stopped_after, toy_config, toy_dataset

from dada.errors import ConfigError
from dada.experiment.config import AverageConfig, EarlyStopConfig, OptimConfig
from dada.models.inference import run_model
from dada.train import average, checkpoint
from dada.train.dev import equal_error_rate
from dada.train.fit import fit
from dada.train.loop import Trainer
from dada.train.phases import phases_of

EPOCHS = 4


def settings(mean: AverageConfig, **train) -> dict:
    once = {"epochs": EPOCHS, "phases": [], "loss": {"name": "bce"}, "optim": OptimConfig(lr=0.05)}
    return {**once, "keep": "last", "average": mean, "early_stop": EarlyStopConfig("eer"), **train}


def trained(folder, mean: AverageConfig, **train):
    config = toy_config(**settings(mean, **train))
    return fit(config, toy_dataset(crop_seed=3), toy_dataset(20, seed=1), folder, seed=5)


@pytest.fixture
def steps(monkeypatch) -> list[dict[str, torch.Tensor]]:
    """The weights after each update of a training."""
    taken = []
    step = Trainer._step

    def recorded(self, *arguments):
        lr = step(self, *arguments)
        taken.append({name: p.detach().clone() for name, p in self.model.named_parameters()})
        return lr

    monkeypatch.setattr(Trainer, "_step", recorded)
    return taken


def test_swa_is_the_mean_over_the_ends_of_epochs(tmp_path, steps):
    model = trained(tmp_path, AverageConfig("swa", start=1))
    ends = steps[len(steps) // EPOCHS - 1 :: len(steps) // EPOCHS]
    assert len(ends) == EPOCHS
    for name, parameter in model.named_parameters():
        expected = torch.stack([weights[name] for weights in ends[1:]]).mean(0)
        torch.testing.assert_close(parameter, expected, rtol=1e-5, atol=1e-6)


def test_ema_is_the_mean_that_forgets(tmp_path, steps):
    model = trained(tmp_path, AverageConfig("ema", decay=0.8))
    for name, parameter in model.named_parameters():
        mean = steps[0][name].double()
        for n, weights in enumerate(steps[1:], start=1):
            decay = min(0.8, (1 + n) / (10 + n))
            mean = decay * mean + (1 - decay) * weights[name].double()
        torch.testing.assert_close(parameter.double(), mean, rtol=1e-4, atol=1e-6)
        assert not torch.equal(parameter, steps[-1][name])


@pytest.mark.parametrize("name", ["swa", "ema"])
def test_the_saved_weights_are_those_that_dev_scored(tmp_path, name):
    """And the training goes on from its own, dropout included: its losses are those without a mean."""
    model = trained(tmp_path / "mean", AverageConfig(name, decay=0.9))
    dev = toy_dataset(20, seed=1)
    rows = list(csv.DictReader(open(tmp_path / "mean" / "log.csv")))
    error = equal_error_rate(run_model(model, dev), dev.labels, ["spoof", "bonafide"])
    assert float(rows[-1]["dev_metric"]) == pytest.approx(error)
    trained(tmp_path / "plain", AverageConfig())
    plain = list(csv.DictReader(open(tmp_path / "plain" / "log.csv")))
    assert len(rows) == EPOCHS
    assert [row["train_loss"] for row in rows] == [row["train_loss"] for row in plain]


def test_batch_statistics_are_those_of_train_under_the_mean(tmp_path):
    for number, batches in enumerate((0, 2)):
        mean = AverageConfig("ema", decay=0.9, statistics_batches=batches)
        model = trained(tmp_path / str(number), mean, drop_last=True)
        train, layer = toy_dataset(crop_seed=3), model.compression
        config = toy_config(**settings(mean, drop_last=True))
        sampler = average_sampler(config, train)
        means = []
        for indices in list(sampler)[: batches or None]:
            inputs = train.collate([train[i] for i in indices]).inputs.transpose(1, 2).flatten(0, 1)
            means.append(layer.down(inputs).mean(0))
        expected = torch.stack(means).mean(0)
        torch.testing.assert_close(layer.norm.running_mean, expected, rtol=1e-4, atol=1e-5)
        assert layer.norm.momentum == 0.1 and not model.training


def average_sampler(config, train):
    """The batches of the last epoch, whose number comes with their crops."""
    from dada.train.batches import make_sampler

    train.set_epoch(EPOCHS - 1)
    sampler = make_sampler(phases_of(config.train)[0], train, ["spoof", "bonafide"], 5)
    sampler.set_epoch(EPOCHS - 1)
    return sampler


@pytest.mark.parametrize("keep", ["best", "last"])
@pytest.mark.parametrize("stop_after", [1, 4, 7, 8])
def test_a_killed_run_ends_with_the_same_mean(tmp_path, keep, stop_after):
    """Two checkpoints an epoch, and one after the phase."""
    mean = AverageConfig("ema" if keep == "best" else "swa", start=1, decay=0.9)
    options = {"keep": keep, "checkpoint_steps": 3}
    whole = trained(tmp_path / "whole", mean, **options)
    with stopped_after(stop_after):
        trained(tmp_path / "killed", mean, **options)
    torch.rand(stop_after)
    resumed = trained(tmp_path / "killed", mean, **options)
    pairs = zip(whole.state_dict().values(), resumed.state_dict().values(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)


def test_a_checkpoint_from_before_there_were_means_goes_on(tmp_path, monkeypatch):
    whole = trained(tmp_path / "whole", AverageConfig())
    save = checkpoint.save
    with monkeypatch.context() as patch:
        patch.setattr(
            checkpoint,
            "save",
            lambda folder, state, parts: save(folder, state, {k: v for k, v in parts.items() if k != "mean"}),
        )
        with stopped_after(2):
            trained(tmp_path / "killed", AverageConfig())
    resumed = trained(tmp_path / "killed", AverageConfig())
    pairs = zip(whole.state_dict().values(), resumed.state_dict().values(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)


def test_a_mean_holds_what_learns_alone():
    model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Linear(2, 1))
    model[0].requires_grad_(False)
    mean = average.Average(model, AverageConfig("swa", start=1))
    mean.after_epoch(0)
    assert not mean.mean
    with mean.in_place(lambda: pytest.fail("there is no mean yet")):
        pass
    mean.after_epoch(1)
    mean.after_update(1)  # that is for ema
    assert sorted(mean.mean) == ["1.bias", "1.weight"] and mean.count == 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"keep": "swa"}, "keep: swa is a mean of weights as well"),
        ({"average": AverageConfig("ema", start=EPOCHS)}, "would never begin"),
    ],
)
def test_settings_that_do_not_go_together(changes, message):
    with pytest.raises(ConfigError, match=message):
        phases_of(toy_config(**settings(AverageConfig("swa"), **changes)).train)
