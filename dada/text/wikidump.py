"""Redirects and quotes of persons in a dump of Wikiquote, `enwikiquote-<date>-pages-articles.xml.bz2`.

A single process reads the dump page by page (mwxml). Several processes parse the pages of persons
(mwparserfromhell), a fixed number at a time. Memory holds at most a few hundred pages, and results are in the
order of the dump.
"""

import bz2
import concurrent.futures
import itertools
import logging
import multiprocessing
import re
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree.ElementTree import ParseError

from dada.errors import DataError, UserError
from dada.text.quotes import Quote
from dada.text.wikiquote import Page, PageQuotes, is_person, page_quotes

if TYPE_CHECKING:
    import mwxml

PAGES_A_TASK = 32  # fixed, so that results do not depend on the number of processes
TASKS_A_PROCESS = 4  # waiting or running: limits the memory
PROGRESS_SECONDS = 20.0
HEAD_BYTES = 4096
WRONG_VALUES = (ValueError, TypeError, AttributeError, KeyError)  # what mwxml raises for dates and numbers
MOST_PAGE_CHARACTERS = 4_000_000  # MediaWiki's own limit is 2 MiB

log = logging.getLogger(__name__)


@dataclass
class Reading:
    """Facts about a dump, filled while its pages are read."""

    wiki: str = ""  # enwikiquote
    redirects: dict[str, str] = field(default_factory=dict)  # title -> title
    counts: Counter = field(default_factory=Counter)


def read_dump(
    path: Path,
    reading: Reading,
    num_jobs: int = 1,
    wiki: str = "enwikiquote",
    attributed: bool = False,
    english_only: bool = True,
) -> Iterator[Quote]:
    """Yield the quotes of a .xml or .xml.bz2 dump in its order, for any `num_jobs`, and fill `reading`.

    Raise DataError for a file that is no dump, a truncated dump, and a dump of another wiki than `wiki`
    (empty: any).
    """
    parse = partial(_parse, attributed=attributed, english_only=english_only)
    for results in _in_order(parse, _persons(Path(path), reading, wiki), num_jobs):
        for page in results:
            reading.counts["pages of persons with quotes"] += bool(page.quotes)
            reading.counts["quotes"] += len(page.quotes)
            reading.counts.update({f"left out: {reason}": count for reason, count in page.left_out.items()})
            yield from page.quotes


def final_titles(redirects: dict[str, str]) -> dict[str, str]:
    """Return redirects with chains followed to their ends; circles are left out.

    >>> final_titles({"JFK": "Jack Kennedy", "Jack Kennedy": "John F. Kennedy", "a": "b", "b": "a"})
    {'JFK': 'John F. Kennedy', 'Jack Kennedy': 'John F. Kennedy'}
    """
    ends = {}
    for start in redirects:
        seen, title = {start}, redirects[start]
        while title in redirects and title not in seen:
            seen.add(title)
            title = redirects[title]
        if title not in seen:
            ends[start] = title
    return ends


def _parse(pages: list[Page], attributed: bool, english_only: bool) -> list[PageQuotes]:
    return [page_quotes(page, attributed, english_only) for page in pages]


def _persons(path: Path, reading: Reading, wiki: str) -> Iterator[Page]:
    """Yield the pages of persons; redirects and counts of other pages go into `reading`."""
    try:
        import mwxml
        from mwxml.element_iterator import ElementIterator
    except ImportError as error:
        raise UserError("reading a dump needs mwxml: pip install 'mwxml>=0.3.3'") from error
    check_head(path)
    start = reported = time.monotonic()
    size = max(path.stat().st_size, 1)
    with open(path, "rb") as raw, bz2.open(raw) if path.suffix == ".bz2" else raw as content:
        try:
            root = ElementIterator.from_file(content)
            dump = mwxml.Dump.from_element(root)
            reading.wiki = dump.site_info.dbname or ""
            if wiki and reading.wiki and reading.wiki != wiki:
                raise DataError(
                    f"{path} is a dump of {reading.wiki}, expected {wiki}: get that dump, or name the wiki "
                    "in corpus.options.wiki"
                )
            for page in dump.pages:
                person = _person(page, reading)
                root.element.clear()  # otherwise it keeps an empty element for each page
                if time.monotonic() - reported > PROGRESS_SECONDS:
                    reported = time.monotonic()
                    share = min(raw.tell() / size, 1)
                    left = (reported - start) * (1 - share) / max(share, 1e-9)
                    log.info(
                        "%s: %d pages, %.0f %%, about %.0f s left",
                        path.name,
                        reading.counts["pages"],
                        100 * share,
                        left,
                    )
                if person is not None:
                    yield person
        except (EOFError, OSError, ParseError, mwxml.errors.MalformedXML, *WRONG_VALUES) as error:
            raise DataError(
                f"{path} ends too early or is damaged after {reading.counts['pages']:,} pages ({error}): "
                "compare it with the checksum beside it on the server, and fetch it again"
            ) from error


def _person(page: "mwxml.Page", reading: Reading) -> Page | None:
    """Return the page of a person, None for another page, which is counted."""
    counts = reading.counts
    counts["pages"] += 1
    if page.namespace != 0:
        counts["pages outside of the articles"] += 1
        return None
    if page.redirect:
        counts["redirects"] += 1
        reading.redirects[page.title] = page.redirect
        return None
    revision = next(iter(deque(page, maxlen=1)), None)  # the last of a history
    text = revision.text if revision is not None and revision.text else ""
    if not text.strip():
        counts["empty pages"] += 1
    elif len(text) > MOST_PAGE_CHARACTERS:
        counts["pages too long"] += 1
    elif revision is None or not is_person(text):
        counts["pages not about a person"] += 1
    else:
        counts["pages of persons"] += 1
        return Page(page.title, str(revision.id), text)
    return None


def check_head(path: Path) -> None:
    """Raise DataError for a missing file, a .bz2 file that is no bzip2, or a file that is no dump."""
    if not path.is_file():
        raise DataError(
            f"{path} does not exist: fetch enwikiquote-latest-pages-articles.xml.bz2 from "
            "https://dumps.wikimedia.org/enwikiquote/latest/"
        )
    try:
        with bz2.open(path) if path.suffix == ".bz2" else open(path, "rb") as file:
            head = file.read(HEAD_BYTES)
    except (OSError, EOFError) as error:
        raise DataError(f"{path} is not a bzip2 file, or truncated ({error}): download it again") from error
    if not re.search(rb"<mediawiki[\s>]", head):
        start = " ".join(head[:60].decode("utf-8", "replace").split())
        raise DataError(
            f"{path} is not a MediaWiki dump: it begins with {start!r}, expected <mediawiki>; is it a web "
            "page about an error?"
        )


def _in_order(function: Callable, items: Iterable, num_jobs: int) -> Iterator:
    """Yield `function` of lists of items in order, by several processes with few tasks waiting."""
    items = iter(items)
    tasks = iter(lambda: list(itertools.islice(items, PAGES_A_TASK)), [])
    if num_jobs <= 1:
        yield from map(function, tasks)
        return
    # This process may have threads, with which a fork is not safe.
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(num_jobs, mp_context=context) as pool:
        waiting: deque[concurrent.futures.Future] = deque()
        for task in tasks:
            waiting.append(pool.submit(function, task))
            if len(waiting) >= num_jobs * TASKS_A_PROCESS:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
