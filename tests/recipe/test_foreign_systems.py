"""Names of systems that another recipe trained."""

from pathlib import Path

import pytest

from dada.errors import ConfigError, DataError
from dada.recipe.recipe import Options, Recipe


@pytest.fixture
def here(tmp_path) -> Path:
    """The recipe `here` beside `there`, which has two protocols."""
    for name, more in (("here", "seeds: [1, 2, 3]"), ("there", "protocols: [LA, PA]\nsystems: [lfcc_gmm]")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "recipe.yaml").write_text(f"corpus: {{name: {name}}}\n{more}\n")
    return tmp_path / "here"


def test_branches_and_folders_follow_the_name(here):
    recipe = Recipe.load(here, systems=["there:lfcc_ensemble", "there:PA/lfcc_gmm"])
    assert recipe.planned == ("there:lfcc_gmm", "there:lfcc_lcnn", "there:lfcc_ensemble", "there:PA/lfcc_gmm")
    config = recipe.system("there:lfcc_ensemble")
    assert config.name == "there:lfcc_ensemble" and config.branches == {
        "gmm": "there:lfcc_gmm",
        "lcnn": "there:lfcc_lcnn",
    }
    assert recipe.exp_dir("there:lfcc_gmm") == here / "exp" / "from_there" / "lfcc_gmm"
    assert recipe.exp_dir("there:PA/lfcc_gmm") == here / "exp" / "from_there" / "PA" / "lfcc_gmm"
    assert (
        recipe.origin("there:PA/lfcc_gmm").trained_dir(1)
        == here.parent / "there" / "exp" / "PA" / "lfcc_gmm" / "seed_1"
    )
    path = Recipe.load(here, systems=[f"{here.parent / 'there'}:lfcc_gmm"], options=Options(exp="exp_two"))
    assert path.exp_dir(path.planned[0]) == here / "exp_two" / "from_there" / "lfcc_gmm"
    assert (
        path.origin(path.planned[0]).trained_dir(1)
        == here.parent / "there" / "exp_two" / "lfcc_gmm" / "seed_1"
    )
    relative = Recipe.load(here, systems=["../there:lfcc_gmm"])
    assert (
        relative.origin("../there:lfcc_gmm").trained_dir(1)
        == here.parent / "there" / "exp" / "lfcc_gmm" / "seed_1"
    )


def test_seeds_are_those_asked_for_that_are_there(here):
    recipe = Recipe.load(here, systems=["there:lfcc_gmm"])
    origin = recipe.origin("there:lfcc_gmm")
    assert origin.seeds == [1, 2, 3]
    with pytest.raises(
        DataError, match="does not exist. Train it with\n.*run.sh --stop_stage 7 --system lfcc_gmm"
    ):
        origin.require_trained()
    for seed in (2, 5):
        origin.trained_dir(seed).mkdir(parents=True)
    assert origin.seeds == [2]
    with pytest.raises(DataError, match="seed_2 is not finished"):
        origin.require_trained()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("there:", "write RECIPE:SYSTEM"),
        (":lfcc_gmm", "write RECIPE:SYSTEM"),
        ("there:a:b", "write RECIPE:SYSTEM"),
        ("ther:lfcc_gmm", "did you mean 'there'"),
        ("there:lfcc_gm", "did you mean 'lfcc_gmm'"),
        ("there:AP/lfcc_gmm", "known: LA, PA"),
        ("here:lfcc_gmm", "is this recipe: write lfcc_gmm"),
    ],
)
def test_wrong_names(here, name, message):
    with pytest.raises(ConfigError, match=message):
        Recipe.load(here, systems=[name])


def test_settings_belong_to_the_training(here):
    with pytest.raises(ConfigError, match="is scored as it was trained"):
        Recipe.load(here, ["train.epochs=1"], ["there:lfcc_gmm"])
