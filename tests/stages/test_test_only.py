"""A recipe without train and dev: published weights are scored and evaluated, nothing is trained."""

import json

import numpy as np
import pytest
import torch
from run_stage import run_job

from dada import models
from dada.data import read_table
from dada.errors import ConfigError
from dada.recipe.catalog import find, stages
from dada.recipe.recipe import Recipe
from dada.score.scores import read_scores

RECIPE = """
corpus: {name: toy}
splits: {train: null, dev: null, test: [test]}
systems: [published]
evaluate: {num_resamples: 20}
"""
MODEL = {"width": 60, "bottleneck": 2, "embedding": 4, "attention": 2, "head": [4]}
PUBLISHED = f"""
task: audio
input: {{kind: features, features: {{name: lfcc}}}}
model: {{name: dada_audio, {json.dumps(MODEL)[1:-1]}}}
init: published.pt
train: {{epochs: 0}}
"""
PREPARE = """
from dada.data import DataDir

def prepare(recipe):
    return [DataDir(recipe.data_dir("test"), DataDir.read(recipe.root / "source").tables)]
"""


@pytest.fixture
def folder(tmp_path, make_data_dir):
    make_data_dir(tmp_path / "source")
    for name, text in (
        ("recipe.yaml", RECIPE),
        ("conf/published.yaml", PUBLISHED),
        ("local/prepare_data.py", PREPARE),
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def run(recipe: Recipe, name: str) -> None:
    stage = find(name)
    for job in stage.plan(recipe):
        assert all(path.exists() for path in job.inputs), job
        run_job(stage.module, recipe, job)
        assert all(path.exists() for path in job.outputs), job


def test_published_weights_are_scored(folder):
    recipe = Recipe.load(folder)
    config = recipe.system("published")
    torch.manual_seed(1)
    weights = models.build("audio", config.model, 2).state_dict()
    torch.save(weights, folder / "published.pt")
    assert [len(stage.plan(recipe)) for stage in stages()] == [1, 0, 0, 1, 1, 0, 0, 1, 1, 0, 1]
    for name in ("prepare_data", "extract_features", "train_audio", "score", "evaluate", "report"):
        run(recipe, name)
    home = recipe.seed_dir("published", 1)
    assert sorted(path.name for path in (home / "embed").iterdir()) == ["test"]
    adopted = torch.load(home / "weights.pt", weights_only=True)
    assert all(torch.equal(adopted[key], weights[key]) for key in weights)
    assert not (home / "calibration.json").exists()
    scores, labels = (
        read_scores(home / "scores" / "test.txt"),
        read_table(recipe.data_dir("test") / "utt2label"),
    )
    assert list(scores) == list(labels) and np.isfinite(list(scores.values())).all()
    results = json.loads((recipe.exp_dir("published") / "results" / "test.json").read_text())
    assert results["num_trials"] == 8 and 0 <= results["metrics"]["eer"]["mean"] <= 1


@pytest.mark.parametrize(
    ("setting", "system", "missing"),
    [("train.epochs=1", "published", "train"), ("init=null", "published", "train"), ("", "pair", "dev")],
)
def test_systems_that_need_training_are_named(folder, setting, system, missing):
    (folder / "conf" / "pair.yaml").write_text(
        "task: ensemble\nmodel: {name: weighted}\nbranches: {a: published}\ninput: {kind: branches}\n"
    )
    recipe = Recipe.load(folder, [setting] if setting else [], [system])
    with pytest.raises(
        ConfigError, match=f"^{system} is trained .* has no {missing} split: set splits.{missing}"
    ):
        for stage in stages():
            stage.plan(recipe)


def test_published_weights_need_their_classes(folder):
    recipe = Recipe.load(folder, ["labels=[]"], ["published"])
    with pytest.raises(ConfigError, match="published has the classes of train, .*: set `labels`"):
        find("train_audio").plan(recipe)
