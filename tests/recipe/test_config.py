import dataclasses
import hashlib
import json
from pathlib import Path

import pytest

from dada.errors import ConfigError
from dada.experiment.config import result_settings
from dada.recipe.config import load_recipe_config, load_system_config, split_overrides
from dada.recipe.recipe import Recipe
from dada.storage.yaml_file import read_yaml
from dada.system_files import PACKAGE, configured_systems

MINI = Path(__file__).parents[2] / "egs" / "mini"


def recipe_folder(folder, yaml="", local=None, system=None):
    (folder / "conf").mkdir(parents=True)
    (folder / "recipe.yaml").write_text("corpus: {name: toy}\n" + yaml)
    if local:
        (folder / "local.yaml").write_text(local)
    if system:
        (folder / "conf" / "lcnn_toy.yaml").write_text(system)
    return folder


LCNN = "task: audio\ninput: {kind: features, features: {name: lfcc}}\nmodel: {name: lcnn}\n"


def test_precedence_of_the_layers(tmp_path):
    root = recipe_folder(tmp_path / "r", "seeds: [7]\n", local="corpus: {root: /data/toy}\n")
    config = load_recipe_config(root, ["corpus.language=pt"])
    assert (config.seeds, config.corpus.root, config.corpus.language, config.corpus.name) == (
        [7],
        "/data/toy",
        "pt",
        "toy",
    )
    assert load_recipe_config(root, ["corpus.root=elsewhere"]).corpus.root == "elsewhere"


def test_all_errors_at_once_with_file_key_and_nearest(tmp_path):
    root = recipe_folder(tmp_path / "r", "corpuss: {}\nseeds: three\n", local="corpus: {rot: x}\n")
    with pytest.raises(ConfigError) as caught:
        load_recipe_config(root)
    message = str(caught.value)
    assert "3 errors" in message
    assert "recipe.yaml: unknown key 'corpuss', did you mean 'corpus'?" in message
    assert "recipe.yaml: seeds" in message
    assert "local.yaml: unknown key 'corpus.rot', did you mean 'root'?" in message


def test_system_gets_the_defaults_of_its_plugins(tmp_path):
    root = recipe_folder(tmp_path / "r", system=LCNN + "train: {optim: {lr: 1e-4}}\n")
    config = load_system_config("lcnn_toy", root, ["train.epochs=3"])
    assert (config.train.optim.lr, config.train.epochs, config.model["name"]) == (1e-4, 3, "lcnn")
    assert len(config.model) > 1 and len(config.input.features) > 1
    assert config.train.loss["name"] == "cross_entropy"


def test_a_recipe_changes_single_keys_of_a_system(tmp_path):
    base = load_system_config("lfcc_lcnn")
    root = recipe_folder(tmp_path / "r")
    (root / "conf" / "lfcc_lcnn.yaml").write_text("train: {epochs: 2}\n")
    changed = load_system_config("lfcc_lcnn", root)
    assert changed.train.epochs == 2 != base.train.epochs
    assert changed.model == base.model


def test_an_empty_mapping_empties(tmp_path):
    root = recipe_folder(tmp_path / "r", system=LCNN + "train: {optim: {lr_scales: {head: 0.1}}}\n")
    assert load_system_config(
        "lcnn_toy", root, ["train.optim.lr_scales={body: 2}"]
    ).train.optim.lr_scales == {"head": 0.1, "body": 2}
    assert load_system_config("lcnn_toy", root, ["train.optim.lr_scales={}"]).train.optim.lr_scales == {}


def test_every_branch_of_a_system_is_a_system():
    systems = {path.stem: read_yaml(path) for path in PACKAGE.glob("*.yaml")}
    branches = {name for values in systems.values() for name in values.get("branches", {}).values()}
    assert {"cqt_aasist", "w2v2_gmm", "cqt_lcnn"} <= branches <= systems.keys()


