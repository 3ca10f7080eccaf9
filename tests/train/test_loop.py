"""The training loop: it learns, logs, keeps the right weights, refuses what it should."""

import csv
import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from toy import WIDTH, toy_config, toy_dataset

from dada.data.dataset import Dataset, restrict
from dada.errors import ConfigError, DadaError, DataError
from dada.experiment.config import EarlyStopConfig, OptimConfig, result_settings
from dada.models.inference import run_model
from dada.train.dev import accuracy, equal_error_rate
from dada.train.fit import fit


def test_overfits_a_few_batches(tmp_path):
    train = toy_dataset(16)
    config = toy_config(
        epochs=60,
        phases=[],
        loss={"name": "bce"},
        batch_size=8,
        sampler="balanced",
        optim=OptimConfig(lr=0.005),
    )
    model = fit(config, train, train, tmp_path, seed=1)
    outputs = run_model(model, train)
    assert accuracy(outputs.logits, train.labels) == 1.0
    assert equal_error_rate(outputs, train.labels, config.labels) == 0.0
    rows = list(csv.DictReader(open(tmp_path / "log.csv")))
    assert len(rows) == 60 and float(rows[-1]["train_loss"]) < 0.5 * float(rows[0]["train_loss"])


def test_phases_hand_on_margins_and_freeze_what_they_should(tmp_path):
    model = fit(toy_config(), toy_dataset(), toy_dataset(20, seed=1), tmp_path, seed=1)
    rows = list(csv.DictReader(open(tmp_path / "log.csv")))
    assert [row["loss"] for row in rows] == [
        "triplet",
        "adaptive_triplet",
        "adaptive_triplet",
        "triplet",
        "bce",
        "bce",
        "bce",
    ]
    assert float(rows[0]["margin"]) == 0.5
    assert float(rows[3]["margin"]) == pytest.approx(max(float(rows[2]["margin"]), 0.05))
    assert (
        all(float(row["utts_per_second"]) > 0 for row in rows)
        and rows[-1]["metric"] == "eer"
        and float(rows[-1]["dev_metric"]) < 0.4
    )
    only_triplets = toy_config()
    only_triplets.train.phases = only_triplets.train.phases[:3]
    before = fit(only_triplets, toy_dataset(), toy_dataset(20, seed=1), tmp_path / "before", seed=1)
    for (
        name,
        value,
    ) in model.state_dict().items():  # the head alone changed, batch statistics of the rest included
        assert torch.equal(value, before.state_dict()[name]) != name.startswith("head")
    facts = json.loads((tmp_path / "run.json").read_text())
    assert facts["seconds"] > 0 and facts["hardware"]["threads"] == 1 and facts["data"]["seed"] == 1
    assert (tmp_path / "labels.txt").read_text() == "spoof\nbonafide\n" and list(
        (tmp_path / "tensorboard").iterdir()
    )


def test_keeps_the_best_epoch_and_stops_early(tmp_path):
    dev = toy_dataset(20, seed=1)
    config = toy_config(epochs=30, phases=[], loss={"name": "bce"}, optim=OptimConfig(lr=0.05), batch_size=16)
    config.train.early_stop.patience, config.train.early_stop.metric = 3, "loss"
    model = fit(config, toy_dataset(), dev, tmp_path, seed=1)
    rows = list(csv.DictReader(open(tmp_path / "log.csv")))
    losses = [float(row["dev_loss"]) for row in rows]
    assert len(rows) < 30 and min(losses) == losses[-4]
    scores = run_model(model, dev).logits[:, 0]
    kept = torch.nn.functional.binary_cross_entropy_with_logits(scores, dev.labels.float())
    assert kept.item() == pytest.approx(min(losses), abs=1e-5)


