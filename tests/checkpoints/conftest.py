"""A manifest of one small file, an empty cache, and a server that has the file."""

import hashlib

import pytest
from file_server import Files, serving

from dada.checkpoints import fetch
from dada.checkpoints.address import published_address
from dada.checkpoints.manifest import Checkpoint, Source

CONTENT = bytes(range(256)) * 1000
PATH = "/somebody/model/0123456789012345678901234567890123456789/some%20weights.pt"


@pytest.fixture
def checkpoint() -> Checkpoint:
    """A published file of 256,000 bytes."""
    made = Checkpoint(
        name="small",
        system="aasist",
        file="small.pt",
        source=Source(github="somebody/model", revision="0123456789" * 4, path="some weights.pt"),
        bytes=len(CONTENT),
        sha256=hashlib.sha256(CONTENT).hexdigest(),
        licence="MIT",
        training_data="a corpus",
    )
    assert published_address(made) == f"https://raw.githubusercontent.com{PATH}"
    return made


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """An empty cache, no mirror, no wish to be offline; failing attempts follow each other at once."""
    monkeypatch.setattr(fetch, "PAUSE", 0.0)
    monkeypatch.setenv("DADA_CACHE", str(tmp_path / "cache"))
    for name in ("DADA_MIRROR", "HF_HUB_OFFLINE", "HF_ENDPOINT", "http_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "cache" / "checkpoints"


@pytest.fixture
def serve(monkeypatch):
    """`serve(cuts=[...])` starts a server with the small file, which is the mirror from then on."""
    running = []

    def start(content=CONTENT, **faults) -> Files:
        server = serving(Files(**faults))
        files = server.__enter__()
        running.append(server)
        files.content[PATH] = content
        monkeypatch.setenv("DADA_MIRROR", files.address)
        return files

    yield start
    for server in running:
        server.__exit__(None, None, None)
