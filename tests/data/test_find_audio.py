"""Audio files found by listing folders."""

import pytest

from dada.data.find_audio import find_audio, find_folder
from dada.errors import DataError


@pytest.fixture
def folder(tmp_path):
    """Two folders with a.flac, b.wav; c.FLAC; and m.m4a."""
    for name in ("one/a.flac", "one/b.wav", "two/c.FLAC", "one/m.m4a", "one/stray.flac", "one/README"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"x")
    return tmp_path


def test_finds_files_of_several_folders(folder):
    found = find_audio([folder / "one", folder / "two"], ["c", "a", "b"])
    assert found == {
        "c": str(folder / "two/c.FLAC"),
        "a": str(folder / "one/a.flac"),
        "b": str(folder / "one/b.wav"),
    }


def test_names_what_is_missing(folder, caplog):
    with pytest.raises(
        DataError, match=r"2 of 3 audio files are not in .*one, e.g. x, y .*corpus.options.allow_missing=true"
    ):
        find_audio([folder / "one"], ["a", "x", "y"])
    assert list(find_audio([folder / "one"], ["a", "x"], allow_missing=True)) == ["a"]
    assert "1 of 2 utterances are left out, since their audio is not there: x" in caplog.text
    with pytest.raises(DataError, match="1 of 1 audio files"):
        find_audio([folder / "one"], ["x"], allow_missing=True)
    with pytest.raises(DataError, match="the folder .*three does not exist: unpack"):
        find_audio([folder / "one", folder / "three"], ["a"])


def test_names_what_must_be_converted_and_how(folder):
    with pytest.raises(
        DataError,
        match=r"1 utterances are there only in a format .*m\.m4a: convert.*one/\*\.m4a; do ffmpeg -i",
    ):
        find_audio([folder / "one"], ["a", "m"], allow_missing=True)
    (folder / "one" / "m.flac").write_bytes(b"x")
    assert find_audio([folder / "one"], ["m"]) == {"m": str(folder / "one/m.flac")}


def test_one_name_twice(folder, caplog):
    (folder / "one" / "b.mp3").write_bytes(b"x")
    assert find_audio([folder / "one"], ["b"])["b"].endswith("b.wav")
    assert "1 utterances have two audio files side by side (b)" in caplog.text
    (folder / "two" / "a.wav").write_bytes(b"x")
    with pytest.raises(DataError, match="1 utterances are in two folders, e.g. a"):
        find_audio([folder / "one", folder / "two"], ["a", "c"])


def test_a_corpus_or_the_folder_around_it(folder):
    assert find_folder(folder, "none", "one") == folder / "one"
    with pytest.raises(DataError, match=r"has no LA nor PA \(there: one, two\): unpack the archive"):
        find_folder(folder, "LA", "PA")
    with pytest.raises(DataError, match="three does not exist"):
        find_folder(folder / "three", "LA")
