"""Files of tensors."""

import torch

from dada.storage.tensors import load_tensors, save_tensors


def test_bytes_depend_on_the_content_alone(tmp_path):
    """A digest of a file names a model, whichever process wrote it under whichever name."""
    values = {"a": torch.arange(3.0), "b": 1}
    for name in ("one.pt", "another.pt"):
        save_tensors(tmp_path / name, values)
    assert (tmp_path / "one.pt").read_bytes() == (tmp_path / "another.pt").read_bytes()
    assert torch.equal(load_tensors(tmp_path / "one.pt", "")["a"], values["a"])
