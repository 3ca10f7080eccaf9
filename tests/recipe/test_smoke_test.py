"""A new recipe run on a few files before its corpus is."""

import json
from pathlib import Path

import pytest
import torch

from dada import models
from dada.data import DataDir
from dada.errors import DataError
from dada.recipe import smoke_test as module
from dada.recipe.smoke_test import NUM_FILES, smoke_test

SPLITS = ("train", "dev", "test")
RECIPE = """
corpus:
  name: toy
  root: /nowhere
  options:
    csv: absent.csv
    columns: {file: f, label: l}
    labels_map: {a: spoof}
    splits_map: {}
    split_by: file
    shares: {train: 0.6, dev: 0.2, test: 0.2}
    seed: 1
splits: {train: train, dev: dev, test: [test]}
systems: [lfcc_lcnn]
"""


@pytest.fixture
def recipe(tmp_path, request):
    """A recipe of the template, with a configuration and a result that a smoke test must leave alone."""
    root = tmp_path / "toy"
    (root / "local").mkdir(parents=True)
    template = request.config.rootpath / "egs" / "TEMPLATE" / "local" / "prepare_data.py"
    (root / "local" / "prepare_data.py").write_text(template.read_text(encoding="utf-8"))
    (root / "recipe.yaml").write_text(RECIPE)
    (root / "exp").mkdir()
    (root / "exp" / "result").write_text("kept")
    return root


@pytest.fixture
def splits(make_data_dir, tmp_path):
    """Three splits of four speakers with more files of a label than a smoke test takes."""
    return [DataDir.read(make_data_dir(tmp_path / "made" / name, 4, 4, prefix=f"{name}-")) for name in SPLITS]


def test_rows_are_evenly_spaced_files_of_each_label_and_split(splits):
    rows = module._rows(
        splits, {"wav.scp": "file", "utt2label": "label", "utt2spk": "speaker", "utt2attack": "attack"}
    )
    for data in splits:
        for label in ("bonafide", "spoof"):
            of_label = [utt for utt in data.utts if data.labels[utt] == label]
            assert len(of_label) == 16 > NUM_FILES
            files = [row["file"] for row in rows if (row["split"], row["label"]) == (data.path.name, label)]
            assert files == [data["wav.scp"][utt] for utt in of_label[::2]]
    assert {row["speaker"] for row in rows} == {"S1", "S2", "S3", "S4"}
    assert {row["attack"] for row in rows} == {"-", "A01"}


def test_all_stages_run_and_the_recipe_stays_as_it_was(recipe, splits):
    path = recipe / "recipe.yaml"
    path.write_text(path.read_text().replace("label: l}", "label: l, text: words, room: where}"))
    for data in splits:
        data.tables["utt2room"] = dict.fromkeys(data.utts, "hall")
    before = {path: path.read_bytes() for path in recipe.rglob("*") if path.is_file()}
    table = smoke_test(recipe, splits)
    assert "EER" in table and "trivial_cues" in table and "lfcc_gmm" in table and "lfcc_lcnn" not in table
    assert {path: path.read_bytes() for path in recipe.rglob("*") if path.is_file()} == before


def test_without_train_the_recipes_own_systems_are_run(recipe, splits, tmp_path):
    path, model = recipe / "recipe.yaml", {"name": "dada_audio", "width": 60, "attention": 2, "head": [4]}
    text = path.read_text().replace("train: train, dev: dev", "train: null, dev: null")
    path.write_text(text.replace("[lfcc_lcnn]", "[published]"))
    (recipe / "conf").mkdir()
    (recipe / "conf" / "published.yaml").write_text(
        "task: audio\ninput: {kind: features, features: {name: lfcc}}\ninit: small.pt\ntrain: {epochs: 0}\n"
        f"model: {json.dumps(model)}\n"
    )
    (recipe / "local.yaml").write_text(f"weights: {tmp_path}\n")
    torch.save(models.build("audio", model, 2).state_dict(), tmp_path / "small.pt")
    table = smoke_test(recipe, splits[2:])
    assert "EER" in table and "published" in table


def test_what_a_stage_refuses_is_raised(recipe, splits):
    path = Path(splits[0]["wav.scp"][splits[0].utts[0]])
    path.unlink()
    with pytest.raises(DataError, match=path.name):
        smoke_test(recipe, splits)
