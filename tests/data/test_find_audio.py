"""Audio files found by listing folders."""

import pytest

from dada.data.find_audio import find_audio, find_folder, walk_audio
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


def test_plain_audio_is_taken_before_a_container_of_its_name(folder):
    assert find_audio([folder / "one"], ["m"]) == {"m": str(folder / "one/m.m4a")}
    assert "one/m.m4a" in walk_audio(folder)
    (folder / "one" / "m.flac").write_bytes(b"x")
    assert find_audio([folder / "one"], ["m"]) == {"m": str(folder / "one/m.flac")}
    assert [name for name in walk_audio(folder) if "/m." in name] == ["one/m.flac"]


def test_names_in_another_spelling_are_matched_and_said(folder, caplog):
    decomposed, composed = "Zoe\u0308", "zo\u00eb"
    (folder / "one" / f"{decomposed}.flac").write_bytes(b"x")
    found = find_audio([folder / "one"], ["A", composed])
    assert found == {"A": str(folder / "one/a.flac"), composed: str(folder / f"one/{decomposed}.flac")}
    assert "2 names differ from those of the files in letter case" in caplog.text


def test_names_that_may_be_two_files_are_explained(folder):
    for name in ("Qu.wav", "qU.wav"):
        (folder / "two" / name).write_bytes(b"x")
    with pytest.raises(DataError, match="'qu' may be 'Qu' or 'qU': is the archive"):
        find_audio([folder / "two"], ["c", "qu"])


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