@pytest.mark.parametrize(
    ("system", "message"),
    [
        (LCNN + "train: {epochs: many}\n", "train.epochs"),
        (LCNN + "trian: {}\n", "unknown key 'trian', did you mean 'train'?"),
        (LCNN.replace("lcnn}", "lccn}"), "unknown audio model 'lccn', did you mean 'lcnn'?"),
        (LCNN.replace("name: lcnn", "name: lcnn, layerss: 9"), "unknown key 'model.layerss'"),
        (LCNN.replace("lfcc", "lfc"), "unknown feature 'lfc', did you mean 'lfcc'?"),
        (LCNN.replace("audio", "sound"), "task is 'sound'; known: audio, text, fusion"),
        (
            LCNN + "train: {loss: {name: cross_entrpy}}\n",
            "unknown loss 'cross_entrpy', did you mean 'cross_entropy'?",
        ),
        (
            LCNN + "train: {augment: [{name: mixupp}]}\n",
            "train.augment[0]: unknown augmentation 'mixupp', did you mean 'mixup'?",
        ),
        (
            LCNN + "train: {augment: [{name: mixup, alhpa: 1}]}\n",
            "unknown key 'train.augment[0].alhpa', did you mean 'alpha'?",
        ),
        (
            LCNN + "train: {augment: [{name: mixup, alpha: low}]}\n",
            "train.augment[0].alpha is 'low', and must be a number",
        ),
        (LCNN + "train: {augment: [{}]}\n", "train.augment[0].name is missing"),
        (LCNN + "train: {augment: [mixup]}\n", "train.augment"),
        (
            LCNN + "train: {augment: [{name: rooms}]}\n",
            "augmentation rooms works on waveform, but input.kind is features",
        ),
        (
            LCNN + "train: {phases: [{augment: [{name: ffm, masks: 3}]}]}\n",
            "train.phases[0].augment[0].masks is 3, and must be a list",
        ),
        (LCNN + "train: {phases: [{epoch: 3}]}\n", "unknown key 'epoch', did you mean 'epochs'?"),
        (LCNN + "model: [\n", "not valid YAML"),
        ("- a\n", "expected `key: value` lines"),
    ],
)
def test_wrong_system_configuration(tmp_path, system, message):
    root = recipe_folder(tmp_path / "r", system=system)
    with pytest.raises(ConfigError) as caught:
        load_system_config("lcnn_toy", root)
    assert message in str(caught.value)
    assert "lcnn_toy.yaml" in str(caught.value)


def test_augmentations_get_their_defaults(tmp_path):
    train = (
        "train: {augment: [{name: mixup}, {name: ffm, masks: [high]}], phases: [{epochs: 1}, {augment: "
        "[{name: cutout}]}]}\n"
    )
    config = load_system_config("lcnn_toy", recipe_folder(tmp_path / "r", system=LCNN + train))
    mixup, ffm = config.train.augment
    assert mixup == {"name": "mixup", "alpha": 0.8, "partner": "next", "weight_per": "clip"}
    assert ffm["masks"] == ["high"] and ffm["high"] == [80, 87]
    cutout = {"name": "cutout", "alpha": 1.0, "probability": 1.0}
    assert config.train.phases == [{"epochs": 1}, {"augment": [cutout]}]


def test_unknown_system_names_the_nearest(tmp_path):
    with pytest.raises(ConfigError, match="unknown system 'lfcc_lcn', did you mean 'lfcc_lcnn'"):
        load_system_config("lfcc_lcn", recipe_folder(tmp_path / "r"))


def test_overrides_are_told_apart_and_checked(tmp_path):
    assert split_overrides(["seeds=[1]", "train.epochs=2"]) == (["seeds=[1]"], ["train.epochs=2"])
    with pytest.raises(ConfigError, match="unknown key 'tran.epochs', did you mean 'train'"):
        split_overrides(["tran.epochs=2"])
    with pytest.raises(ConfigError, match="expected key=value"):
        split_overrides(["epochs"])
    with pytest.raises(ConfigError, match="say which system with --system"):
        Recipe.load(recipe_folder(tmp_path / "r"), ["train.epochs=2"])


def test_folder_without_recipe(tmp_path):
    with pytest.raises(ConfigError, match="name the folder of a recipe"):
        Recipe.load(tmp_path)


def test_the_systems_of_mini_have_the_settings_that_their_results_were_made_with():
    """`mini_settings.json` holds the SHA-256 of the sorted JSON of every system's settings.

    A wanted change of a configuration changes its line: the message gives the new one.
    """
    digests = {
        name: hashlib.sha256(
            json.dumps(
                result_settings(dataclasses.asdict(load_system_config(name, MINI))), sort_keys=True
            ).encode()
        ).hexdigest()
        for name in configured_systems(MINI)
    }
    expected = json.loads(Path(__file__).with_name("mini_settings.json").read_text())
    assert digests.keys() == expected.keys()
    assert not {name: digest for name, digest in digests.items() if digest != expected[name]}


def test_a_system_that_reads_itself_is_refused(tmp_path):
    root = recipe_folder(tmp_path / "r", system="task: ensemble\nmodel: {name: weighted}\n")
    for branch, chain in (
        ("lcnn_toy", "lcnn_toy reads lcnn_toy"),
        ("other", "lcnn_toy reads other reads lcnn"),
    ):
        (root / "conf" / "other.yaml").write_text("like: lcnn_toy\nbranches: {a: lcnn_toy}\n")
        with pytest.raises(ConfigError, match=chain):
            Recipe.load(root, [f"branches={{a: {branch}}}"], ["lcnn_toy"])