def test_no_epoch_keeps_given_weights_and_wants_some(tmp_path):
    given = fit(
        toy_config(epochs=1, phases=[], loss={"name": "bce"}),
        toy_dataset(),
        toy_dataset(20, seed=1),
        tmp_path / "a",
        seed=1,
    )
    untrained = toy_config(epochs=0, phases=[], loss={"name": "bce"})
    with pytest.raises(ConfigError, match="epochs is 0, and there is no `init`"):
        fit(untrained, toy_dataset(), toy_dataset(20, seed=1), tmp_path / "b", seed=2)
    untrained.init = "weights.pt"
    kept = fit(
        untrained,
        toy_dataset(),
        toy_dataset(20, seed=1),
        tmp_path / "b",
        seed=2,
        weights=tmp_path / "a" / "weights.pt",
    )
    for name, value in given.state_dict().items():
        assert torch.equal(value, kept.state_dict()[name]), name


def test_a_phase_may_see_some_classes_alone(tmp_path):
    once = {
        "epochs": 1,
        "loss": {"name": "bce"},
        "batch_size": 4,
        "early_stop": {"metric": "loss"},
        "classes": ["bonafide"],
    }
    config, train, dev = toy_config(phases=[once]), toy_dataset(), toy_dataset(20, seed=1)
    model = fit(config, train, dev, tmp_path / "all", seed=1)
    genuine = [
        restrict(part, [i for i, label in enumerate(part.labels) if label == 1]) for part in (train, dev)
    ]
    alone = fit(toy_config(phases=[{**once, "classes": []}]), *genuine, tmp_path / "alone", seed=1)
    assert all(
        torch.equal(a, b)
        for a, b in zip(model.state_dict().values(), alone.state_dict().values(), strict=True)
    )
    with pytest.raises(ConfigError, match="no class 'bonafid', did you mean 'bonafide'"):
        fit(toy_config(phases=[{**once, "classes": ["bonafid"]}]), train, dev, tmp_path / "unknown", seed=1)
    with pytest.raises(DataError, match="of 18 utterances none is spoof"):
        fit(toy_config(phases=[{**once, "classes": ["spoof"]}]), genuine[0], dev, tmp_path / "none", seed=1)


def test_rates_of_parts(tmp_path):
    settings = {"epochs": 1, "phases": [], "loss": {"name": "bce"}, "keep": "last"}
    still = toy_config(
        **settings, optim=OptimConfig(lr_scales={"": 0.0, "head": 1.0})
    )  # the longest prefix counts
    tenth, slow = (
        toy_config(**settings, optim=OptimConfig(lr_scales={"": 0.1})),
        toy_config(**settings, optim=OptimConfig(lr=1e-4)),
    )
    train, dev = toy_dataset(), toy_dataset(20, seed=1)
    models = [
        dict(fit(c, train, dev, tmp_path / str(i), seed=1).named_parameters())
        for i, c in enumerate((still, tenth, slow))
    ]
    fresh = dict(
        fit(
            toy_config(**{**settings, "optim": OptimConfig(lr=0.0)}), train, dev, tmp_path / "fresh", seed=1
        ).named_parameters()
    )
    for name, value in fresh.items():
        assert torch.equal(models[0][name], value) != name.startswith("head")
        torch.testing.assert_close(models[1][name], models[2][name], atol=1e-7, rtol=1e-5)
    with pytest.raises(
        ConfigError, match="train.optim.lr_scales: no parameter starts with 'heads', did you mean 'head'"
    ):
        fit(
            toy_config(**settings, optim=OptimConfig(lr_scales={"heads": 0.1})),
            train,
            dev,
            tmp_path / "wrong",
            seed=1,
        )


def test_a_finished_folder_is_loaded_and_another_setting_refused(tmp_path):
    config = toy_config(epochs=1, phases=[], loss={"name": "bce"})
    first = fit(config, toy_dataset(), toy_dataset(20), tmp_path, seed=1)
    stamp = (tmp_path / "weights.pt").stat().st_mtime_ns
    again = fit(
        toy_config(epochs=1, phases=[], loss={"name": "bce"}, num_workers=1),
        toy_dataset(),
        toy_dataset(20),
        tmp_path,
        seed=1,
    )
    assert (tmp_path / "weights.pt").stat().st_mtime_ns == stamp
    assert all(
        torch.equal(a, b)
        for a, b in zip(first.state_dict().values(), again.state_dict().values(), strict=True)
    )
    config.train.optim.lr = 0.5
    with pytest.raises(ConfigError, match=r"train\.optim\.lr: 0\.001 -> 0\.5"):
        fit(config, toy_dataset(), toy_dataset(20), tmp_path, seed=1)
    config.train.optim.lr = 0.001
    with pytest.raises(ConfigError, match="seed: 1 -> 2"):
        fit(config, toy_dataset(), toy_dataset(20), tmp_path, seed=2)
    with pytest.raises(ConfigError, match="train_data"):
        fit(config, toy_dataset(30), toy_dataset(20), tmp_path, seed=1)


