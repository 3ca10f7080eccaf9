"""The address of a published file, and where a mirror has it.

DADA_MIRROR replaces the scheme and the host of every address. It is a folder, or the address of a server:

    https://raw.githubusercontent.com/clovaai/aasist/<commit>/models/weights/AASIST.pth
    DADA_MIRROR=/srv/weights          /srv/weights/clovaai/aasist/<commit>/models/weights/AASIST.pth
    DADA_MIRROR=http://mirror:8000    http://mirror:8000/clovaai/aasist/<commit>/models/weights/AASIST.pth
"""

import os
from pathlib import Path
from urllib.parse import quote, urlsplit

from dada.checkpoints.manifest import Checkpoint

MIRROR = "DADA_MIRROR"
GITHUB = "https://raw.githubusercontent.com"
HUB = "https://huggingface.co"  # HF_ENDPOINT replaces it, as in huggingface_hub


def published_address(checkpoint: Checkpoint) -> str:
    """Return the address at which the authors publish the file."""
    source = checkpoint.source
    if source.github:
        return f"{GITHUB}/{source.github}/{source.revision}/{quote(source.path)}"
    if source.hub:
        hub = os.environ.get("HF_ENDPOINT", HUB).rstrip("/")
        return f"{hub}/{source.hub}/resolve/{source.revision}/{quote(source.path)}"
    return source.url


def address(checkpoint: Checkpoint) -> str:
    """Return the address to fetch from: the published one, or that of the mirror."""
    published, mirror = published_address(checkpoint), os.environ.get(MIRROR, "").rstrip("/")
    if not mirror:
        return published
    if "://" not in mirror:
        mirror = Path(mirror).expanduser().absolute().as_uri()
    return mirror + urlsplit(published).path


def needs_network(url: str) -> bool:
    """Return whether an address is of another machine."""
    return urlsplit(url).scheme != "file"
