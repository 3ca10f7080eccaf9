import pytest

from dada.data import tables
from dada.data.tables import invert, read_table, read_table_once, write_table
from dada.errors import DataError


@pytest.mark.parametrize(
    ("content", "where", "what"),
    [
        (b"", "utt2spk", "is empty"),
        (b"a x\nb\n", "utt2spk:2", "one space"),
        (b"a x\nb \n", "utt2spk:2", "one space"),
        (b"a  x\n", "utt2spk:1", "one space"),
        (b"a\tx\n", "utt2spk:1", "one space"),
        (b"a x\n\nb x\n", "utt2spk:2", "one space"),
        (b"a x\na y\n", "utt2spk:2", "key a is there twice"),
        (b"b x\na y\n", "utt2spk:2", "LC_ALL=C sort"),
        (b"a x\nb \xff\n", "utt2spk", "UTF-8"),
    ],
)
def test_bad_lines_are_named(tmp_path, content, where, what):
    path = tmp_path / "utt2spk"
    path.write_bytes(content)
    with pytest.raises(DataError) as error:
        read_table(path)
    assert f"{tmp_path / where}: " in str(error.value) and what in str(error.value)


def test_a_table_is_read_again_when_it_has_changed(tmp_path):
    path = tmp_path / "utt2spk"
    write_table(path, {"a": "x"})
    first = read_table_once(path)
    assert first == {"a": "x"} and read_table_once(path) is first
    write_table(path, {"a": "y"})
    assert read_table_once(path) == {"a": "y"}
    with pytest.raises(TypeError):
        read_table_once(path)["b"] = "z"
    with pytest.raises(DataError, match="does not exist"):
        read_table_once(tmp_path / "none")


def test_missing_table_and_folder_in_its_place(tmp_path):
    with pytest.raises(DataError, match="utt2spk: does not exist"):
        read_table(tmp_path / "utt2spk")
    (tmp_path / "utt2spk").mkdir()
    with pytest.raises(DataError, match="is a folder"):
        read_table(tmp_path / "utt2spk")


def test_what_is_written_is_read_and_sorted_in_c_order(tmp_path):
    table = {"b": "2 words", "B": "x", "ä": "y", "a-1": "z"}
    write_table(tmp_path / "utt2x", table)
    assert (tmp_path / "utt2x").read_bytes() == "B x\na-1 z\nb 2 words\nä y\n".encode()
    assert read_table(tmp_path / "utt2x") == table


def test_windows_line_ends_and_byte_order_mark_are_read(tmp_path):
    (tmp_path / "utt2x").write_bytes(b"\xef\xbb\xbfa x\r\nb y\r\n")
    assert read_table(tmp_path / "utt2x") == {"a": "x", "b": "y"}


def test_only_text_may_be_empty(tmp_path):
    write_table(tmp_path / "text", {"a": ""})
    assert read_table(tmp_path / "text") == {"a": ""}
    with pytest.raises(DataError, match="value '' of a"):
        write_table(tmp_path / "utt2spk", {"a": ""})


@pytest.mark.parametrize("table", [{"a b": "x"}, {"": "x"}, {"a": "x\ny"}, {"a": " x"}])
def test_what_could_not_be_read_is_not_written(tmp_path, table):
    with pytest.raises(DataError):
        write_table(tmp_path / "utt2x", table)
    assert list(tmp_path.iterdir()) == []


def test_invert():
    assert invert({"u2": "B", "u1": "B", "u3": "A"}) == {"B": "u1 u2", "A": "u3"}


@pytest.mark.parametrize(
    "text",
    [
        "a 1\nb 2\n",
        "a 1\nb 2",
        "a x y\nb 2\n",
        "a 1\r\nb 2\r\n",
        "a 1\n\nb 2\n",
        "a  1\nb 2\n",
        "a\u00a01 2\nb 2\n",
        "a 1\nb 2\n\n",
        "b 1\na 2\n",
        "a 1\na 2\n",
        "a\n1 b 2\n",
        " a 1\nb 2\n",
        "",
    ],
)
def test_the_quick_way_reads_what_the_careful_one_does(tmp_path, monkeypatch, text):
    path = tmp_path / "utt2spk"
    path.write_bytes(text.encode())
    quick = tables.scan_table(path)
    monkeypatch.setattr(tables, "_plain_table", lambda text, beside: None)
    assert quick == tables.scan_table(path)


def test_equal_keys_and_values_of_tables_are_one_string(tmp_path):
    first, second = tmp_path / "utt2label", tmp_path / "utt2spk"
    first.write_text("".join(f"utt{i} spoof\n" for i in range(4)))
    second.write_text("".join(f"utt{i} joe\n" for i in range(4)))
    labels = read_table(first)
    speakers = read_table(second, {key: key for key in labels})
    assert all(ours is theirs for ours, theirs in zip(labels, speakers, strict=True))
    assert len({id(value) for value in speakers.values()}) == 1
