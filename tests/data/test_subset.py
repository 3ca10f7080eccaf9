import pytest

from dada.data import DataDir
from dada.data.subset import read_list, select, spread
from dada.errors import DataError


@pytest.fixture
def data(tmp_path, make_data_dir):
    return DataDir.read(make_data_dir(tmp_path / "d", num_speakers=3))


def test_spread_is_even():
    assert spread("abcdefghij", 3) == ["a", "d", "g"]
    assert spread("ab", 5) == ["a", "b"]


def test_conditions_hold_together(data):
    assert select(data, num=3) == ["S1-b0", "S2-b0", "S3-b0"]
    assert select(data, per_speaker=2) == ["S1-b0", "S1-s0", "S2-b0", "S2-s0", "S3-b0", "S3-s0"]
    assert select(data, speakers=["S2"]) == ["S2-b0", "S2-b1", "S2-s0", "S2-s1"]
    assert select(data, speakers=["S2", "S3"], per_speaker=2, num=2) == ["S2-b0", "S3-b0"]


def test_what_cannot_be_chosen_is_named(data):
    with pytest.raises(DataError, match="no speaker S9; it has S1, S2, S3"):
        select(data, speakers=["S9", "S1"])
    with pytest.raises(DataError, match="12 such utterances, and 13 are asked for"):
        select(data, num=13)


def test_list_of_utterances(tmp_path):
    (tmp_path / "list").write_text("S1-b0\nS2-b0 with a value\n\n")
    assert read_list(tmp_path / "list") == ["S1-b0", "S2-b0"]
    (tmp_path / "list").write_text("\n")
    with pytest.raises(DataError, match="names no utterance"):
        read_list(tmp_path / "list")
    with pytest.raises(DataError, match="cannot be read"):
        read_list(tmp_path / "absent")
