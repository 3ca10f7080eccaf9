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


@pytest.mark.parametrize("content", [b"{", b"", b"\xff\xfe"])
def test_a_damaged_file_is_named_with_advice(tmp_path, content):
    path = tmp_path / "facts.json"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"facts.json is not JSON .*: run stage evaluate again"):
        read_json(path, "run stage evaluate again")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match="facts.json does not exist"):
        read_json(tmp_path / "facts.json")
