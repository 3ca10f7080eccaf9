"""Settings that decide figures of the papers, as recipes resolve them."""

import re
from pathlib import Path

import pytest
from fixtures import miniatures

from dada.data import DataDir
from dada.errors import ConfigError
from dada.recipe.config import load_system_config
from dada.recipe.recipe import Recipe
from dada.stages import s01_prepare_data, s04_extract_features, s05_train_audio
from dada.system_files import configured_systems
from dada.system_table import read_rows

EGS = Path(__file__).parents[2] / "egs"
ADD, LA = EGS / "add2023_track1.2", EGS / "asvspoof2019"
# Kwak et al., DDAM 2022, table 4: the best masks of each network, behind mixup.
MASKS = {
    "cqt_lcnn_ffm": ["low", "high"],
    "resmax_ffm": ["high"],
    "bc_resmax_ffm": ["low", "high"],
    "ddws_ffm": ["low", "high"],
    "cqt_ofd_ffm": ["high"],
}
# Han et al., DADA workshop, 2023, table 3: what follows the system of the same name.
TABLE_3 = {
    "cqt_lcnn_mixup": ("cqt_lcnn", ["mixup"]),
    "bc_resmax_mixup": ("bc_resmax", ["mixup"]),
    "bc_resmax_mixup_filter": ("bc_resmax", ["mixup", "filter_augment"]),
    "bc_resmax_low": ("bc_resmax", ["ffm"]),
    "bc_resmax_random": ("bc_resmax", ["ffm"]),
    "bc_resmax_high": ("bc_resmax", ["ffm"]),
}
# Table 4: features and components of the mixtures.
TABLE_4 = {
    "w2v2_gmm_16": ("facebook/wav2vec2-large-lv60", 16),
    "w2v2_gmm_32": ("facebook/wav2vec2-large-lv60", 32),
    "w2v2_gmm_64": ("facebook/wav2vec2-large-lv60", 64),
    "w2v2_gmm": ("facebook/wav2vec2-large-lv60", 128),
    "w2v2_base_gmm": ("facebook/wav2vec2-base", 64),
    "cqt_gmm": (None, 128),
    "mfcc_gmm": (None, 16),
}


def names_of(augment: list[dict]) -> list[str]:
    return [step["name"] for step in augment]


def test_log_cqts_are_librosas():
    """The group's code calls librosa, whose low octaves differ from the exact transform by up to a tenth."""
    systems = {name: load_system_config(name).input.features for name in configured_systems()}
    cqt = {name: features for name, features in systems.items() if features.get("name") == "cqt"}
    assert len(cqt) >= 14 and {features["method"] for features in cqt.values()} == {"octaves"}
    own = {name for name, features in cqt.items() if features["min_frequency"] == 1.0}
    assert own == {"resmax_paper", "ddws_paper", "ddws_parallel", "bc_resmax_paper"}
    assert {cqt[name]["num_bins"] for name in own - {"resmax_paper"}} == {120}


@pytest.mark.parametrize("name", MASKS)
def test_masked_variants_have_the_masks_of_the_table(name):
    config = load_system_config(name)
    mixup, ffm = config.train.augment
    assert (mixup["name"], mixup["alpha"], ffm["name"], ffm["masks"]) == ("mixup", 0.8, "ffm", MASKS[name])
    assert config.train.epochs == 70 and ffm["low"] == [7, 12] and ffm["high"] == [80, 87]
    assert Recipe.load(LA, systems=[name]).seeds_of(name) == [1, 2, 3]


def test_a_paper_that_reports_three_trainings_gets_three():
    recipe = Recipe.load(LA, systems=["cqt_ofd_ffm", "cqt_lcnn"])
    assert recipe.seeds_of("cqt_lcnn") == [1]
    jobs = [job.name for job in s05_train_audio.plan(recipe) if job.kind == "train" and "cqt" in job.name]
    assert jobs == ["LA/cqt_lcnn/seed_1", *(f"LA/cqt_ofd_ffm/seed_{k}" for k in (1, 2, 3))]
    with pytest.raises(ConfigError, match="unknown system 'cqt_ofdd'"):
        Recipe.load(LA, ["system_seeds.cqt_ofdd=[1]"])
    with pytest.raises(ConfigError, match="cau_ku_round1 has the training seed 1, which its branch cqt_lcnn"):
        Recipe.load(ADD, ["system_seeds.cqt_lcnn=[7]"])


def test_table_3_augments_as_the_group_did():
    for name, (base, steps) in TABLE_3.items():
        config, plain = load_system_config(name, ADD), load_system_config(base, ADD)
        assert names_of(config.train.augment) == steps
        assert (config.model, config.input, config.train.epochs) == (
            plain.model,
            plain.input,
            plain.train.epochs,
        )
        assert not plain.train.augment
    for name in ("low", "random", "high"):
        assert load_system_config(f"bc_resmax_{name}", ADD).train.augment[0]["masks"] == [name]
    multiplied = load_system_config("bc_resmax_mixup_filter", ADD).train.augment[1]
    assert multiplied["scale"] == "amplitude"  # multiplies, although the features are logarithms


