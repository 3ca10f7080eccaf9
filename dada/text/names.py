"""Matching of speakers of a speech corpus to authors of a text corpus.

It uses tables of aliases, redirects of Wikiquote, and names that are equal but for case and punctuation.
"""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from dada.data import NO_SPEAKER, read_table, write_table
from dada.text.normalise import normalise
from dada.text.quotes import author_name

REDIRECTS = "redirects"  # table in an author corpus: other title -> author's title
MOST_NAMES = 10  # listed in a message

log = logging.getLogger(__name__)


@dataclass
class Names:
    """Speaker -> author, and the speakers without texts in the corpus."""

    authors: dict[str, str]
    missing: list[str]

    def report(self, corpus: str) -> None:
        """Log the speakers without texts, with advice."""
        if self.missing:
            shown = ", ".join(self.missing[:MOST_NAMES]) + (", …" if len(self.missing) > MOST_NAMES else "")
            log.warning(
                "%d of %d speakers have no texts in %s: %s. Where one has another name there, add it to "
                "the recipe's table of aliases",
                len(self.missing),
                len(self.missing) + len(self.authors),
                corpus,
                shown,
            )


def match_names(
    speakers: Iterable[str],
    authors: Iterable[str],
    aliases: Mapping[str, str] | None = None,
    redirects: Mapping[str, str] | None = None,
) -> Names:
    """Return the author of each speaker: by `aliases` (author -> speaker), an equal name, a redirect, or
    equal letters and digits.

    >>> match_names(["JFK", "2Pac", "Bo"], ["John_F._Kennedy", "Tupac_Shakur"],
    ...     {"John_F._Kennedy": "JFK"}, {"2Pac": "Tupac_Shakur"})
    Names(authors={'2Pac': 'Tupac_Shakur', 'JFK': 'John_F._Kennedy'}, missing=['Bo'])
    """
    known = {author_name(author): author for author in authors}
    plain = {normalise(author): author for author in sorted(known.values(), reverse=True)}
    by_alias = {author_name(speaker): author for author, speaker in (aliases or {}).items()}
    redirects = {author_name(title): author_name(author) for title, author in (redirects or {}).items()}
    matches, missing = {}, []
    for speaker in sorted(set(speakers) - {NO_SPEAKER}):
        name = author_name(speaker)
        titles = [author_name(by_alias[name])] if name in by_alias else []
        candidates = [known.get(redirects.get(title, title)) for title in [*titles, name]]
        author = next((candidate for candidate in candidates if candidate), None) or plain.get(
            normalise(speaker)
        )
        if author:
            matches[speaker] = author
        else:
            missing.append(speaker)
    return Names(matches, missing)


def write_redirects(folder: Path, redirects: Mapping[str, str], authors: Iterable[str]) -> None:
    """Write the redirects to authors of a corpus as a table in its `folder`."""
    known = set(authors)
    rows = {
        author_name(title): author_name(target)
        for title, target in redirects.items()
        if author_name(target) in known
    }
    write_table(folder / REDIRECTS, {title: author for title, author in rows.items() if title not in known})


def read_redirects(folder: Path) -> dict[str, str]:
    """Read the table of `write_redirects`; empty without a table."""
    path = folder / REDIRECTS
    return read_table(path) if path.is_file() and path.stat().st_size else {}
