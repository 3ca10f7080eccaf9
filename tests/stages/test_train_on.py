"""Training on several recipes: what stage 5 reads, and which test audio stage 8 refuses."""

import json
import shutil

import numpy as np
import pytest
from run_stage import run_job
from small_recipe import small_recipe

from dada.data import DataDir, write_ark, write_audio, write_table
from dada.data.input import InputConfig
from dada.data.vectors import read_utts
from dada.errors import ConfigError, DataError
from dada.experiment.config import SystemConfig, TrainConfig
from dada.experiment.folder import ExperimentFolder
from dada.recipe import leakage
from dada.recipe.recipe import Recipe
from dada.stages import s05_train_audio, s08_score, s09_evaluate

MIXED = SystemConfig(
    input=InputConfig("features", features={"name": "lfcc"}),
    model={"name": "dada_audio", "width": 4, "bottleneck": 2, "embedding": 4, "attention": 2, "head": [4]},
    train=TrainConfig(epochs=1, batch_size=4, loss={"name": "bce"}, sampler="balanced_corpora", crop_size=3),
    train_on=["here", "there"],
)


def make_recipe(root, seed: int, **settings) -> Recipe:
    """A recipe after stage 4: eight clips a split with equal names in all recipes, and their features."""
    recipe = small_recipe(root, {"mixed": MIXED}, corpus={"name": root.name}, **settings)
    rng = np.random.default_rng(seed)
    for split in recipe.all_splits:
        utts = [f"{split}{i}" for i in range(8)]
        for utt in utts:
            write_audio(root / "audio" / f"{utt}.wav", 0.1 * rng.standard_normal(400).astype(np.float32))
        labels = {utt: ("spoof", "bonafide")[i % 2] for i, utt in enumerate(utts)}
        tables = {"wav.scp": {utt: str(root / "audio" / f"{utt}.wav") for utt in utts}, "utt2label": labels}
        tables["utt2attack"] = {utt: "-" if labels[utt] == "bonafide" else f"A{seed}" for utt in utts}
        DataDir(recipe.data_dir(split), {**tables, "utt2spk": dict.fromkeys(utts, "BOB")}).write()
        arrays = [(utt, rng.standard_normal((5 + seed, 4)) + (labels[utt] == "bonafide")) for utt in utts]
        dump = recipe.dump_dir(recipe.system("mixed").input, split)
        write_table(dump / "utt2num_frames", write_ark(dump / "feats.scp", arrays))
    return recipe


@pytest.fixture
def recipes(tmp_path) -> tuple[Recipe, Recipe]:
    there = make_recipe(tmp_path / "there", 2)
    return make_recipe(tmp_path / "here", 1), there


def train(recipe: Recipe) -> None:
    for job in s05_train_audio.plan(recipe):
        assert all(path.exists() for path in job.inputs), job
        run_job(s05_train_audio, recipe, job)


def overlap(recipe: Recipe) -> dict:
    (job,) = leakage.jobs(recipe)
    s08_score.run(recipe, job)
    return json.loads(job.outputs[0].read_text())


def test_a_training_reads_both_recipes(recipes):
    here, there = recipes
    job = s05_train_audio.plan(here)[0]
    for recipe in recipes:
        dump = recipe.dump_dir(here.system("mixed").input, "train")
        assert {dump / "feats.scp", recipe.data_dir("train") / "utt2label"} <= set(job.inputs)
    assert there.data_dir("dev") / "wav.scp" not in job.inputs and job.settings["train_on"] == [
        "here",
        "there",
    ]
    train(here)
    files = ExperimentFolder(here.seed_dir("mixed", 1))
    names = DataDir.read(here.data_dir("train")).utts
    assert read_utts(files.trained_on("train")) == read_utts(files.trained_on("there.train")) == names
    assert files.weights.exists() and files.embeddings("dev").exists()


def test_the_other_recipe_alone_is_enough(recipes, tmp_path):
    here, there = recipes
    (here.root / "recipe.yaml").write_text(
        (here.root / "recipe.yaml").read_text() + "splits: {train: null, dev: dev, test: [test]}\n"
    )
    alone = Recipe.load(here.root, ["train_on=[there]"], ["mixed"])
    train(alone)
    files = ExperimentFolder(alone.seed_dir("mixed", 1))
    assert not files.trained_on("train").exists() and files.trained_on("there.train").exists()


def test_classes_are_those_of_all_recipes(recipes):
    here, _ = recipes
    settings = ["labels=[]", "train.early_stop.metric=accuracy", "train.loss={name: cross_entropy}"]
    recipe = Recipe.load(here.root, [*settings, "model.one_logit=false"], ["mixed"])
    train(recipe)
    assert ExperimentFolder(recipe.seed_dir("mixed", 1)).read_labels() == ["bonafide", "A1", "A2"]


def test_test_audio_of_any_training_recipe_is_refused(recipes, tmp_path):
    here, there = recipes
    report = overlap(here)
    assert report["splits"]["test"]["in"] == {"train of there": 0} and report["unchecked"] == []
    assert report["splits"]["test"]["namesakes"] == 0
    s08 = next(job for job in s08_score.plan(here) if job.kind == s08_score.KIND)
    assert leakage.reports(here, "mixed")[0] in s08.inputs
    s09 = next(job for job in s09_evaluate.plan(here) if job.split == "test")
    assert leakage.reports(here, "mixed")[0] in s09.inputs
    assert leakage.notes(here, "mixed", "test") == ["its training data includes there"]

    shutil.copy(there.root / "audio" / "train3.wav", here.root / "audio" / "test5.wav")
    with pytest.raises(DataError, match="1 of the 8 utterances of test .test5 is train3 of train of there."):
        overlap(here)
    shutil.copy(there.root / "audio" / "train3.wav", here.root / "audio" / "dev1.wav")
    with pytest.raises(DataError, match="1 of the 8 utterances of dev"):
        overlap(here)
    allowed = Recipe.load(here.root, ["allow_seen=true"])
    assert overlap(allowed)["splits"]["test"]["num_seen"] == 1
    assert "1 of 8 trials were in its training" in " ".join(leakage.notes(allowed, "mixed", "test"))


def test_a_third_recipe_is_checked_against_both(recipes, tmp_path):
    here, there = recipes
    away = make_recipe(tmp_path / "away", 3, systems=["here:mixed"])
    report = overlap(away)
    assert report["splits"]["test"]["in"] == {"train": 0, "train of there": 0, "dev": 0}
    assert leakage.reports(away, "here:mixed") == (away.exp_dir("here:mixed") / "overlap.json",)
    shutil.copy(there.root / "audio" / "train3.wav", away.root / "audio" / "test5.wav")
    with pytest.raises(DataError, match="test5 is train3 of train of there"):
        overlap(away)
    train(here)
    shutil.rmtree(there.root / "data")  # then the names that the training listed are compared
    assert overlap(away)["unchecked"] == []


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ("[here, elsewhere]", "no recipe in .*elsewhere; recipes beside this one: there"),
        ("[here, there:PA]", "has no protocol 'PA'; known: line"),
        ("[here, here]", "holds 'here' twice"),
        ("[there]", "which has no train split"),
    ],
)
def test_recipes_that_cannot_be_learnt_from(recipes, names, message):
    here, there = recipes
    if "no train" in message:
        with open(there.root / "recipe.yaml", "a") as file:
            file.write("splits: {train: null, dev: dev, test: [test]}\n")
    with pytest.raises(ConfigError, match=message):
        s05_train_audio.plan(Recipe.load(here.root, [f"train_on={names}"], ["mixed"]))
