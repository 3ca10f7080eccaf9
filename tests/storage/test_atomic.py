import errno
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest

from dada.data import DataDir, write_audio, write_table
from dada.errors import UserError
from dada.storage.atomic import PARTIAL, atomic_dir, atomic_path, remove_stale, require_output, write_text

WRITERS = {
    "table": lambda folder: write_table(folder / "utt2x", {f"u{i:06d}": "x" * 50 for i in range(20_000)}),
    "audio": lambda folder: write_audio(
        folder / "a.wav", np.random.default_rng(1).uniform(-1, 1, 400_000).astype(np.float32)
    ),
    "folder": lambda folder: DataDir(
        folder / "d", {"text": {f"u{i:06d}": "x" * 50 for i in range(20_000)}}
    ).write(),
}


@pytest.fixture
def full_disk(tmp_path, monkeypatch):
    """A file system of 256 kB where we may mount one, else one whose every flush says that the disk is
    full.
    """
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = (
        shutil.which("mount")
        and subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", folder], capture_output=True
        ).returncode
        == 0
    )
    if not mounted:

        def full(descriptor):
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(os, "fsync", full)
    yield folder
    if mounted:
        subprocess.run(["umount", folder], check=True)


@pytest.mark.parametrize("writer", WRITERS)
def test_full_disk_is_said_and_leaves_nothing(full_disk, writer):
    with pytest.raises(UserError, match="the disk is full"):
        WRITERS[writer](full_disk)
    assert list(full_disk.iterdir()) == []


def test_full_disk_keeps_the_older_file(full_disk):
    path = full_disk / "utt2x"
    path.write_text("a old\n")
    with pytest.raises(UserError, match="the disk is full"):
        write_table(path, {f"u{i:06d}": "x" * 50 for i in range(20_000)})
    assert path.read_text() == "a old\n"


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES])
def test_unwritable_output_is_said_and_keeps_what_was_there(tmp_path, monkeypatch, number):
    def refuse(*_):
        raise OSError(number, os.strerror(number))

    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "old").write_text("content")
    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(UserError, match=f"cannot write {tmp_path / 'x'}: .* choose another folder"):
        write_text(tmp_path / "x", "content")
    with pytest.raises(UserError, match="choose another folder"), atomic_dir(tmp_path / "d") as partial:
        (partial / "new").write_text("content")
    assert [str(path.relative_to(tmp_path)) for path in sorted(tmp_path.rglob("*"))] == ["d", "d/old"]


def test_file_in_the_place_of_a_folder(tmp_path):
    (tmp_path / "data").write_text("")
    with pytest.raises(UserError, match="a file stands where a folder has to be"):
        write_text(tmp_path / "data" / "x", "content")


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("folder", "it is a folder: choose another name"),
        ("/proc/x", "no file can be made there: choose another folder"),
        ("/proc/none/x", "no file can be made there: choose another folder"),
        ("a" * 300, "the name is too long: choose a shorter one"),
        ("a\0b", "a name cannot hold a NUL character"),
    ],
)
def test_impossible_outputs_are_refused(tmp_path, name, what):
    (tmp_path / "folder").mkdir()
    with pytest.raises(UserError, match=f"cannot write .*{what}"):
        write_text(tmp_path / name, "content")
    if not name.startswith("/proc"):
        with pytest.raises(UserError, match=f"cannot write .*{what}"):
            require_output(tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_text_with_bytes_of_a_file_name_is_refused(tmp_path):
    with pytest.raises(UserError, match="cannot write .*rename the files whose names are not UTF-8"):
        write_text(tmp_path / "x", "clip_" + os.fsdecode(b"\xff") + ".wav")
    assert not list(tmp_path.iterdir())


def test_failure_inside_leaves_nothing_and_keeps_its_type(tmp_path):
    with pytest.raises(FileNotFoundError), atomic_path(tmp_path / "x") as partial:
        partial.write_text("half")
        open(tmp_path / "absent")
    with pytest.raises(KeyError), atomic_dir(tmp_path / "d") as partial:
        (partial / "x").write_text("half")
        raise KeyError
    assert list(tmp_path.iterdir()) == []


def test_folder_is_replaced_as_a_whole(tmp_path):
    for content in ("old", "new"):
        with atomic_dir(tmp_path / "d") as partial:
            (partial / content).write_text(content)
    assert [path.name for path in (tmp_path / "d").iterdir()] == ["new"]
    assert [path.name for path in tmp_path.iterdir()] == ["d"]


def test_what_a_killed_process_left_is_removed(tmp_path):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    stale = [tmp_path / f".table.{gone.pid}{PARTIAL}", tmp_path / f".folder.{gone.pid}{PARTIAL}"]
    stale[0].write_text("half")
    (stale[1] / "inside").mkdir(parents=True)
    others = [tmp_path / f".table.{os.getpid()}{PARTIAL}", tmp_path / "table"]
    for path in others:
        path.write_text("whole")
    remove_stale(tmp_path)
    assert not any(path.exists() for path in stale) and all(path.exists() for path in others)
