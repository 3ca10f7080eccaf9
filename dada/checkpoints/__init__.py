"""Published checkpoints by name: what there is (manifest.yaml), and the file of one, fetched and verified.

checkpoint = checkpoints.named("aasist")
path = checkpoints.locate(checkpoint, Consent(yes=True))
"""

from pathlib import Path

from dada.checkpoints.cache import is_cached, place, verified
from dada.checkpoints.consent import Consent
from dada.checkpoints.manifest import Checkpoint, checkpoints, find, named, of_system

__all__ = [
    "PROPOSED",
    "Checkpoint",
    "Consent",
    "checkpoints",
    "find",
    "is_cached",
    "locate",
    "named",
    "of_system",
    "place",
]

PROPOSED = "aasist"  # to whoever names no system: small, MIT, and its outputs are verified


def locate(checkpoint: Checkpoint, consent: Consent) -> Path:
    """Return the file of a checkpoint: the cached one, without a question, or one that is fetched now.

    Raise UserError where it may not be fetched, or cannot; DataError for a file with other content.
    """
    ready = verified(checkpoint)
    if ready is not None:
        return ready
    consent.require(checkpoint)
    from dada.checkpoints.fetch import fetch

    return fetch(checkpoint)
