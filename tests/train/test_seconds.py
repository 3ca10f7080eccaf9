"""Batches by duration: a training takes every utterance, and a killed run ends with the same weights."""

import csv

import torch
from toy import stopped_after, toy_config, toy_dataset

from dada.experiment.config import OptimConfig, ScheduleConfig
from dada.train.fit import fit
from dada.train.loop import Trainer

SECONDS = 45  # four utterances of 10 or 11 frames, a frame being a second here


def trained(folder):
    train = toy_dataset(35)
    train.steps_per_second = 1.0
    config = toy_config(
        epochs=3,
        phases=[],
        loss={"name": "bce"},
        batch_seconds=SECONDS,
        accumulate=2,
        optim=OptimConfig(lr=0.01),
        schedule=ScheduleConfig("cosine", per="step"),
        keep="last",
        checkpoint_steps=2,
    )
    return fit(config, train, toy_dataset(20, seed=1), folder, seed=5)


def test_a_killed_run_ends_with_the_same_weights(tmp_path, monkeypatch):
    batches = []
    step = Trainer._step

    def recorded(self, parts, num_batches):
        batches.append(
            [(utt, int(n)) for part in parts for utt, n in zip(part.utts, part.lengths, strict=True)]
        )
        return step(self, parts, num_batches)

    monkeypatch.setattr(Trainer, "_step", recorded)
    whole = trained(tmp_path / "whole")
    assert all(len(batch) >= 2 and len(batch) * max(n for _, n in batch) <= SECONDS for batch in batches)
    taken = [utt for batch in batches for utt, _ in batch]
    assert len(taken) == 3 * 35 and len(set(taken)) == 35
    with open(tmp_path / "whole" / "log.csv", newline="") as file:
        assert len(list(csv.DictReader(file))) == 3
    with stopped_after(7):
        trained(tmp_path / "killed")
    torch.rand(3)
    resumed = trained(tmp_path / "killed")
    pairs = zip(whole.state_dict().values(), resumed.state_dict().values(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)
