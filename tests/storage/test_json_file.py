import os

import pytest

from dada.errors import DataError
from dada.storage.json_file import read_json, write_json


def test_round_trip_and_format(tmp_path):
    path = tmp_path / "below" / "facts.json"
    write_json(path, {"b": "é", "a": [1, None]})
    assert path.read_text() == '{\n "b": "\\u00e9",\n "a": [\n  1,\n  null\n ]\n}\n'
    assert read_json(path) == {"b": "é", "a": [1, None]}
    write_json(path, {"b": "é", "a": 1}, indent=None, ensure_ascii=False, sort_keys=True)
    assert path.read_text(encoding="utf-8") == '{"a": 1, "b": "é"}\n'
    with pytest.raises(ValueError):
        write_json(path, float("nan"), allow_nan=False)
    assert read_json(path)["a"] == 1


@pytest.mark.parametrize("content", [b"{", b"", b"[" * 100_000, b"[" + b"9" * 5000 + b"]"])
def test_a_damaged_file_is_named_with_advice(tmp_path, content):
    path = tmp_path / "facts.json"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"facts.json is not JSON .*: run stage evaluate again"):
        read_json(path, "run stage evaluate again")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match="facts.json does not exist"):
        read_json(tmp_path / "facts.json")


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"\xff\xfe", "is not UTF-8 text"),
        (b"[1]", "holds no JSON object"),
        (b"null", "holds no JSON object"),
        (b'{"name": "a"}', "gives nothing for 'slope'"),
        (b'{"name": "a", "slope": "1"}', "gives '1' for 'slope', expected float"),
        (b'{"name": "a", "slope": NaN}', "gives nan for 'slope'"),
        (b'{"name": "a", "slope": true}', "gives True for 'slope'"),
        (b'{"name": 5, "slope": 1}', "gives 5 for 'name', expected str"),
    ],
)
def test_another_content_is_refused(tmp_path, content, what):
    path = tmp_path / "facts.json"
    path.write_bytes(content)
    with pytest.raises(DataError, match=f"facts.json {what}.*: fit it again"):
        read_json(path, "fit it again", {"name": str, "slope": float})


def test_a_file_that_cannot_be_read(tmp_path, monkeypatch):
    (tmp_path / "folder.json").mkdir()
    with pytest.raises(DataError, match=r"folder.json is a folder"):
        read_json(tmp_path / "folder.json")
    os.mkfifo(tmp_path / "pipe.json")
    with pytest.raises(DataError, match=r"pipe.json is a device or a pipe"):
        read_json(tmp_path / "pipe.json")
    for name in ("a\0.json", "a" * 300, "a\udcff" + "\ud800"):
        with pytest.raises(DataError, match="is not a usable path"):
            read_json(tmp_path / name)
    write_json(tmp_path / "locked.json", {})
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(DataError, match=r"locked.json cannot be read \(no permission\)"):
        read_json(tmp_path / "locked.json")
