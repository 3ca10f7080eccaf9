"""Stages 5 and 8 on a small corpus of features: what they plan is what they write."""

from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from dada.data import ArkReader, DataDir, write_ark, write_table
from dada.experiment.config import SystemConfig
from dada.score.scores import read_scores
from dada.stages import s05_train_audio, s08_score


@dataclass
class SmallRecipe:
    """As much of a recipe as these stages look at."""

    root: Path
    config: SystemConfig
    protocol: str = "line"
    seeds: tuple = (1, 2)
    planned: tuple = ("small",)
    scored_splits: tuple = ("dev", "test")
    corpus: SimpleNamespace = field(
        default_factory=lambda: SimpleNamespace(purported_speakers=True, audio=True)
    )
    splits: SimpleNamespace = field(
        default_factory=lambda: SimpleNamespace(train="train", dev="dev", test=["test"])
    )

    def system(self, name: str) -> SystemConfig:
        return self.config

    def seeds_of(self, name: str) -> list[int]:
        return list(self.seeds)

    def data_dir(self, split: str) -> Path:
        return self.root / "data" / split

    def dump_dir(self, config, split: str) -> Path:
        return self.root / "dump" / split

    def seed_dir(self, name: str, seed: int) -> Path:
        return self.root / "exp" / name / f"seed_{seed}"


@pytest.fixture
def recipe(tmp_path) -> SmallRecipe:
    rng = np.random.default_rng(0)
    for split in ("train", "dev", "test"):
        utts = [f"{split}{i:02d}" for i in range(12)]
        labels = {utt: ("spoof", "bonafide")[i % 2] for i, utt in enumerate(utts)}
        tables = {"wav.scp": {utt: f"{utt}.wav" for utt in utts}, "utt2spk": dict.fromkeys(utts, "BOB")}
        if split != "test":  # a test split may come without labels
            tables["utt2label"] = labels
        DataDir(tmp_path / "data" / split, tables).write()
        arrays = ((utt, rng.standard_normal((6, 4)) + 2 * (labels[utt] == "bonafide")) for utt in utts)
        write_table(
            tmp_path / "dump" / split / "utt2num_frames",
            write_ark(tmp_path / "dump" / split / "feats.scp", arrays),
        )
    config = SystemConfig(
        name="small",
        model={
            "name": "dada_audio",
            "width": 4,
            "bottleneck": 2,
            "embedding": 4,
            "attention": 2,
            "head": [4],
        },
    )
    config.input.kind, config.input.features = "features", {"name": "lfcc"}
    config.train.epochs, config.train.loss, config.train.folds, config.train.crop_size = (
        1,
        {"name": "bce"},
        2,
        3,
    )
    return SmallRecipe(tmp_path, config)


def test_training_and_scoring_write_what_they_plan(recipe):
    train_job, _ = s05_train_audio.plan(recipe)
    assert train_job.keep and all(path.exists() for path in train_job.inputs)
    s05_train_audio.run(recipe, train_job)
    assert all(path.exists() for path in train_job.outputs)
    home = recipe.seed_dir("small", 1)
    assert (
        len(ArkReader(home / "embed" / "train" / "embed.scp")) == 12
        and (home / "fold_1" / "weights.pt").exists()
    )
    score_job, _ = s08_score.plan(recipe)
    assert all(path.exists() for path in score_job.inputs) and home / "weights.pt" in score_job.inputs
    s08_score.run(recipe, score_job)
    assert all(path.exists() for path in score_job.outputs)
    scores = read_scores(home / "scores" / "test.txt")
    assert list(scores) == DataDir.read(recipe.data_dir("test")).utts
    assert scores["test03"] == pytest.approx(
        ArkReader(home / "embed" / "test" / "logits.scp")["test03"].item()
    )
    dev = read_scores(home / "scores" / "dev.txt")
    assert dev["dev05"] == pytest.approx(ArkReader(home / "embed" / "dev" / "logits.scp")["dev05"].item())


def test_other_kinds_of_systems_are_not_trained_here(recipe):
    recipe.config.task = "text"
    assert s05_train_audio.plan(recipe) == []
