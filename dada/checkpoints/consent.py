"""Nothing is fetched before a person has agreed to it, knowing size, licence and address."""

import os
import sys
from dataclasses import dataclass

from dada.checkpoints import cache
from dada.checkpoints.address import address, needs_network
from dada.checkpoints.manifest import NO_LICENCE, Checkpoint
from dada.errors import UserError

OFFLINE = "HF_HUB_OFFLINE"  # of huggingface_hub; one switch for all that fetches


@dataclass(frozen=True)
class Consent:
    """What the user said on the command line: `--yes`, `--offline`."""

    yes: bool = False
    offline: bool = False

    def require(self, checkpoint: Checkpoint) -> None:
        """Return where the fetch is allowed; ask at a terminal. Raise UserError where it is not."""
        url = address(checkpoint)
        if needs_network(url) and (self.offline or is_offline()):
            raise UserError(f"{_what(checkpoint)} is not on this machine, and {_by_hand(checkpoint, url)}")
        if self.yes:
            return
        question = f"{_what(checkpoint)} is not on this machine. Fetch it from {url} to {cache.folder()}?"
        if not at_terminal():
            raise UserError(
                f"{_what(checkpoint)} is not on this machine. Add --yes to fetch it from {url}, or put it at "
                f"{cache.place(checkpoint)}"
            )
        print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
        if sys.stdin.readline().strip().lower() not in ("y", "yes"):
            raise UserError(f"{checkpoint.name} was not fetched, as you answered")


def at_terminal() -> bool:
    """Return whether somebody can be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def is_offline() -> bool:
    """Return whether the environment forbids to use the network."""
    return os.environ.get(OFFLINE, "").lower() in ("1", "true", "yes", "on")


def licence_words(checkpoint: Checkpoint) -> str:
    """Return the licence as text: `licence MIT`, `no licence stated`."""
    return "no licence stated" if checkpoint.licence == NO_LICENCE else f"licence {checkpoint.licence}"


def _what(checkpoint: Checkpoint) -> str:
    size = f"{checkpoint.size()}, {licence_words(checkpoint)}, trained on {checkpoint.training_data}"
    return f"the checkpoint {checkpoint.name} ({size})"


def _by_hand(checkpoint: Checkpoint, url: str) -> str:
    return (
        f"nothing may be fetched (--offline or {OFFLINE}). Fetch {url} where there is a network, and put it "
        f"at {cache.place(checkpoint)}"
    )
