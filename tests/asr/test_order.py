"""Utterances by length: from durations, else from the sizes of files."""

import pytest

from dada.asr.order import by_length
from dada.data import write_table
from dada.errors import DataError

UTTS = ["a", "b", "c", "d"]


@pytest.fixture
def locations(tmp_path):
    for utt, size in zip(UTTS, (30, 10, 20, 10), strict=True):
        (tmp_path / f"{utt}.wav").write_bytes(b"x" * size)
    return {utt: str(tmp_path / f"{utt}.wav") for utt in UTTS}


def test_durations_come_first(locations, tmp_path):
    write_table(tmp_path / "utt2dur", {"a": 2.5, "b": 11, "c": 2.5, "d": 1})
    assert by_length(UTTS, locations, tmp_path / "utt2dur") == ["d", "a", "c", "b"]


def test_sizes_stand_for_durations(locations, tmp_path):
    assert by_length(UTTS, locations, tmp_path / "utt2dur") == ["b", "d", "c", "a"]
    write_table(tmp_path / "utt2dur", {"a": 2.5})
    assert by_length(UTTS, locations, tmp_path / "utt2dur") == ["b", "d", "c", "a"]
    (tmp_path / "c.wav").unlink()
    locations["a"] = f"{tmp_path}/x.ark:1000"
    assert by_length(UTTS, locations, tmp_path / "utt2dur") == ["a", "c", "b", "d"]


@pytest.mark.parametrize("bad", ["long", "nan"])
def test_a_duration_that_is_no_number_is_named(locations, tmp_path, bad):
    write_table(tmp_path / "utt2dur", {utt: bad if utt == "c" else 1 for utt in UTTS})
    with pytest.raises(DataError, match=f"utt2dur: the duration of c is '{bad}'"):
        by_length(UTTS, locations, tmp_path / "utt2dur")
