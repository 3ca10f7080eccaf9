import os
import shutil
import struct
from pathlib import Path

import kaldiio
import numpy as np
import pytest

from dada.data import ArkReader, arks, merge_arks, write_ark
from dada.errors import DataError

INTEGERS = b"\0B\4" + struct.pack("<i", 3) + b"".join(b"\4" + struct.pack("<i", i) for i in (7, 8, 9))


def index(folder, content=None, location="a.ark:3"):
    if content is not None:
        (folder / "a.ark").write_bytes(b"u1 " + content)
    (folder / "a.scp").write_text(f"u1 {location}\n")
    return ArkReader(folder / "a.scp")


@pytest.mark.parametrize("compression", [None, 1, 2, 3, 5])
def test_arks_of_kaldi_are_read(tmp_path, compression):
    matrix = np.random.default_rng(1).normal(size=(20, 5)).astype(np.float32)
    for written in (matrix, matrix.astype(np.float64)):
        options = {"compression_method": compression} if compression else {}
        kaldiio.save_ark(str(tmp_path / "a.ark"), {"u1": written}, str(tmp_path / "a.scp"), **options)
        np.testing.assert_allclose(
            ArkReader(tmp_path / "a.scp")["u1"], matrix, atol=0.1 if compression else 1e-7
        )


def test_other_arrays(tmp_path):
    assert index(tmp_path, INTEGERS)["u1"].tolist() == [7, 8, 9]
    np.testing.assert_array_equal(index(tmp_path, b" [\n  1.0 2.5\n  3.0 4.0 ]\n")["u1"], [[1, 2.5], [3, 4]])


MATRIX = b"\0BFM \4" + struct.pack("<i", 2) + b"\4" + struct.pack("<i", 2) + bytes(16)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0B",
        b"\0BFM ",
        MATRIX[:-1],
        MATRIX.replace(struct.pack("<i", 2), struct.pack("<i", 0x7FFFFFFF)),
        MATRIX.replace(struct.pack("<i", 2), struct.pack("<i", -1)),
        b"\0BFV \4" + struct.pack("<i", 1 << 30),
        b"\0BDV \4" + struct.pack("<i", 1),
        b"\0BCM " + struct.pack("<ffii", 0, 1, 1 << 30, 1 << 30),
        b"\0BCM2 " + struct.pack("<ffii", 0, 1, 1 << 30, 4),
        b"\0BXX \4" + struct.pack("<i", 1) + bytes(4),
        b"\0B\4" + struct.pack("<i", 0x7FFFFFFF) + bytes(50),
        b"NPY\1\x08" + b"\x93NUMPY\1\0",
        b"PKL" + b"I1\n.",
        b"RIFF" + bytes(40),
        b"[ 1 2",
        b"[ one ]",
        b"\xff\xfe\xfd",
    ],
)
def test_forged_and_damaged_entries_are_named(tmp_path, content):
    with pytest.raises(DataError, match=r"utterance u1: .*a.ark:3 cannot be read .*: make the ark again"):
        index(tmp_path, content)["u1"]


@pytest.mark.parametrize("location", ["a.ark", "a.ark:x", "a.ark:\u00b2", "a.ark:" + "9" * 5000, "a.ark:-3"])
def test_a_location_is_an_ark_and_an_offset(tmp_path, location):
    with pytest.raises(DataError, match="is not `file.ark:offset`"):
        index(tmp_path, MATRIX, location)["u1"]


def test_an_ark_is_a_regular_file(tmp_path):
    os.mkfifo(tmp_path / "pipe.ark")
    (tmp_path / "folder.ark").mkdir()
    for name, what in (
        ("pipe.ark", "is a device or a pipe"),
        ("/dev/zero", "is a device or a pipe"),
        ("folder.ark", "is a folder"),
        ("none.ark", "does not exist"),
    ):
        with pytest.raises(DataError, match=rf"a.scp: the ark .*{name} of u1 {what}"):
            index(tmp_path, location=f"{name}:3")["u1"]


def test_offsets_far_behind_the_end(tmp_path):
    write_ark(tmp_path / "a.scp", [("u1", np.ones((3, 2), np.float32))])
    with pytest.raises(DataError, match="cannot be read from the ark"):
        index(tmp_path, location="a.ark:999999999999999999")["u1"]


def test_kaldi_and_kaldiio_read_the_index_from_any_folder(tmp_path, monkeypatch):
    written = np.arange(6, dtype=np.float32).reshape(3, 2)
    write_ark(tmp_path / "a" / "feats.scp", [("u1", written)])
    monkeypatch.chdir(tmp_path.parent)
    assert np.array_equal(kaldiio.load_scp(str(tmp_path / "a" / "feats.scp"))["u1"], written)


def test_a_folder_of_arks_can_be_moved_and_copied(tmp_path):
    """A copy reads its own ark, although the index names that of the first folder."""
    first, second = np.ones((2, 2), dtype=np.float32), np.zeros((2, 2), dtype=np.float32)
    write_ark(tmp_path / "a" / "feats.scp", [("u1", first)])
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    write_ark(tmp_path / "a" / "feats.scp", [("u1", second)])
    assert np.array_equal(ArkReader(tmp_path / "b" / "feats.scp")["u1"], first)
    (tmp_path / "b").rename(tmp_path / "c")
    assert np.array_equal(ArkReader(tmp_path / "c" / "feats.scp")["u1"], first)


def test_arks_are_merged_byte_by_byte(tmp_path):
    rng = np.random.default_rng(0)
    arrays = {f"u{i}": rng.normal(size=(3 + i, 4)).astype(np.float32) for i in range(6)}
    arrays["v"] = np.arange(5, dtype=np.float32)
    write_ark(tmp_path / "whole.scp", arrays.items())
    write_ark(tmp_path / "a.scp", [(utt, arrays[utt]) for utt in ("u0", "u2", "v")])
    write_ark(tmp_path / "b.scp", [(utt, arrays[utt]) for utt in ("u1", "u3", "u4", "u5")])
    lengths = merge_arks([tmp_path / "a.scp", tmp_path / "b.scp"], tmp_path / "merged.scp")
    assert (tmp_path / "merged.ark").read_bytes() == (tmp_path / "whole.ark").read_bytes()
    assert lengths == {utt: len(array) for utt, array in arrays.items()}
    with open(tmp_path / "b.ark", "r+b") as file:
        file.truncate(60)
    with pytest.raises(DataError, match="utterance u1: .*b.ark:3 cannot be read .*: make the ark again"):
        merge_arks([tmp_path / "a.scp", tmp_path / "b.scp"], tmp_path / "merged.scp")


def test_a_merge_keeps_few_arks_open(tmp_path, monkeypatch):
    scps = [tmp_path / f"{i}.scp" for i in range(6)]
    for i, scp in enumerate(scps):
        write_ark(scp, [(f"u{i}", np.zeros(2)), (f"v{i}", np.ones(2))])
    opened, content = [], ArkReader.content

    def counted(reader, utt):
        entry = content(reader, utt)
        links = [os.readlink(path) for path in Path("/proc/self/fd").iterdir() if path.is_symlink()]
        opened.append(sum(link.startswith(f"{tmp_path}/") and "merged" not in link for link in links))
        return entry

    monkeypatch.setattr(ArkReader, "content", counted)
    monkeypatch.setattr(arks, "MAX_OPEN", 2)
    assert list(merge_arks(scps, tmp_path / "merged.scp")) == [f"{c}{i}" for c in "uv" for i in range(6)]
    assert opened == [1] + [2] * 11
