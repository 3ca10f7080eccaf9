"""Exported systems on the Hugging Face Hub, which a folder of the test stands for."""

import shutil
from types import SimpleNamespace

import huggingface_hub
import pytest
from huggingface_hub.errors import LocalEntryNotFoundError

from dada.checkpoints import Consent
from dada.detect import detector_of
from dada.errors import UserError
from dada.export import hub, is_exported


class Hub:
    """Stands for the server and for the cache of huggingface_hub."""

    def __init__(self, root):
        self.root, self.calls = root, []

    def snapshot_download(self, model, revision, allow_patterns, local_files_only=False):
        self.calls.append(("download", model, revision, local_files_only))
        cached = self.root / "cache" / model
        if not cached.is_dir():
            if local_files_only:
                raise LocalEntryNotFoundError("not there")
            if not (self.root / "server" / model).is_dir():
                raise ValueError("404 not found")
            shutil.copytree(self.root / "server" / model, cached)
        return str(cached)

    def model_info(self, model, revision, files_metadata):
        self.calls.append(("info", model, revision))
        return SimpleNamespace(siblings=[SimpleNamespace(size=2_000_000)], card_data={"license": "mit"})

    def create_repo(self, model, private, exist_ok):
        self.calls.append(("create", model, private))

    def upload_folder(self, repo_id, folder_path, commit_message):
        if repo_id == "nobody/at-all":
            raise RuntimeError("401 Unauthorized")
        shutil.copytree(folder_path, self.root / "server" / repo_id)


@pytest.fixture
def served(tmp_path, monkeypatch):
    """A stub in the place of the Hub."""
    made = Hub(tmp_path / "hub")
    monkeypatch.setattr(huggingface_hub, "snapshot_download", made.snapshot_download)
    monkeypatch.setattr(huggingface_hub, "HfApi", lambda: made)
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    return made


def test_from_an_experiment_to_the_hub_and_back(exported, served, tmp_path, call_dada):
    exported("inc_tssdnet")
    model, out = tmp_path / "recipe" / "exp" / "inc_tssdnet", tmp_path / "uploaded"
    code, printed, errors = call_dada("export", model, "--out", out, "--upload", "somebody/model")
    assert code == 0 and printed.endswith("https://huggingface.co/somebody/model\n"), errors
    assert served.calls == [("create", "somebody/model", True)]
    with pytest.raises(UserError, match=r"at v1 \(2.0 MB, licence mit\) is not on this machine. Add --yes"):
        hub.fetched("hf:somebody/model@v1", Consent())
    assert not (served.root / "cache").exists()
    detector = detector_of("hf:somebody/model@v1", None, None, None, Consent(yes=True))
    assert detector.system.config.name == "inc_tssdnet"
    assert served.calls[-1] == ("download", "somebody/model", "v1", False)
    again = hub.fetched("hf:somebody/model", Consent())  # from the cache, without a question
    assert is_exported(again) and served.calls[-1] == ("download", "somebody/model", "main", True)


def test_what_the_hub_refuses_is_a_message(exported, served, tmp_path, monkeypatch):
    _, _, folder = exported("inc_tssdnet")
    with pytest.raises(UserError, match="was written, and could not be uploaded to nobody/at-all: 401"):
        hub.upload(folder, "nobody/at-all")
    with pytest.raises(UserError, match="write OWNER/NAME"):
        hub.upload(folder, "model")
    with pytest.raises(UserError, match="hf:model names no model of the Hub: write hf:OWNER/NAME"):
        hub.fetched("hf:model", Consent())
    with pytest.raises(UserError, match="somebody/absent at main could not be fetched .*: 404"):
        hub.fetched("hf:somebody/absent", Consent(yes=True))
    for consent, value in ((Consent(yes=True, offline=True), "0"), (Consent(yes=True), "1")):
        monkeypatch.setenv("HF_HUB_OFFLINE", value)
        before = len(served.calls)
        with pytest.raises(UserError, match="is not on this machine, and nothing may be fetched"):
            hub.fetched("hf:somebody/absent", consent)
        assert len(served.calls) == before + 1  # a look into the cache
