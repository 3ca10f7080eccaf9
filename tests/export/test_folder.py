"""What an exported folder holds, what it is refused for, and where it is read."""

import json
import shutil

import pytest
import torch
from signals import speech_like

from dada import models
from dada.data import write_audio
from dada.detect import detector_of
from dada.errors import DataError, UserError
from dada.export import is_exported, load_exported
from dada.recipe.recipe import Recipe
from dada.storage.digest import value_digest
from dada.storage.exported import read_record


def edited(folder, change):
    """Change export.json, and its digest with it."""
    record = json.loads((folder / "export.json").read_text())
    record.pop("digest")
    change(record)
    (folder / "export.json").write_text(json.dumps({**record, "digest": value_digest(record)}))


def test_it_says_what_it_is(exported):
    _, _, folder = exported("aasist", licence="CC-BY-4.0")
    record = read_record(folder)
    assert sorted(path.name for path in folder.iterdir()) == [
        *("README.md", "config.yaml", "export.json", "model.safetensors")
    ]
    assert (record["format"], record["labels"], record["licence"]) == (1, ["spoof", "bonafide"], "CC-BY-4.0")
    assert record["score"]["higher"] == "bonafide" and record["calibration"]["slope"] == 2.0
    assert record["provenance"]["seed"] == 1 and len(record["provenance"]["weights_sha256"]) == 64
    assert set(record["files"]) == {"config.yaml", "model.safetensors"} and record["needs"] == []
    card = (folder / "README.md").read_text()
    assert "license: cc-by-4.0" in card and "Classes, in the order of the logits: spoof, bonafide." in card
    assert "log-likelihood ratio = 2 x score +0.5" in card and "None were measured" in card
    (folder / "README.md").write_text("an edited card")
    assert load_exported(folder).record == record


def test_published_weights_pass_on_their_licence_and_caveat(exported):
    record = read_record(exported("aasist", init="AASIST.pth", train={"epochs": 0})[2])
    assert record["licence"] == "MIT" and "43 %" in record["caveat"]


@pytest.mark.parametrize("name", ["config.yaml", "model.safetensors"])
def test_a_damaged_file_is_named(exported, name):
    _, _, folder = exported("inc_tssdnet")
    path = folder / name
    content = path.read_bytes()
    for damaged in (content[:-1], content[:-1] + bytes([content[-1] ^ 1])):
        path.write_bytes(damaged)
        with pytest.raises(
            DataError,
            match=rf"{name} is not the file that was exported: .*export it|{name} is not .*export the",
        ):
            load_exported(folder)
    path.unlink()
    with pytest.raises(DataError, match=f"{name} does not exist"):
        load_exported(folder)


def test_a_damaged_record_is_named(exported, tmp_path):
    _, _, folder = exported("inc_tssdnet")
    text = (folder / "export.json").read_text()
    (folder / "export.json").write_text(text.replace('"slope": 2.0', '"slope": 3.0'))
    with pytest.raises(DataError, match="export.json was changed since it was written"):
        load_exported(folder)
    (folder / "export.json").write_text(text[:100])
    with pytest.raises(DataError, match="export.json is not JSON"):
        load_exported(folder)
    (folder / "export.json").write_text(text)
    outside = tmp_path / "outside"
    outside.write_text("x")
    edited(folder, lambda record: record["files"].update({"../outside": {"bytes": 1, "sha256": "0"}}))
    with pytest.raises(DataError, match=r"names \.\./outside, a path outside"):
        load_exported(folder)
    (folder / "export.json").write_text(text)
    edited(folder, lambda record: record.update({"format": 2}))
    with pytest.raises(DataError, match="has the format 2, and this version of dada reads 1"):
        load_exported(folder)


def test_it_moves_and_is_detected_with(exported, tmp_path, call_dada):
    system, _, folder = exported("aasist")
    elsewhere = tmp_path / "elsewhere" / "moved"
    shutil.move(folder, elsewhere)
    shutil.rmtree(tmp_path / "recipe")
    assert is_exported(elsewhere) and not is_exported(tmp_path)
    write_audio(tmp_path / "clip.wav", speech_like(1.5, 120, seed=7))
    detector = detector_of(elsewhere, None, None, None)
    assert detector.origin.calibration["offset"] == 0.5 and "recipe" in detector.origin.caveat
    code, printed, errors = call_dada("detect", "--model", elsewhere, tmp_path / "clip.wav", "--json")
    assert code == 0, errors
    verdict = json.loads(printed)
    assert verdict["system"] == "aasist" and verdict["probability_bonafide"] is not None
    with pytest.raises(UserError, match="of one training run: leave out --seed"):
        detector_of(elsewhere, 2, None, None)


def test_it_is_the_start_of_a_training(exported, tmp_path):
    system, _, folder = exported("aasist")
    config = system.config
    torch.manual_seed(5)
    fresh = models.build("audio", config.model, 2)
    models.load_weights(fresh, "audio", "aasist", folder)
    own = system.experiment.model.state_dict()
    assert all(torch.equal(own[name], value) for name, value in fresh.state_dict().items())
    recipe = Recipe.load(tmp_path / "recipe")
    path = recipe.weights_path(str(folder))
    assert path == folder / "export.json"  # whose digests change with every file
    models.load_weights(fresh, "audio", "aasist", path)


def test_the_command_refuses_what_cannot_be_exported(exported, tmp_path, call_dada):
    _, _, folder = exported("aasist")
    model = tmp_path / "recipe" / "exp" / "aasist"
    code, _, errors = call_dada("export", model, "--out", folder)
    assert code == 2 and "out is there already" in errors
    code, _, errors = call_dada("export", tmp_path / "nowhere", "--out", tmp_path / "new")
    assert code == 2 and "does not exist" in errors
    config = json.loads((model / "seed_1" / "config.json").read_text())
    config["input"].update(kind="features", features={"name": "from_scp", "scp": "feats.scp"})
    (model / "seed_1" / "config.json").write_text(json.dumps(config))
    code, _, errors = call_dada("export", model, "--out", tmp_path / "new")
    assert code == 2 and "reads features that another program computed" in errors
    assert not (tmp_path / "new").exists()
