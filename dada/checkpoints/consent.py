"""Nothing is fetched before a person has agreed to it, knowing size, licence and address."""

import os
import sys
from dataclasses import dataclass

from dada.checkpoints.address import needs_network
from dada.errors import UserError

OFFLINE = "HF_HUB_OFFLINE"  # of huggingface_hub; one switch for all that fetches


@dataclass(frozen=True)
class Consent:
    """What the user said on the command line: `--yes`, `--offline`, `--unverified`."""

    yes: bool = False
    offline: bool = False
    unverified: bool = False  # fetch files of which no digest is known

    def forbids(self, url: str) -> bool:
        """Return whether nothing may be fetched from an address."""
        return needs_network(url) and (self.offline or is_offline())

    def require_digest(self, what: str, name: str, place: str) -> None:
        """Raise UserError for a file of which no digest is known, unless the user takes it as it comes."""
        if not self.unverified:
            raise UserError(
                f"{what} has no digest that is known here, so that nothing can say whether what arrives is "
                f"its authors' file: fetch it all the same by `dada models --fetch {name} --unverified`, or "
                f"put a file that you trust at {place}"
            )

    def require(self, what: str, url: str, place: str) -> None:
        """Return where `what` may be fetched from `url`; ask at a terminal.

        Raise UserError where it may not be; `place` says where to put it by hand.
        """
        absent = f"{what} is not on this machine"
        if self.forbids(url):
            raise UserError(
                f"{absent}, and nothing may be fetched (--offline or {OFFLINE}). Fetch {url} where there is "
                f"a network, and put it at {place}"
            )
        if self.yes:
            return
        if not at_terminal():
            raise UserError(f"{absent}. Add --yes to fetch it from {url}, or put it at {place}")
        print(f"{absent}. Fetch it from {url}? [y/N] ", end="", file=sys.stderr, flush=True)
        if sys.stdin.readline().strip().lower() not in ("y", "yes"):
            raise UserError(f"{what} was not fetched, as you answered")


def at_terminal() -> bool:
    """Return whether somebody can be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def is_offline() -> bool:
    """Return whether the environment forbids to use the network."""
    return os.environ.get(OFFLINE, "").lower() in ("1", "true", "yes", "on")
