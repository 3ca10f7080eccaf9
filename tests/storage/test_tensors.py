"""Files of tensors."""

import pytest
import torch
from safetensors.torch import save_file

from dada.errors import DataError
from dada.storage.tensors import load_tensors, save_tensors


def test_bytes_depend_on_the_content_alone(tmp_path):
    """A digest of a file names a model, whichever process wrote it under whichever name."""
    values = {"a": torch.arange(3.0), "b": 1}
    for name in ("one.pt", "another.pt"):
        save_tensors(tmp_path / name, values)
    assert (tmp_path / "one.pt").read_bytes() == (tmp_path / "another.pt").read_bytes()
    assert torch.equal(load_tensors(tmp_path / "one.pt", "")["a"], values["a"])


def test_a_damaged_tensor_is_found_before_the_file_is_mapped(tmp_path):
    path = tmp_path / "big.pt"
    save_tensors(path, {"a": torch.arange(4096.0)})
    assert torch.equal(load_tensors(path, "", lazily=True)["a"], torch.arange(4096.0))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(DataError, match=r"no checkpoint, or not all of one \(.* in it is damaged\)"):
        load_tensors(path, "copy it again", lazily=True)


def test_safetensors_are_read_as_well(tmp_path):
    path = tmp_path / "model.safetensors"
    save_file({"a": torch.arange(3.0)}, path)
    assert torch.equal(load_tensors(path, "")["a"], torch.arange(3.0))
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(DataError, match="no checkpoint, or not all of one"):
        load_tensors(path, "copy it again")
