"""Files of a split, rows of Parquet, CSV and JSON lines, and what is refused."""

import json
import sys

import pytest
from fixtures.miniatures import hf_parquet

from dada.errors import ConfigError, DataError, UserError
from dada.formats.hf_dataset import Row, read_rows_of, split_files
from dada.formats.key import read_key
from dada.formats.parquet import ROWS, class_names, column_names, read_parquet


def touch(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"")


def names(paths, root):
    return [path.relative_to(root).as_posix() for path in paths]


def test_the_files_of_a_split(tmp_path):
    touch(
        tmp_path,
        "data/test-00001-of-00002.parquet",
        "data/test-00000-of-00002.parquet",
        "data/labels.parquet",
    )
    touch(tmp_path, "validation/a.parquet", "train/metadata.jsonl", "more/x.parquet", "metadata.csv")
    found = {split: names(split_files(tmp_path, split), tmp_path) for split in ("train", "dev", "test")}
    assert found == {
        "train": ["train/metadata.jsonl"],
        "dev": ["validation/a.parquet"],
        "test": ["data/test-00000-of-00002.parquet", "data/test-00001-of-00002.parquet"],
    }
    assert names(split_files(tmp_path, "x", ["more/*.parquet"]), tmp_path) == ["more/x.parquet"]
    assert names(split_files(tmp_path, "other"), tmp_path) == ["metadata.csv"]
    (tmp_path / "data" / "test-00000-of-00002.parquet").unlink()
    with pytest.raises(DataError, match="1 of the 2 shards of test, without 00000: fetch"):
        split_files(tmp_path, "test")
    (tmp_path / "metadata.csv").unlink()
    with pytest.raises(DataError, match=r"no files of the split 'other' .*corpus.options.files=\{other:"):
        split_files(tmp_path, "other")


def test_rows_are_read_a_few_at_a_time(tmp_path):
    """The first rows are there before a damaged row group behind them is read."""
    path = tmp_path / "test.parquet"
    rows = [hf_parquet.row_of("test", i % 8, False, i) for i in range(2 * ROWS)]
    hf_parquet.write_shard(path, rows, rows_of_group=ROWS)
    assert column_names(path) == ["path", "audio", "label", "notes"]
    assert class_names(path) == {"label": ["bonafide", "spoof"]}
    content = bytearray(path.read_bytes())
    second = content.rindex(rows[ROWS]["audio"]["bytes"][:64])
    content[second + 100 : second + 20_000] = b"\xff" * 19_900
    path.write_bytes(content)
    found = []
    with pytest.raises(DataError, match="cannot be read behind row 32 .*fetch the file again"):
        for row in read_parquet(path, ["label", "notes", "audio"]):
            found.append(row)
    assert len(found) == ROWS and found[0]["label"] == "bonafide"
    assert found[0]["audio"] == rows[0]["audio"]


def test_tables_of_metadata(tmp_path):
    lines = [{"file_name": "a.wav", "notes": {"who": "x"}}, {"file_name": "b.wav", "notes": {}}]
    (tmp_path / "metadata.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n\n")
    rows = list(read_rows_of(tmp_path / "metadata.jsonl", ["file_name", "notes.who"]))
    assert [row.value("notes.who") for row in rows] == ["x", None] and rows[1].folder == tmp_path
    (tmp_path / "metadata.csv").write_text('file_name,notes\na.wav,"{""who"": 3}"\n')
    [row] = read_rows_of(tmp_path / "metadata.csv", ["file_name", "notes.who"])
    assert (row.value("notes.who"), row.where) == (3, f"{tmp_path / 'metadata.csv'}, row 0")
    with pytest.raises(DataError, match="no column 'label'; it has file_name, notes: correct"):
        list(read_rows_of(tmp_path / "metadata.csv", ["label"]))
    for text, message in (("{", ":1: no JSON"), ("[1]", ":1: no JSON object")):
        (tmp_path / "metadata.jsonl").write_text(text)
        with pytest.raises(DataError, match=message):
            list(read_rows_of(tmp_path / "metadata.jsonl", []))


def test_a_part_of_a_column():
    row = Row("x", None, {"a": '{"b": {"c": 1}}', "a.b": 2, "n": 3})
    assert (row.value("a.b"), row.value("a.b.c"), row.value("a.x"), row.value("n.x")) == (2, 1, None, None)
    with pytest.raises(DataError, match="a is no JSON"):
        Row("x", None, {"a": "b"}).value("a.b")


def test_keys_in_parquet(tmp_path):
    rows = [hf_parquet.row_of("test", i, i > 1, 0) for i in range(4)]
    hf_parquet.write_shard(tmp_path / "test.parquet", rows)
    key = read_key(tmp_path / "test.parquet", ["trial=path", "label=label", "attack=notes.attack"])
    assert key.trials[0] == "TE_0000.flac" and key.labels == ["bonafide"] * 2 + ["spoof"] * 2
    assert key.conditions["attack"] == ["-", "-", "A0", "A1"]
    hf_parquet.write_labels(tmp_path / "labels.parquet", [rows[0], rows[0]])
    with pytest.raises(DataError, match="row 1: TE_0000 is in an earlier row too"):
        read_key(tmp_path / "labels.parquet")
    with pytest.raises(ConfigError, match="names no trial"):
        read_key(tmp_path / "test.parquet", ["label=label"])
    with pytest.raises(ConfigError, match="write --key_columns trial=COLUMN"):
        read_key(tmp_path / "test.parquet", ["trial", "label"])
    hf_parquet.write_shard(tmp_path / "test.parquet", [rows[0] | {"label": 5}])
    with pytest.raises(DataError, match="row 0: label '5'"):
        read_key(tmp_path / "test.parquet")


def test_what_is_no_parquet(tmp_path, monkeypatch):
    path = tmp_path / "x.parquet"
    with pytest.raises(DataError, match="x.parquet does not exist"):
        column_names(path)
    path.write_text("version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(DataError, match="x.parquet is no Parquet file .*fetch it again"):
        column_names(path)
    hf_parquet.write_shard(path, [hf_parquet.row_of("test", 0, False, 0)])
    with pytest.raises(DataError, match="no column 'sound'; it has path, audio"):
        list(read_parquet(path, ["sound"]))
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(UserError, match=r"read by pyarrow, which is not installed: pip install 'dada-"):
        column_names(path)
