import pytest

from dada.data import DataDir
from dada.data.subset import divide, read_list, select, spread
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
    with pytest.raises(DataError, match="12 such utterances, not 13"):
        select(data, num=13)


def test_list_of_utterances(tmp_path):
    (tmp_path / "list").write_text("S1-b0\nS2-b0 with a value\n\n")
    assert read_list(tmp_path / "list") == ["S1-b0", "S2-b0"]
    (tmp_path / "list").write_text("\n")
    with pytest.raises(DataError, match="names no utterance"):
        read_list(tmp_path / "list")
    with pytest.raises(DataError, match="does not exist.*: give a text file"):
        read_list(tmp_path / "absent")


def test_divide_gives_every_split_its_share():
    shares = {"train": 0.6, "dev": 0.2, "test": 0.2}
    owner = divide([f"g{i}" for i in range(20)] * 2, shares, seed=1)
    assert sorted(list(owner.values()).count(split) for split in shares) == [4, 4, 12] and len(owner) == 20
    assert (
        owner
        == divide([f"g{i}" for i in reversed(range(20))], shares, seed=1)
        != divide([f"g{i}" for i in range(20)], shares, seed=2)
    )
    assert sorted(divide("abc", {"train": 0.01, "dev": 0.9, "test": 0.09}, seed=1).values()) == [
        "dev",
        "test",
        "train",
    ]
    with pytest.raises(DataError, match=r"2 groups \(a, b\) cannot fill"):
        divide("abab", shares, seed=1)
