"""SHA-256 of files and of plain values."""

import hashlib
import json
from pathlib import Path

BLOCK = 1 << 20  # bytes read at once


def file_digest(path: Path) -> str:
    """Return the hexadecimal SHA-256 of a file."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()


def value_digest(value: object) -> str:
    """Return the SHA-256 of a plain value, the same for equal values whatever the order of their keys."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()
