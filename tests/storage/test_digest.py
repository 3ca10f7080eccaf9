import hashlib

from dada.storage.digest import BLOCK, file_digest, value_digest


def test_file_digest_is_sha256_of_all_blocks(tmp_path):
    content = b"0123456789" * (BLOCK // 5)
    (tmp_path / "file").write_bytes(content)
    assert file_digest(tmp_path / "file") == hashlib.sha256(content).hexdigest()


def test_value_digest_does_not_depend_on_the_order_of_keys():
    assert value_digest({"a": 1, "b": [2]}) == value_digest({"b": [2], "a": 1})
    assert value_digest([1, 2]) != value_digest([2, 1])
    assert value_digest({"a": 1}) == hashlib.sha256(b'{"a": 1}').hexdigest()