def test_table_4_has_its_components_and_stores_no_frames():
    for name, (encoder, num_components) in TABLE_4.items():
        config = load_system_config(name, ADD)
        assert config.model["num_components"] == num_components and config.model["name"] == "gmm"
        assert config.input.features.get("model") == encoder
        assert config.input.on_the_fly == bool(encoder)
    recipe = Recipe.load(ADD, systems=list(TABLE_4))
    jobs = [job for job in s04_extract_features.plan(recipe) if {*job.systems} & {*TABLE_4}]
    assert {system for job in jobs for system in job.systems} & {*TABLE_4} == {"cqt_gmm", "mfcc_gmm"}


def test_table_7_weighs_its_ensembles():
    first, second = (load_system_config(f"cau_ku_round{k}", ADD) for k in (1, 2))
    assert first.branches == {"lcnn": "cqt_lcnn", "aasist": "cqt_aasist"}
    assert first.model["weights"] == {"lcnn": 1, "aasist": 1} and not first.model["by_accuracy"]
    assert set(second.branches.values()) == {"cqt_lcnn", "cqt_aasist", "w2v2_gmm"}
    assert second.model["by_accuracy"] and not second.model["weights"]


def test_aasists_of_the_group_keep_the_last_of_few_epochs():
    for name in ("aasist", "cqt_aasist", "w2v2_aasist"):
        train = load_system_config(name, ADD).train
        assert 5 <= train.epochs <= 10 and train.keep == "last", name
    assert load_system_config("aasist").train.epochs == 100  # of AASIST's authors, elsewhere


@pytest.mark.parametrize(
    ("figure", "systems"),
    [
        ("4.96", {"pc_darts_16_64"}),
        ("2.19", {"resmax_paper"}),
        ("2.08", {"ddws_paper", "resmax_ffm"}),
        ("2.59", {"bc_resmax_paper"}),
        ("8.3", {"slim_published"}),
    ],
)
def test_published_figures_stand_beside_the_configuration_they_belong_to(figure, systems):
    rows = read_rows(EGS / "systems.csv")
    found = {name for name, row in rows.items() if re.search(rf"\b{re.escape(figure)}\b", row.figure)}
    assert found == systems
    shown = [
        line
        for line in (LA / "README.md").read_text(encoding="utf-8").splitlines()
        if line.startswith("|") and figure in line.split("|")[3]
    ]
    assert all(any(f"`{name}`" in line or f"--system {name}`" in line for name in systems) for line in shown)
    assert shown or systems == {"slim_published"}  # no system of this recipe's tables


def test_slim_as_published_is_pretrained_and_augmented():
    config = load_system_config("slim_published")
    assert config.init.endswith("slim_pretraining/seed_1/weights.pt")
    (phase,) = config.train.phases
    _, second = load_system_config("slim_augmented").train.phases
    assert phase == second and "compression" not in phase["trainable"] and phase["augment"]
    assert config.model["style_encoder"] and config.model["style_tuned_layers"] == 0
    source = load_system_config("slim_pretraining").model
    shared = {key: value for key, value in source.items() if "encoder" not in key}
    assert shared == {key: config.model[key] for key in shared}


def test_train_and_dev_are_joined_but_for_a_part(tmp_path):
    folder = miniatures.make("add2023_track1_2", tmp_path)
    recipe = Recipe.load(folder, ["protocol=train_dev", "corpus.options.held_out.share=0.3"])
    [job] = s01_prepare_data.plan(recipe)
    s01_prepare_data.run(recipe, job)
    train, dev, first, _ = (DataDir.read(recipe.data_dir(name)) for name in recipe.all_splits)
    assert recipe.data_dir("train") == folder / "data" / "train_dev" / "train"
    assert len(train.utts) == 20 + 16 - 5 and len(dev.utts) == 2 + 3 and len(first.utts) == 18
    assert sorted(dev.labels.values()) == ["bonafide"] * 2 + ["spoof"] * 3
    of_dev = {utt for utt in train.utts if utt.startswith("ADD2023_T1.2_D_")}
    assert len(of_dev) == 11 and not of_dev & set(dev.utts)
    again = Recipe.load(folder, ["protocol=train_dev", "corpus.options.held_out={share: 0.3, seed: 2}"])
    [job] = s01_prepare_data.plan(again)
    s01_prepare_data.run(again, job)
    assert set(DataDir.read(recipe.data_dir("dev")).utts) != set(dev.utts)
    for wrong, message in (
        ("corpus.options.held_out.share=1", "must be above 0 and below 1"),
        ("splits.dev=null", "needs splits.train=train and splits.dev=dev"),
    ):
        broken = Recipe.load(folder, ["protocol=train_dev", wrong])
        with pytest.raises(ConfigError, match=message):
            s01_prepare_data.run(broken, s01_prepare_data.plan(broken)[0])
