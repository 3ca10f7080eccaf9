import logging

import pytest

from dada.data import DataDir
from dada.data.combine import combine
from dada.errors import DataError


@pytest.fixture
def sources(tmp_path, make_data_dir):
    return [DataDir.read(make_data_dir(tmp_path / name, prefix=name)) for name in ("b", "a")]


def test_all_utterances_sorted(sources, tmp_path):
    combine(sources, tmp_path / "all").write()
    merged = DataDir.read(tmp_path / "all")
    assert merged.utts == sorted(sources[0].utts + sources[1].utts)
    assert merged.tables["utt2attack"]["aS1-s0"] == "A01"
    assert (tmp_path / "all" / "spk2utt").exists()


def test_tables_that_some_lack_are_dropped_and_said(sources, tmp_path, caplog):
    caplog.set_level(logging.WARNING)
    del sources[0].tables["utt2attack"]
    merged = combine(sources, tmp_path / "all")
    assert "utt2attack" not in merged.tables and "utt2label" in merged.tables
    assert [record.getMessage() for record in caplog.records] == [
        f"utt2attack is dropped, because {sources[0].path} has none"
    ]


def test_conflicts_are_refused_and_agreement_is_not(sources, tmp_path):
    assert combine([sources[0], sources[0]], tmp_path / "all").tables == sources[0].tables
    other = DataDir(tmp_path / "c", {name: dict(table) for name, table in sources[0].tables.items()})
    other.tables["utt2label"]["bS1-b0"] = "spoof"
    with pytest.raises(DataError, match="bS1-b0 has 'bonafide' and in .*c/utt2label 'spoof'"):
        combine([sources[0], other], tmp_path / "all")


def test_nothing_in_common(sources, tmp_path):
    only_text = DataDir(tmp_path / "t", {"text": {"x": "words"}})
    only_audio = DataDir(tmp_path / "w", {"wav.scp": {"y": "y.wav"}})
    with pytest.raises(DataError, match="nothing would be left"):
        combine([only_text, only_audio], tmp_path / "all")
