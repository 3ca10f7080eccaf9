"""Published checkpoints by name: what there is (manifest.yaml), and the file of one, fetched and verified.

checkpoint = checkpoints.named("aasist")
path = checkpoints.locate(checkpoint, Consent(yes=True))
"""

import logging
from pathlib import Path

from dada.checkpoints.address import address
from dada.checkpoints.cache import is_cached, place, verified
from dada.checkpoints.consent import Consent
from dada.checkpoints.listing import described
from dada.checkpoints.manifest import Checkpoint, checkpoints, find, named, of_system
from dada.errors import ConfigError
from dada.settings import merge_layers
from dada.storage.digest import file_digest
from dada.system_files import system_layers

__all__ = [
    "PROPOSED",
    "Checkpoint",
    "Consent",
    "checkpoints",
    "choose",
    "find",
    "is_cached",
    "locate",
    "named",
    "of_system",
    "place",
    "proposed",
    "recognise",
]

PROPOSED = "aasist"  # to whoever names no system
WHY_PROPOSED = "it is small, may be used by anybody, and its outputs are verified against the authors' code"

log = logging.getLogger(__name__)


def proposed() -> Checkpoint:
    """Return the checkpoint for whoever names no system, and say why it is this one, and how good it is."""
    entry = named(PROPOSED)
    log.warning(
        "no system was named: %s is taken, since %s. Published: %s. %s `dada models --weights` lists others",
        *(entry.name, WHY_PROPOSED, entry.figures()[0].words(), entry.caveat),
    )
    return entry


def choose(name: str) -> Checkpoint:
    """Return the checkpoint that `name` means: an entry, or a system of dada/conf that has one.

    Raise ConfigError for an unknown name, and for a system without published weights or with several.
    """
    entry = find(name)
    if entry is not None:
        return entry
    init = merge_layers(system_layers(name)).get("init")
    entries = [found] if init and (found := find(init)) else of_system(name)
    if len(entries) == 1:
        return entries[0]
    known = ", ".join(entry.name for entry in entries or checkpoints().values())
    problem = "several published weights" if entries else "no published weights that are known here"
    raise ConfigError(
        f"{name} has {problem}: give --init FILE, --model exp/{name} of a recipe, or as --system one of "
        f"{known}"
    )


def recognise(path: Path) -> Checkpoint | None:
    """Return the checkpoint whose file this is, by size and SHA-256; None for any other file."""
    if not path.is_file():
        return None
    size = path.stat().st_size
    same = [
        entry
        for entry in checkpoints().values()
        if entry.bytes == size or (not entry.bytes and entry.file == path.name)
    ]
    return next((entry for entry in same if file_digest(path) == entry.sha256), None)


def locate(checkpoint: Checkpoint, consent: Consent) -> Path:
    """Return the file of a checkpoint: the cached one, without a question, or one that is fetched now.

    Raise UserError where it may not be fetched, or cannot; DataError for a file with other content.
    """
    ready = verified(checkpoint)
    if ready is not None:
        return ready
    if not checkpoint.has_digest:
        consent.require_digest(described(checkpoint), checkpoint.name, str(place(checkpoint)))
    consent.require(described(checkpoint), address(checkpoint), str(place(checkpoint)))
    from dada.checkpoints.fetch import fetch

    return fetch(checkpoint)
