import pytest
import torch

from dada.errors import DataError
from dada.experiment.folder import FITTED, ExperimentFolder
from dada.experiment.trained import read_config
from dada.models.inference import Outputs
from dada.storage.json_file import read_json


def test_files_of_a_run(tmp_path):
    folder = ExperimentFolder(tmp_path / "seed_1")
    names = {
        "config.json": folder.config,
        "labels.txt": folder.labels,
        "weights.pt": folder.weights,
        "calibration.json": folder.calibration,
        "open_set.json": folder.fitted("open_set"),
        "fusion.json": folder.fitted("fusion"),
        "ensemble.json": folder.fitted("ensemble"),
        "scores/dev.txt": folder.scores("dev"),
        "classes/dev.txt": folder.classes("dev"),
        "embed/dev/embed.npy": folder.embeddings("dev"),
        "embed/dev/logits.npy": folder.logits("dev"),
        "embed/dev/utts.txt": folder.utts("dev"),
    }
    assert {name: tmp_path / "seed_1" / name for name in names} == names
    assert set(FITTED) == {"fusion", "ensemble", "open_set"}
    assert folder.outputs(["a", "b"]) == [
        path
        for split in "ab"
        for path in (folder.embeddings(split), folder.logits(split), folder.utts(split))
    ]


def test_a_run_is_finished_once_all_three_files_exist(tmp_path):
    folder = ExperimentFolder(tmp_path)
    assert folder.missing() == [folder.config, folder.labels, folder.weights]
    for path in folder.missing():
        path.touch()
    assert folder.missing() == []


def test_labels_calibration_and_fitted_numbers_come_back(tmp_path):
    folder = ExperimentFolder(tmp_path)
    folder.write_labels(["spoof", "bonafide", "José"])
    assert folder.read_labels() == ["spoof", "bonafide", "José"]
    assert folder.read_calibration() is None
    folder.calibration.write_text('{"slope": 2.0, "offset": 0.5, "fitted_on": "dev"}')
    assert folder.read_calibration() == {"slope": 2.0, "offset": 0.5, "fitted_on": "dev"}
    folder.write_fitted("open_set", {"tail": 5})
    assert read_json(tmp_path / "open_set.json") == {"tail": 5}


@pytest.mark.parametrize("content", [b"", b"\n", b"spoof\nspoof\n", b"spoof\n\nbonafide\n", b"\xff\n"])
def test_damaged_labels_are_named(tmp_path, content):
    (tmp_path / "labels.txt").write_bytes(content)
    with pytest.raises(DataError, match=r"labels.txt .*: restore it, or remove the folder and train"):
        ExperimentFolder(tmp_path).read_labels()


@pytest.mark.parametrize("content", ["", "[]", '{"slope": 1}', '{"slope": 1, "offset": "0"}'])
def test_a_damaged_calibration_is_named(tmp_path, content):
    (tmp_path / "calibration.json").write_text(content)
    with pytest.raises(DataError, match=r"calibration.json .*: remove it and run stage score again"):
        ExperimentFolder(tmp_path).read_calibration()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b'{"model": 5}', b"\xff"])
def test_a_damaged_configuration_is_named(tmp_path, content):
    (tmp_path / "config.json").write_bytes(content)
    with pytest.raises(DataError, match=r"config.json .*: restore it, or remove the folder"):
        read_config(tmp_path)


def test_outputs_come_back_in_the_order_of_utterances(tmp_path):
    folder = ExperimentFolder(tmp_path)
    folder.write_outputs("dev", Outputs(["b", "a"], torch.tensor([[1.0], [2.0]]), torch.eye(2)))
    outputs = folder.read_outputs("dev")
    assert outputs.utts == ["a", "b"] and outputs.logits.tolist() == [[2.0], [1.0]]
    with pytest.raises(DataError):
        folder.read_outputs("test")
