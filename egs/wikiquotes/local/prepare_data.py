"""Stage 1: the dump of Wikiquote, and collections of quotes, to data/quotes; redirects to its authors to
data/redirects.
"""

import itertools
import logging
from collections.abc import Iterator
from pathlib import Path

from dada.data import DataDir
from dada.errors import ConfigError
from dada.text.collection import read_collection
from dada.text.names import write_redirects
from dada.text.quotes import Quote, quotes_dir
from dada.text.wikidump import Reading, final_titles, read_dump

log = logging.getLogger(__name__)


def prepare(recipe) -> list[DataDir]:
    """Make a single author corpus. Stage 3 drops quotes that two authors share."""
    options, root, reading = recipe.corpus.options, recipe.root / recipe.corpus.root, Reading()
    if not options.get("dump") and not options.get("collections"):
        raise ConfigError("corpus.options names neither a dump nor collections: there is nothing to read")
    quotes: list[Iterator[Quote]] = []
    if options.get("dump"):
        flags = {
            "attributed": bool(options.get("attributed")),
            "english_only": bool(options.get("english_only", True)),
        }
        quotes.append(
            read_dump(root / options["dump"], reading, recipe.num_jobs, options.get("wiki", ""), **flags)
        )
    quotes += [read_collection(*_file_of(root, entry)) for entry in options.get("collections") or []]
    data = quotes_dir(recipe.data_dir("quotes"), itertools.chain(*quotes))
    if options.get("dump"):
        write_redirects(recipe.data_root, final_titles(reading.redirects), data.speakers.values())
    log.info(
        "%s", ", ".join(f"{count:,} {name}" for name, count in reading.counts.items()) or "no dump was read"
    )
    log.info("%d quotes by %d authors", len(data.utts), len(set(data.speakers.values())))
    return [data]


def _file_of(root: Path, entry: dict) -> tuple[Path, dict | None]:
    if not isinstance(entry, dict) or "file" not in entry:
        raise ConfigError(
            f"corpus.options.collections holds {entry!r}, expected {{file: quotes.csv}} and, if "
            "needed, columns"
        )
    return root / entry["file"], entry.get("columns")
