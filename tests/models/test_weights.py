"""Weights of another system, and files that hold no weights: what is said of them."""

import json
import pickle

import pytest
import torch

from dada import models
from dada.errors import ConfigError, DataError
from dada.models.weights import fitting_systems, read_state
from dada.recipe.config import load_system_config
from dada.system_files import system_layers


class Harmful:
    """Pickled code: whoever unpickles it calls a function."""

    def __reduce__(self):
        return json.loads, ("1",)


def build(system: str) -> torch.nn.Module:
    config = load_system_config(system)
    return models.build(config.task, config.model, len(config.labels))


def save(path, content):
    torch.save(content, path)
    return path


def test_official_weights_of_another_system_name_keys_and_the_right_system(reference):
    with pytest.raises(ConfigError) as caught:
        models.load_weights(build("aasist_l"), "audio", "aasist", reference / "weights" / "AASIST.pth")
    message = str(caught.value)
    assert "AASIST.pth do not fit the model aasist as configured, but those of aasist:" in message
    assert " in the file, (24, 32, 2, 3) in the model" in message and "more" in message and len(message) < 800
    with pytest.raises(
        ConfigError, match=r"(?s)do not fit .*, but those of rawgat_st, rawgat_st_add:.* is not in the file"
    ):
        models.load_weights(build("aasist"), "audio", "aasist", reference / "weights" / "RawGAT_ST_mul.pth")


def test_weights_of_ours_are_known_by_all_systems_of_that_network(tmp_path):
    """Of the 157,922 parameters of the light CNN all systems with two classes have the same, whatever their
    features.
    """
    state = build("cqt_lcnn").state_dict()
    fitting = fitting_systems(state)
    assert {"cqt_lcnn", "mfcc_lcnn", "lfcc_lcnn"} <= set(fitting)
    assert all(load_system_config(name).model["name"] == "lcnn" and "track3" not in name for name in fitting)
    with pytest.raises(
        ConfigError,
        match=r"(?s)but those of track3_cqt_lcnn:\n  classify\.\S+ is \(7, 32\) in the file, \(2, 32\)",
    ):
        seven = save(tmp_path / "seven.pt", build("track3_cqt_lcnn").state_dict())
        models.load_weights(build("cqt_lcnn"), "audio", "lcnn", seven)
    state["strange"] = torch.zeros(3)
    with pytest.raises(
        ConfigError,
        match=r"(?s)do not fit the model lcnn .*nor any other in dada/conf:\n  strange \(3,\) of the file",
    ):
        models.load_weights(build("cqt_lcnn"), "audio", "lcnn", save(tmp_path / "more.pt", state))


@pytest.mark.parametrize("key", ["model_state_dict", "state_dict", "model"])
def test_parameters_below_a_key_are_found(key, tmp_path):
    torch.manual_seed(1)
    first, second = build("bc_resmax"), build("bc_resmax")
    path = save(tmp_path / "wrapped.pt", {"epoch": 3, key: first.state_dict()})
    models.load_weights(second, "audio", "bc_resmax", path)
    assert all(
        torch.equal(a, b)
        for a, b in zip(first.state_dict().values(), second.state_dict().values(), strict=True)
    )


def test_files_that_are_no_checkpoint(tmp_path):
    good = save(tmp_path / "good.pt", {"a": torch.zeros(1000)})
    assert set(read_state(good)) == {"a"}
    (tmp_path / "cut.pt").write_bytes(good.read_bytes()[:-200])
    (tmp_path / "empty.pt").write_bytes(b"")
    (tmp_path / "text.pt").write_text("<html>404 not found</html>")
    save(tmp_path / "list.pt", [1, 2])
    save(tmp_path / "numbers.pt", {"epoch": 3})
    for name in ("cut.pt", "empty.pt", "text.pt"):
        with pytest.raises(DataError, match=f"{name} is no checkpoint.*copied or downloaded whole"):
            read_state(tmp_path / name)
    for name in ("list.pt", "numbers.pt"):
        with pytest.raises(DataError, match="holds no named parameters"):
            read_state(tmp_path / name)
    with pytest.raises(DataError, match="is a folder"):
        read_state(tmp_path)
    with pytest.raises(DataError, match="none.pt does not exist"):
        read_state(tmp_path / "none.pt")


def test_pickled_code_is_not_run(tmp_path, monkeypatch):
    called = []
    monkeypatch.setattr(json, "loads", called.append)
    save(tmp_path / "zip.pt", {"a": Harmful()})
    (tmp_path / "plain.pt").write_bytes(pickle.dumps({"a": Harmful()}, protocol=2))
    save(tmp_path / "module.pt", torch.nn.Linear(2, 2))
    for name, asked in (
        ("zip.pt", ""),
        ("plain.pt", ""),
        ("module.pt", r"\(torch\.nn\.modules\.linear\.Linear\)"),
    ):
        with pytest.raises(DataError, match=rf"{name} holds pickled Python objects.*{asked}.*not read"):
            read_state(tmp_path / name)
    assert not called


def test_unknown_systems_are_named_with_the_nearest():
    with pytest.raises(
        ConfigError, match="unknown system 'rawgatst', did you mean 'rawgat_st'\\?; known: aasist, "
    ):
        system_layers("rawgatst")
