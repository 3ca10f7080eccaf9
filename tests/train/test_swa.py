"""Averaged weights: which epochs count, batch statistics of train, and a killed run that ends equal."""

import pytest
import torch
from toy import stopped_after, toy_config, toy_dataset

from dada.experiment.config import EarlyStopConfig, OptimConfig
from dada.train import checkpoint
from dada.train.batches import make_sampler
from dada.train.fit import fit
from dada.train.phases import phases_of

EPOCHS, SEED = 6, 5


def config(**train):
    settings = {
        "epochs": EPOCHS,
        "phases": [],
        "loss": {"name": "bce"},
        "keep": "swa",
        "drop_last": True,
        "checkpoint_steps": 3,
    }
    settings |= {"optim": OptimConfig(lr=0.05), "early_stop": EarlyStopConfig("loss")}
    return toy_config(**{**settings, **train})


def trained(folder, **train):
    return fit(config(**train), toy_dataset(crop_seed=3), toy_dataset(20, seed=1), folder, seed=SEED)


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A trained model, and the weights and the dev metrics of all its epochs."""
    epochs = {}
    save = checkpoint.save

    def record(folder, state, parts):
        if state.epoch and not state.step:
            weights = {name: value.clone() for name, value in parts["model"].items()}
            epochs[state.epoch] = weights, state.history[-1]
        save(folder, state, parts)

    monkeypatch.setattr(checkpoint, "save", record)
    return trained(tmp_path / "run"), [epochs[number] for number in range(1, EPOCHS + 1)]


def test_weights_are_the_mean_over_epochs_no_worse_than_any_before(run):
    model, epochs = run
    metrics = [metric for _, metric in epochs]
    chosen = [weights for i, (weights, metric) in enumerate(epochs) if metric >= max(metrics[: i + 1])]
    assert 1 < len(chosen) < EPOCHS  # else this would show nothing
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(
            parameter, torch.stack([weights[name] for weights in chosen]).mean(0), rtol=1e-5, atol=1e-6
        )


def test_batch_statistics_are_those_of_train_under_the_mean_weights(run):
    model, _ = run
    train = toy_dataset(crop_seed=3)
    train.set_epoch(EPOCHS)
    sampler = make_sampler(phases_of(config().train)[0], train, ["spoof", "bonafide"], SEED)
    sampler.set_epoch(EPOCHS)
    means, variances = [], []
    for indices in sampler:
        inputs = train.collate([train[i] for i in indices]).inputs.transpose(1, 2).flatten(0, 1)
        before = model.compression.down(inputs)
        means.append(before.mean(0))
        variances.append(before.var(0))
    assert [len(indices) for indices in sampler] == [8] * 4  # of 36 utterances: the last four are left out
    torch.testing.assert_close(
        model.compression.norm.running_mean, torch.stack(means).mean(0), rtol=1e-4, atol=1e-5
    )
    torch.testing.assert_close(
        model.compression.norm.running_var, torch.stack(variances).mean(0), rtol=1e-4, atol=1e-5
    )
    assert model.compression.norm.momentum == 0.1 and not model.training


@pytest.mark.parametrize(
    "stop_after", [1, 4, 9, 11, 12]
)  # two checkpoints an epoch; the last but one lies before the final statistics
def test_a_killed_run_ends_with_the_same_average(tmp_path, stop_after):
    whole = trained(tmp_path / "whole")
    with stopped_after(stop_after):
        trained(tmp_path / "killed")
    torch.rand(stop_after)
    resumed = trained(tmp_path / "killed")
    assert all(
        torch.equal(a, b)
        for a, b in zip(whole.state_dict().values(), resumed.state_dict().values(), strict=True)
    )
