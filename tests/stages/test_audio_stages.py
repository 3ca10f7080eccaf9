"""Stages 5 and 8 on a small corpus of features: what they plan is what they write."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from run_stage import run_job
from small_recipe import small_recipe

from dada.data import DataDir, write_ark, write_table
from dada.data.dataset import audio_dataset
from dada.data.input import InputConfig
from dada.data.vectors import read_utts
from dada.experiment.config import EarlyStopConfig, SystemConfig, TrainConfig
from dada.experiment.folder import ExperimentFolder
from dada.experiment.trained import load_experiment
from dada.models.inference import run_model
from dada.recipe.recipe import Recipe
from dada.score import shards
from dada.score.scores import read_scores
from dada.stages import s05_train_audio, s08_score

SMALL = SystemConfig(
    input=InputConfig("features", features={"name": "lfcc"}),
    model={"name": "dada_audio", "width": 4, "bottleneck": 2, "embedding": 4, "attention": 2, "head": [4]},
    train=TrainConfig(epochs=1, batch_size=4, loss={"name": "bce"}, folds=2, crop_size=3),
)
ATTACKS = replace(
    SMALL,
    labels=["bonafide", "A01"],
    model={**SMALL.model, "one_logit": False},
    train=replace(SMALL.train, loss={"name": "cross_entropy"}, early_stop=EarlyStopConfig(metric="accuracy")),
)
ENSEMBLE = SystemConfig(
    task="ensemble",
    labels=[],
    input=InputConfig("branches"),
    model={"name": "weighted"},
    branches={"a": "small"},
)


def make_recipe(root, systems) -> Recipe:
    """The recipe after stage 4: twelve utterances a split, some longer than others."""
    corpus = {"name": "small", "purported_speakers": True}
    recipe = small_recipe(root, systems, corpus=corpus, seeds=[1, 2])
    rng = np.random.default_rng(0)
    for split in recipe.all_splits:
        utts = [f"{split}{i:02d}" for i in range(12)]
        labels = {utt: ("spoof", "bonafide")[i % 2] for i, utt in enumerate(utts)}
        tables = {"wav.scp": {utt: f"{utt}.wav" for utt in utts}, "utt2spk": dict.fromkeys(utts, "BOB")}
        if split != "test":  # a test split may come without labels
            tables["utt2label"] = labels
            tables["utt2attack"] = {
                utt: "-" if label == "bonafide" else "A01" for utt, label in labels.items()
            }
        DataDir(recipe.data_dir(split), tables).write()
        arrays = (
            (utt, rng.standard_normal((6 + i % 5, 4)) + 2 * (labels[utt] == "bonafide"))
            for i, utt in enumerate(utts)
        )
        dump = recipe.dump_dir(recipe.system("small").input, split)
        write_table(dump / "utt2num_frames", write_ark(dump / "feats.scp", arrays))
    return recipe


@pytest.fixture
def recipe(tmp_path):
    return make_recipe(tmp_path, {"small": SMALL})


def run_all(stage, recipe, seed=1):
    """Run the jobs of a seed, and look whether each finds its inputs and writes its outputs."""
    for job in [job for job in stage.plan(recipe) if job.seed == seed]:
        assert all(path.exists() for path in job.inputs), job
        run_job(stage, recipe, job)
        assert all(path.exists() for path in job.outputs), job


def test_training_and_scoring_write_what_they_plan(recipe):
    train_job, dev_job = s05_train_audio.plan(recipe)[:2]
    assert train_job.keep and not dev_job.keep and (dev_job.kind, dev_job.split) == ("outputs", "dev")
    run_all(s05_train_audio, recipe)
    home = recipe.seed_dir("small", 1)
    assert sorted(path.name for path in (home / "embed").iterdir()) == ["dev"]  # nothing reads those on train
    assert not list(home.glob("fold_*"))
    assert read_utts(home / "trained_on" / "train.txt") == DataDir.read(recipe.data_dir("train")).utts
    score_job, _ = s08_score.plan(recipe)
    assert (
        home / "weights.pt" in score_job.inputs and home / "embed" / "dev" / "embed.npy" in score_job.inputs
    )
    run_all(s08_score, recipe)
    for split in ("dev", "test"):
        outputs = ExperimentFolder(home).read_outputs(split)
        scores = read_scores(home / "scores" / f"{split}.txt")
        assert list(scores) == DataDir.read(recipe.data_dir(split)).utts
        assert scores == pytest.approx(dict(zip(outputs.utts, outputs.logits[:, 0].tolist(), strict=True)))


def test_outputs_on_train_are_computed_by_fold_where_an_ensemble_reads_them(tmp_path):
    recipe = make_recipe(tmp_path, {"small": ATTACKS, "sum": ENSEMBLE})
    kinds = [(job.kind, job.split) for job in s05_train_audio.plan(recipe) if job.seed == 1]
    assert kinds == [("train", None), ("folds", "train"), ("outputs", "dev")]
    run_all(s05_train_audio, recipe)
    home = recipe.seed_dir("small", 1)
    assert (home / "fold_1" / "weights.pt").exists()
    on_train = ExperimentFolder(home).read_outputs("train")
    assert on_train.utts == DataDir.read(recipe.data_dir("train")).utts
    experiment, dump = load_experiment(home), recipe.dump_dir(recipe.system("small").input, "train")
    seen = audio_dataset(DataDir.read(recipe.data_dir("train")), experiment.config, dump, training=False)
    assert not torch.allclose(on_train.logits, run_model(experiment.model, seen).logits)


def test_shards_change_no_bit(recipe, monkeypatch):
    """Neither their size, nor whether one model or many compute them."""
    run_all(s05_train_audio, recipe)
    files = ExperimentFolder(recipe.seed_dir("small", 1))
    found = []
    for size in (100, 5, 1):
        monkeypatch.setattr(shards, "SHARD", size)
        shards._cut.cache_clear()
        job = s08_score.plan(recipe)[0]
        found.append(len(s08_score.shards(recipe, job)))
        run_job(s08_score, recipe, job)
        found.append(files.scores("test").read_bytes() + files.embeddings("test").read_bytes())
    assert found[0::2] == [1, 2, 3] and len(set(found[1::2])) == 1


def test_other_kinds_of_systems_are_not_trained_here(tmp_path):
    recipe = small_recipe(tmp_path, {}, systems=["dada_text", "dada_audio", "dada_mid"])
    assert {job.systems for job in s05_train_audio.plan(recipe)} == {("dada_audio",)}
