import pytest

from dada.errors import DataError
from dada.formats.csv_list import map_values, read_rows
from dada.formats.words import LABELS, guess_mapping

COLUMNS = {"file": "file", "label": "label"}


@pytest.mark.parametrize(
    ("content", "messages"),
    [
        ("", ["list.csv is empty"]),
        ("file,label\n", ["no line below"]),
        ("path,label\na.wav,real\n", ["list.csv:1: no column 'file' (for file); it has path, label"]),
        (
            "file,label\na.wav,real,x\nb.wav\n",
            ["list.csv:2: 3 values, but the first line names 2", "list.csv:3: 1 values"],
        ),
        ("file,label\na.wav,\n,real\n", ["list.csv:2: no 'label'", "list.csv:3: no 'file'"]),
        ("file,label\na.wav,real\nb.wav,real\na.wav,fake\n", ["list.csv:4: a.wav is already in line 2"]),
        ('file,label\n"a"b.wav,real\n', ["list.csv:2: ", "quotes"]),
    ],
)
def test_bad_csv_is_named_by_line(tmp_path, content, messages):
    (tmp_path / "list.csv").write_text(content)
    with pytest.raises(DataError) as error:
        read_rows(tmp_path / "list.csv", COLUMNS)
    assert all(message in str(error.value) for message in messages), str(error.value)


def test_missing_and_undecodable_csv(tmp_path):
    with pytest.raises(DataError, match="does not exist"):
        read_rows(tmp_path / "list.csv", COLUMNS)
    (tmp_path / "list.csv").write_bytes(b"file,label\n\xff,real\n")
    with pytest.raises(DataError, match="not UTF-8"):
        read_rows(tmp_path / "list.csv", COLUMNS)


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_separators_quotes_and_blank_lines(tmp_path, separator):
    lines = [["label", "name"], ["real", '"a b.wav"'], ["fake", " c.wav "]]
    (tmp_path / "list.csv").write_text(
        "\ufeff" + "\r\n\r\n".join(separator.join(line) for line in lines), newline=""
    )
    rows = read_rows(tmp_path / "list.csv", {"file": "name", "label": "label"})
    assert [(row.line, row.values) for row in rows] == [
        (3, {"file": "a b.wav", "label": "real"}),
        (5, {"file": "c.wav", "label": "fake"}),
    ]


def test_unknown_values_are_listed_with_those_seen(tmp_path):
    (tmp_path / "list.csv").write_text("file,label\na,real\nb,odd\nc,odd\nd,fake\n")
    rows = read_rows(tmp_path / "list.csv", COLUMNS)
    mapping = guess_mapping([row.values["label"] for row in rows], LABELS)
    assert mapping == {"real": "bonafide", "fake": "spoof"}
    with pytest.raises(
        DataError, match=r"'odd' \(first at .*list.csv:3\) means; values seen: 'real', 'odd', 'fake'"
    ):
        map_values(tmp_path / "list.csv", rows, "label", mapping, "labels_map")