def test_a_run_that_is_older_than_a_setting_had_its_default(tmp_path):
    config = toy_config(epochs=1, phases=[], loss={"name": "bce"})
    fit(config, toy_dataset(), toy_dataset(20), tmp_path, seed=1)
    saved = json.loads((tmp_path / "config.json").read_text())
    del saved["train"]["drop_last"]
    (tmp_path / "config.json").write_text(json.dumps(saved))
    fit(config, toy_dataset(), toy_dataset(20), tmp_path, seed=1)
    config.train.drop_last = True
    with pytest.raises(ConfigError, match=r"train\.drop_last: False -> True"):
        fit(config, toy_dataset(), toy_dataset(20), tmp_path, seed=1)


def test_a_damaged_checkpoint_is_named(tmp_path):
    config = toy_config(epochs=1, phases=[], loss={"name": "bce"})
    fit(config, toy_dataset(), toy_dataset(20), tmp_path, seed=1)
    (tmp_path / "weights.pt").unlink()
    path = tmp_path / "checkpoint" / "state.pt"
    parts = torch.load(path, weights_only=True)
    torch.save({**parts, "best": Path("/")}, path)
    with pytest.raises(DataError, match="state.pt holds pickled Python objects"):
        fit(config, toy_dataset(), toy_dataset(20), tmp_path, seed=1)
    lacking = {key: value for key, value in parts.items() if key != "model"}
    for wrong in ({**parts, "state": {"phases": 1}}, {**parts, "model": {"a": torch.ones(1)}}, lacking, [1]):
        torch.save(wrong, path)
        with pytest.raises(DataError, match="state.pt does not fit this training .*: remove it to train"):
            fit(config, toy_dataset(), toy_dataset(20), tmp_path, seed=1)
    path.write_bytes(b"half")
    with pytest.raises(DataError, match="state.pt is no checkpoint"):
        fit(config, toy_dataset(), toy_dataset(20), tmp_path, seed=1)


@pytest.mark.parametrize(
    ("train", "message"),
    [
        ({"phases": [{"optim": {"lrr": 1.0}}]}, "did you mean 'lr'"),
        ({"phases": [{"epochs": "many"}]}, "must be a whole number"),
        ({"phases": [{"folds": 2}]}, "whole training"),
        ({"phases": [], "sampler": "triplets"}, "eer needs logits"),
        (
            {
                "phases": [],
                "augment": [{"name": "mixup"}],
                "sampler": "triplets",
                "early_stop": EarlyStopConfig("abx"),
            },
            "leave out mixup",
        ),
        (
            {"phases": [{"augment": [{"name": "rawboost"}], "loss": {"name": "bce"}}]},
            "works on waveform, but input.kind is features",
        ),
        ({"phases": [], "classes": ["bonafide"]}, "EER needs spoofs and bona fide"),
        ({"phases": [], "sampler": "sorted"}, "unknown 'sorted'"),
        ({"phases": [], "keep": "mean"}, "known: best, last, swa"),
        ({"phases": [], "keep": "swa", "trainable": ["head"]}, "leave train.trainable empty"),
        ({"phases": [], "loss": {"name": "triplet", "inherit_margin": True}}, "no phase before"),
        ({"phases": [{"trainable": ["haed"], "loss": {"name": "bce"}}]}, "did you mean 'head'"),
        ({"phases": [{"optim": {"name": "adamm"}, "loss": {"name": "bce"}}]}, "did you mean 'adam"),
        ({"phases": [{"schedule": {"name": "cosin"}, "loss": {"name": "bce"}}]}, "did you mean 'cosine'"),
    ],
)
def test_wrong_settings_are_named(tmp_path, train, message):
    with pytest.raises(ConfigError, match=message):
        fit(toy_config(**train), toy_dataset(16), toy_dataset(16), tmp_path, seed=1)


