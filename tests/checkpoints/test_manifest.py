"""The manifest: what an entry must hold, and what can be compared with files and with the systems."""

import json
from pathlib import Path

import pytest
import torch

from dada import checkpoints, models
from dada.checkpoints.address import published_address
from dada.checkpoints.cache import verify
from dada.checkpoints.manifest import PATH, read_manifest
from dada.data import Batch, fit_length, read_audio
from dada.errors import ConfigError
from dada.recipe.config import load_system_config
from dada.storage.yaml_file import read_yaml
from dada.system_table import read_rows

ENTRIES = checkpoints.checkpoints()


def network(checkpoint) -> torch.nn.Module:
    config = load_system_config(checkpoint.system, None, checkpoint.overrides())
    return models.build(config.task, config.model, len(config.labels))


def test_all_entries_are_there():
    assert len(ENTRIES) >= 9 and checkpoints.PROPOSED in ENTRIES


@pytest.mark.parametrize("name", ENTRIES)
def test_an_entry_fits_its_system(name):
    """The system is one of dada/conf with classes that the file need not name, and the window is its
    input's.
    """
    entry = ENTRIES[name]
    config = load_system_config(entry.system, None, entry.overrides())
    assert config.task == "audio" and config.labels == ["spoof", "bonafide"]
    window = (config.input.num_samples, config.input.length_rule)
    assert (entry.window.num_samples, entry.window.length_rule) == window
    assert published_address(entry).startswith("https://") and " " not in published_address(entry)
    assert entry.caveat.endswith(".") and all(figure.corpus and figure.metric for figure in entry.figures())


@pytest.mark.parametrize("name", ENTRIES)
def test_a_published_file_is_the_one_of_the_entry_and_loads(reference, name):
    """Of the files that the reference data has: digest, all parameters, logits of the authors' code."""
    entry = ENTRIES[name]
    path = reference / "weights" / entry.file
    if not path.is_file():
        pytest.skip(f"DADA_REFERENCE has no weights/{entry.file}")
    verify(entry, path)
    model = network(entry).eval()
    models.load_weights(model, "audio", load_system_config(entry.system).model["name"], path)
    expected = json.loads((reference / "expected.json").read_text())["logits"].get(Path(entry.file).stem)
    if expected is None or load_system_config(entry.system).input.kind != "waveform":
        return
    utt, logits = next(iter(expected.items()))
    samples = torch.from_numpy(read_audio(str(reference / "audio" / f"{utt}.flac"), 16_000))
    x = fit_length(samples, entry.window.num_samples, entry.window.length_rule)[None]
    with torch.inference_mode():
        output = model(Batch([utt], x, torch.tensor([x.shape[1]]), torch.tensor([-1]))).logits[0]
    tolerance = float(read_rows()[entry.system].official_deviation)
    torch.testing.assert_close(output, torch.tensor(logits), rtol=0, atol=tolerance)


def test_systems_on_encoders_have_entries():
    """Each has a licence or says that none is stated, and a digest or says that none is known."""
    found = {name: entry for name, entry in ENTRIES.items() if "model.pretrained" in entry.settings}
    assert len(found) >= 8 and {"xlsr_sls", "xlsr_mamba_df", "antideepfake"} <= set(found)
    for name, entry in found.items():
        assert entry.source.hub and entry.settings["model.pretrained"] is False, name
        assert entry.has_digest == (name == "xlsr_sls") and entry.size() == "size not known"
        assert checkpoints.choose(name) is entry


def test_addresses():
    assert published_address(ENTRIES["aasist"]) == (
        "https://raw.githubusercontent.com/clovaai/aasist/a04c9863f63d44471dde8a6abcb3b082b07cd1d1/"
        "models/weights/AASIST.pth"
    )
    assert published_address(ENTRIES["inc_tssdnet"]).endswith("dEER_1.09%25_eEER_4.04%25.pth")


