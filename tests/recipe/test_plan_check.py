"""Plans that cannot be carried out are refused; those of all recipes can."""

from pathlib import Path

import pytest
from small_recipe import small_recipe

from dada.data.input import InputConfig
from dada.errors import ConfigError
from dada.experiment.config import SystemConfig
from dada.recipe import catalog
from dada.recipe.plan_check import check_plan
from dada.recipe.recipe import Recipe
from dada.recipe.runner import make_ledger

ROOT = Path(__file__).parents[2]
RECIPES = sorted(path.parent.name for path in (ROOT / "egs").glob("*/recipe.yaml"))
WITHOUT_WORDS = ["prepare_data", "extract_features", "train_audio", "train_fusion", "score"]


def check(recipe: Recipe) -> int:
    jobs = make_ledger(recipe).jobs
    check_plan(recipe, catalog.stages(), jobs)
    return len(jobs)


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_makes_what_its_jobs_read(name):
    # a template leaves the name of the corpus to its user
    assert check(Recipe.load(ROOT / "egs" / name, ["corpus.name=any"])) >= 4


def test_recipes_are_found():
    assert len(RECIPES) > 12


@pytest.mark.parametrize("name", ["asvspoof2021", "in_the_wild", "mlaad", "mini", "speeches_simulated"])
@pytest.mark.parametrize("system", ["dada_mid", "dada_mid_regularised"])
def test_mid_fusion_can_be_made_in_the_recipes_of_table_1(name, system):
    recipe = Recipe.load(ROOT / "egs" / name, systems=[system])
    jobs = make_ledger(recipe).jobs
    check_plan(recipe, catalog.stages(), jobs)
    assert any(job.stage == "train_fusion" and system in job.systems for job in jobs)


def fusion_recipe(root: Path, **settings) -> Recipe:
    systems = {
        "sound": SystemConfig(model={"name": "lcnn"}),
        "words": SystemConfig(task="text", labels=[], input=InputConfig("text"), model={"name": "tfidf"}),
        "mid": SystemConfig(
            task="fusion",
            input=InputConfig("branches"),
            model={"name": "mid"},
            branches={"audio": "sound", "text": "words"},
        ),
    }
    corpus = {"name": "small", "options": {"text_only": ["authors"]}}
    (root / "local").mkdir(parents=True)
    (root / "local" / "prepare_data.py").touch()
    return small_recipe(root, systems, **{"corpus": corpus, **settings})


def test_a_stage_that_is_left_out_is_named(tmp_path):
    assert check(fusion_recipe(tmp_path / "whole")) > 10
    recipe = fusion_recipe(tmp_path / "part", stages=WITHOUT_WORDS)
    with pytest.raises(
        ConfigError, match=r"mid: stage train_fusion reads exp/words/.*, which stage train_text"
    ):
        check(recipe)
    check(Recipe.load(recipe.root, systems=["sound"]))  # reads no words
    for file in ("logits.npy", "embed.npy", "utts.txt"):
        for split in ("train", "dev", "test"):
            path = recipe.seed_dir("words", 1) / "embed" / split / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    (recipe.seed_dir("words", 1) / "weights.pt").touch()
    check(recipe)  # made before


def test_texts_that_no_stage_makes_are_named(tmp_path):
    recipe = fusion_recipe(tmp_path, corpus={"name": "small"})
    with pytest.raises(
        ConfigError, match="reads data/authors, which no stage writes: name .* `text.corpora`"
    ):
        check(recipe)
    check(fusion_recipe(tmp_path / "other", corpus={"name": "small"}, text={"corpora": ["../quotes/data/x"]}))
