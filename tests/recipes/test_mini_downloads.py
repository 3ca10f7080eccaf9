"""The Debian packages of egs/mini, with a stand-in for apt: no network."""

import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest

from dada.data.download import versions
from dada.errors import DadaError, UserError
from dada.recipe.local import load_local

debian = load_local(Path(__file__).parents[2] / "egs" / "mini", "debian")
WEIGHTS = b"voice of a synthesizer" * 100
DIGEST = hashlib.sha256(WEIGHTS).hexdigest()
TOOL = debian.Package("flite", "BSD", "synthesizer", "root", {"usr/share/voice": DIGEST}, programs=("flite",))


def test_without_apt_says_what_to_get_and_takes_what_is_there(monkeypatch, tmp_path):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(UserError, match="flite is on the PATH") as error:
        debian.fetch([TOOL], tmp_path)
    assert str(tmp_path / "root" / "usr/share/voice") in str(error.value) and DIGEST in str(error.value)
    (tmp_path / "root/usr/share").mkdir(parents=True)
    (tmp_path / "root/usr/share/voice").write_bytes(WEIGHTS)
    monkeypatch.setattr(shutil, "which", lambda name: "/usr/bin/flite" if name == "flite" else None)
    debian.fetch([TOOL], tmp_path)


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
    monkeypatch.setattr(debian, "Apt", FakeApt)
    debian.fetch([TOOL], tmp_path)
    assert versions(tmp_path) == {"flite": "2.2", "libflite1": "2.2"}
    assert debian.Program.unpacked(tmp_path / "root", "flite")
    assert debian.is_ready(TOOL, tmp_path)


def test_a_wrong_debian_file_is_removed_and_named(monkeypatch, tmp_path):
    monkeypatch.setattr(debian, "Apt", FakeApt)
    monkeypatch.setattr(FakeApt, "unpacked", b"other")
    with pytest.raises(UserError, match="flite 2.2 is cut or wrong: usr/share/voice"):
        debian.fetch([TOOL], tmp_path)
    assert not (tmp_path / "root/usr/share/voice").exists() and not debian.is_ready(TOOL, tmp_path)


def test_an_unknown_debian_package_is_named(monkeypatch, tmp_path):
    with pytest.raises(UserError, match="no package frite"):
        FakeApt(tmp_path).show(["frite"])


def test_a_program_that_fails_is_named_with_its_message():
    with pytest.raises(DadaError, match="saying hello: sh ended with exit code 3: no voice"):
        debian.Program("/bin/sh", {}).run("-c", "echo no voice >&2; exit 3", what="saying hello")