def test_a_loss_that_is_not_finite_stops_the_run(tmp_path):
    train = toy_dataset(16)
    train.arrays["u003"] = train.arrays["u003"] * float("inf")
    with pytest.raises(DadaError, match="loss is nan in phase 1, epoch 1"):
        fit(
            toy_config(epochs=1, phases=[], loss={"name": "bce"}, batch_size=16),
            train,
            toy_dataset(16),
            tmp_path,
            seed=1,
        )


def test_augmentation_of_a_model_without_gradient_is_refused(tmp_path):
    config = toy_config(phases=[], augment=[{"name": "cutout"}])
    config.model = {"name": "gmm", "num_components": 2, "num_features": WIDTH}
    with pytest.raises(ConfigError, match="gmm is not: remove it"):
        fit(config, toy_dataset(16), toy_dataset(16), tmp_path, seed=1)


def test_training_needs_labels(tmp_path):
    whole = toy_dataset(16)
    with pytest.raises(DataError, match="utt2label"):
        fit(
            toy_config(epochs=1, phases=[], sampler="balanced"),
            Dataset(whole.arrays, whole.utts),
            whole,
            tmp_path,
            seed=1,
        )


def test_training_needs_utterances(tmp_path):
    with pytest.raises(DataError, match="0 utterances to train on and 16 on dev"):
        fit(toy_config(), toy_dataset(0), toy_dataset(16), tmp_path, seed=1)


def test_bfloat16_learns_too(tmp_path):
    train = toy_dataset(16)
    model = fit(
        toy_config(epochs=40, phases=[], loss={"name": "bce"}, mixed_precision="bf16"),
        train,
        train,
        tmp_path,
        seed=1,
    )
    outputs = run_model(model, train)
    assert outputs.logits.dtype == torch.float32 and accuracy(outputs.logits, train.labels) > 0.9
    assert (
        model.compression.down.weight.dtype == torch.float32
        and model.compression.down.weight.shape[1] == WIDTH
    )


def test_batch_normalisation_needs_two_utterances(tmp_path):
    config = toy_config(epochs=1, phases=[], loss={"name": "cross_entropy"}, batch_size=1)
    config.model = {"name": "lcnn", "width": 0.25}
    rng = np.random.default_rng(0)
    arrays = {f"u{i}": rng.standard_normal((64, 32)).astype(np.float32) for i in range(4)}
    data = Dataset(arrays, list(arrays), torch.arange(4) % 2)
    with pytest.raises(ConfigError, match=r"one utterance \(u\d\), and batch normalisation needs two"):
        fit(config, data, data, tmp_path, seed=1)


def test_settings_of_speed_alone_may_change_in_a_trained_experiment(tmp_path):
    """Loader processes and checkpoints within epochs change no result; the size of batches does."""
    settings = {"epochs": 1, "phases": [], "loss": {"name": "bce"}}
    data, weights = toy_dataset(16), []
    for folder, speed in (
        ("a", {}),
        ("a", {"num_workers": 1, "checkpoint_steps": 1}),
        ("b", {"num_workers": 1}),
    ):
        fit(toy_config(**settings, **speed), data, data, tmp_path / folder, seed=1)
        weights.append((tmp_path / folder / "weights.pt").read_bytes())
    assert weights[0] == weights[1] == weights[2]
    with pytest.raises(ConfigError, match=r"other settings \(train\.batch_size"):
        fit(toy_config(**settings, batch_size=4), data, data, tmp_path / "a", seed=1)
    phases = toy_config(epochs=1, phases=[{"num_workers": 2, "loss": {"name": "bce"}}])
    assert result_settings(dataclasses.asdict(phases))["train"]["phases"] == [{"loss": {"name": "bce"}}]
