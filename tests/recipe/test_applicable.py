"""`--system all`: every system that applies, the others named with a reason; seeds and protocols of what a
recipe does not list.
"""

import logging

import pytest

from dada import checkpoints, system_files
from dada.errors import ConfigError
from dada.recipe.recipe import Recipe

LCNN = "task: audio\ninput: {kind: features, features: {name: lfcc}}\nmodel: {name: lcnn}\n"
CONFIGS = {
    "plain": LCNN,
    "other": LCNN,
    "searched": LCNN,
    "published": LCNN + "init: official.pth\ntrain: {epochs: 0}\n",
    "encoded": LCNN.replace("{name: lfcc}", "{name: speech_encoder, model: nobody/no-such-encoder}"),
    "doubly": LCNN.replace(
        "{name: lfcc}",
        "{name: style_linguistics, style_model: downloads/a, linguistics_model: nobody/at-all}",
    ),
    "inside": "task: audio\nmodel: {name: w2v2_aasist, encoder: nobody/inside}\n",
    "fetched": LCNN.replace("{name: lfcc}", "{name: speech_encoder, model: downloads/encoder}"),
    "worded": "task: text\nmodel: {name: dada_text}\n"
    "input: {kind: text_features, features: {name: text_encoder, model: downloads/words}}\n",
    "summed": "task: ensemble\ninput: {kind: branches}\nbranches: {a: plain, b: searched}\nmodel: {name: "
    "weighted}\n",
}
RECIPE = """corpus: {name: toy}
systems: [plain]
protocols: [line, dialogue]
seeds: [4, 5, 6]
more_seeds: 1
more_protocols: 1
stages: [prepare_data, extract_features, train_audio, train_fusion, score, evaluate, report]
leave_out: {searched: it is a search}
weights: official
"""


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A recipe with all configurations of its own, and none of dada/conf."""
    monkeypatch.setattr(system_files, "PACKAGE", tmp_path / "none")
    (tmp_path / "r" / "conf").mkdir(parents=True)
    for name, text in CONFIGS.items():
        (tmp_path / "r" / "conf" / f"{name}.yaml").write_text(text)
    (tmp_path / "r" / "recipe.yaml").write_text(RECIPE)
    return tmp_path / "r"


def test_all_takes_what_applies_and_says_why_the_rest_does_not(root, caplog):
    with caplog.at_level(logging.INFO):
        recipe = Recipe.load(root, systems=["all"])
    assert recipe.requested == recipe.planned == ("plain", "fetched", "other")
    lines = {
        record.message.split(" leaves out ")[1].split(": ")[0]: record.message for record in caplog.records
    }
    assert sorted(lines) == ["doubly", "encoded", "inside", "published", "searched", "summed", "worded"]
    assert "it is a search" in lines["searched"] and "branch searched is left out" in lines["summed"]
    assert "nobody/no-such-encoder is not on this machine" in lines["encoded"]
    assert "nobody/at-all is not" in lines["doubly"] and "nobody/inside is not" in lines["inside"]
    assert "official.pth do not exist" in lines["published"] and "local.yaml" in lines["published"]
    assert "stage train_text does not apply" in lines["worded"]


def test_published_weights_are_found_in_the_folder_of_the_recipe(root):
    (root / "official").mkdir()
    (root / "official" / "official.pth").write_bytes(b"x")
    recipe = Recipe.load(root, systems=["all"])
    assert (
        "published" in recipe.planned
        and recipe.weights_path("official.pth") == root / "official" / "official.pth"
    )


def test_weights_with_a_path_are_looked_for_from_the_recipe(root):
    recipe = Recipe.load(root)
    assert (
        recipe.weights_path("../other/exp/weights.pt") == root / "../other/exp/weights.pt"
    )  # as it is told where they are missing
    (root / "official" / "sub").mkdir(parents=True)
    (root / "official" / "sub" / "weights.pt").write_bytes(b"x")
    assert recipe.weights_path("sub/weights.pt") == root / "official" / "sub" / "weights.pt"


@pytest.mark.parametrize("init", ["aasist", "AASIST.pth"])
def test_published_weights_are_found_in_the_cache_by_name_and_nothing_is_fetched(
    root, tmp_path, monkeypatch, caplog, init
):
    monkeypatch.setenv("DADA_CACHE", str(tmp_path / "cache"))
    text = CONFIGS["published"].replace("official.pth", init)
    (root / "conf" / "published.yaml").write_text(text)
    assert text != CONFIGS["published"]
    with caplog.at_level(logging.INFO):
        recipe = Recipe.load(root, systems=["all"])
    assert f"{root}/official/{init} do not exist: `dada models --fetch aasist` fetches them" in caplog.text
    assert recipe.weights_path(init) == root / "official" / init
    published = checkpoints.named("aasist")
    path = checkpoints.place(published)
    path.parent.mkdir(parents=True)
    path.write_bytes(bytes(published.bytes))
    assert "published" in Recipe.load(root, systems=["all"]).planned
    assert recipe.weights_path(init) == path
    (root / "official").mkdir()
    (root / "official" / init).write_bytes(b"x")
    assert recipe.weights_path(init) == root / "official" / init


def test_without_train_nothing_is_trained(root, caplog):
    (root / "official").mkdir()
    (root / "official" / "official.pth").write_bytes(b"x")
    text = RECIPE.replace("systems: [plain]", "systems: []\nsplits: {train: null, dev: null, test: [test]}")
    (root / "recipe.yaml").write_text(text.replace("train_audio,", "train_audio, train_text,"))
    with caplog.at_level(logging.INFO):
        assert Recipe.load(root, systems=["all"]).planned == ("published",)
    assert "leaves out plain: it is trained, and this recipe has no train split" in caplog.text
    assert (
        "leaves out worded: it learns from texts, and data/authors (text.corpora) does not exist"
        in caplog.text
    )


def test_seeds_and_protocols_of_systems_that_the_recipe_does_not_list(root):
    recipe = Recipe.load(root, systems=["other"])
    assert recipe.seeds_of("plain") == [4, 5, 6] and recipe.seeds_of("other") == [4]
    assert [view.planned for view in recipe.views] == [("plain", "other"), ("plain",)]
    (chosen,) = Recipe.load(root, ["protocol=dialogue", "seeds=[5,6]"], ["other"]).views
    assert "other" in chosen.planned and chosen.seeds_of("other") == [5]


def test_a_system_that_was_run_by_name_is_reported_and_not_run_again(root):
    (root / "exp" / "other" / "results").mkdir(parents=True)
    (root / "exp" / "other" / "results" / "test.json").write_text("{}")
    recipe = Recipe.load(root)
    assert recipe.planned == ("plain", "other") and recipe.requested == ("plain",)


def test_leave_out_names_systems(root):
    (root / "recipe.yaml").write_text(RECIPE.replace("searched:", "serched:"))
    with pytest.raises(
        ConfigError, match=r"leave_out: there is no system 'serched', did you mean 'searched'\?"
    ):
        Recipe.load(root, systems=["all"])