def test_what_is_wrong_with_entries_is_said_at_once(tmp_path):
    values = read_yaml(PATH)
    good = values["aasist"]
    path = tmp_path / "manifest.yaml"
    hub = {"hub": "somebody/model", "revision": "main", "path": "model.pt"}
    path.write_text(json.dumps({"a": {**good, "source": hub}}))
    read = read_manifest(path)
    assert published_address(read["a"]) == "https://huggingface.co/somebody/model/resolve/main/model.pt"
    short = {**good["source"], "revision": "a04c9863"}
    bad = {
        "one": {**good, "size": 3},
        "two": {key: value for key, value in good.items() if key not in ("licence", "caveat")},
        "three": {**good, "sha256": "51d2", "file": "a/b.pth", "source": {**short, **hub, "revision": "1"}},
        "four": {**good, "published": [{"corpus": "x", "eer": 3}]},
        "five": {**good, "source": short},
        "six": 3,
    }
    path = tmp_path / "bad.yaml"
    path.write_text(json.dumps(bad))
    with pytest.raises(ConfigError) as caught:
        read_manifest(path)
    for part in (
        "one: unknown key 'size'",
        "two: licence is missing",
        "two: caveat is missing",
        "three: sha256 is '51d2'",
        "three: file is 'a/b.pth'",
        "three: source must have one of github, hub and url",
        "four: published: unknown key 'eer'",
        "five: source.revision is 'a04c9863', and must be a whole commit",
        "six: expected `key: value` lines",
        "two entries have the file AASIST.pth",
    ):
        assert part in str(caught.value), part


def test_the_command_lists_them(call_dada, cache):
    code, printed, _ = call_dada("models", "--weights", "--json")
    facts = {entry["name"]: entry for entry in json.loads(printed)}
    assert code == 0 and list(facts) == list(ENTRIES)
    assert facts["aasist"]["published"][0]["value"] == 0.83 and facts["aasist"]["cached"] is None
    assert facts["aasist"]["place"] == str(cache / "AASIST.pth")
    code, printed, _ = call_dada("models", "--weights")
    assert code == 0 and "aasist_asvspoof5: 1.3 MB, licence MIT, weights of aasist\n" in printed
    assert "inc_tssdnet: 1.2 MB, licence GPL-3.0\n" in printed and "pc_darts: 0.9 MB, no licence" in printed
    assert "EER 0.83 % on ASVspoof 2019 LA eval" in printed and "dada models --fetch aasist_l" in printed
    code, printed, _ = call_dada("models", "aasist")
    assert "published weights: aasist, aasist_asvspoof5\n" in printed
    code, printed, _ = call_dada("models", "tfidf", "--json")
    assert json.loads(printed)["weights"] == []


def test_the_command_fetches(call_dada, cache, reference, tmp_path, monkeypatch):
    code, _, errors = call_dada("models", "--fetch", "aasit")
    assert code == 2 and "did you mean 'aasist'" in errors
    code, _, errors = call_dada("models", "aasist", "--weights")
    assert code == 2 and "'aasist' goes neither with --weights nor" in errors
    code, _, errors = call_dada("models", "--fetch", "aasist", "--offline")
    assert code == 2 and "raw.githubusercontent.com/clovaai/aasist/a04c9863" in errors
    path = tmp_path / "mirror" / published_address(ENTRIES["aasist"]).partition(".com/")[2]
    path.parent.mkdir(parents=True)
    path.write_bytes((reference / "weights" / "AASIST.pth").read_bytes())
    monkeypatch.setenv("DADA_MIRROR", str(tmp_path / "mirror"))
    code, printed, errors = call_dada("models", "--fetch", "aasist", "--yes")
    assert (code, printed) == (0, f"{cache / 'AASIST.pth'}\n"), errors
    code, printed, _ = call_dada("models", "--weights")
    assert f"    {cache / 'AASIST.pth'}\n" in printed
