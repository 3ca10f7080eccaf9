"""The purported speaker: matched with the authors of a system without regard to case and accents."""

import difflib
import unicodedata
from collections.abc import Sequence

from dada.errors import UserError

MANY = 20  # names that a message lists


def plain(name: str) -> str:
    """Return a name without accents, case, and the difference of spaces, dashes and underscores.

    >>> plain("Élodie_DUPONT") == plain("elodie dupont")
    True
    """
    letters = unicodedata.normalize("NFKD", name)
    kept = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return " ".join(kept.casefold().replace("_", " ").replace("-", " ").split())


def match_speaker(name: str, authors: Sequence[str], system: str) -> str:
    """Return the author that a name means. Raise UserError with the nearest names where there is none."""
    if name in authors:
        return name
    found = [author for author in authors if plain(author) == plain(name)]
    if len(found) == 1:
        return found[0]
    if found:
        raise UserError(f"--speaker {name} may be {', '.join(found)}: write the name as it stands there")
    by_plain = {plain(author): author for author in authors}
    near = [by_plain[each] for each in difflib.get_close_matches(plain(name), by_plain, n=3, cutoff=0.5)]
    hint = f"did you mean {' or '.join(near)}? " if near else ""
    listed = ", ".join(authors[:MANY]) + (f" and {len(authors) - MANY} more" if len(authors) > MANY else "")
    raise UserError(
        f"{system} knows no texts of {name}: {hint}give --speaker, one of {listed} (--speakers lists them), "
        "or leave it out to score the sound alone"
    )
