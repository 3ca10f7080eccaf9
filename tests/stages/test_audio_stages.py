"""Stages 5 and 8 on a small corpus of features: what they plan is what they write."""

import numpy as np
import pytest
from small_recipe import small_recipe

from dada.data import ArkReader, DataDir, write_ark, write_table
from dada.data.input import InputConfig
from dada.experiment.config import SystemConfig, TrainConfig
from dada.score.scores import read_scores
from dada.stages import s05_train_audio, s08_score

SMALL = SystemConfig(
    input=InputConfig("features", features={"name": "lfcc"}),
    model={"name": "dada_audio", "width": 4, "bottleneck": 2, "embedding": 4, "attention": 2, "head": [4]},
    train=TrainConfig(epochs=1, loss={"name": "bce"}, folds=2, crop_size=3),
)


@pytest.fixture
def recipe(tmp_path):
    corpus = {"name": "small", "purported_speakers": True}
    recipe = small_recipe(tmp_path, {"small": SMALL}, corpus=corpus, seeds=[1, 2])
    rng = np.random.default_rng(0)
    for split in recipe.all_splits:
        utts = [f"{split}{i:02d}" for i in range(12)]
        labels = {utt: ("spoof", "bonafide")[i % 2] for i, utt in enumerate(utts)}
        tables = {"wav.scp": {utt: f"{utt}.wav" for utt in utts}, "utt2spk": dict.fromkeys(utts, "BOB")}
        if split != "test":  # a test split may come without labels
            tables["utt2label"] = labels
        DataDir(recipe.data_dir(split), tables).write()
        arrays = ((utt, rng.standard_normal((6, 4)) + 2 * (labels[utt] == "bonafide")) for utt in utts)
        dump = recipe.dump_dir(recipe.system("small").input, split)
        write_table(dump / "utt2num_frames", write_ark(dump / "feats.scp", arrays))
    return recipe


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


def test_other_kinds_of_systems_are_not_trained_here(tmp_path):
    recipe = small_recipe(tmp_path, {}, systems=["dada_text", "dada_audio", "dada_mid"])
    assert [job.systems for job in s05_train_audio.plan(recipe)] == [("dada_audio",)]
