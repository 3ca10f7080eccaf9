"""Genuine quotes of the person of a Wikiquote page, according to the sections of the page.

egs/wikiquotes/README.md lists what is kept and what is dropped, with reasons; a test verifies that table.
"""

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

from dada.text.english import is_english
from dada.text.quotes import Quote
from dada.text.wikitext import BOLD, BREAK, END_BOLD, Line, lines_of, plain

MOST_CITED_WORDS = 40  # a longer line below a quote is a comment
KEEP, ATTRIBUTED, DROP = 0, 1, 2  # the largest of a section and those around it applies

_PERSON = re.compile(
    r"\[\[\s*category\s*:\s*([^\]|]*\bbirths|living people|year of birth [^\]|]*)\s*(\||\]\])", re.IGNORECASE
)
_DROPPED_SECTION = re.compile(
    r"disputed|contested|mis-?\s?attribut|misquot|(falsely|wrongly|incorrectly) attribut|apocryphal"
    r"|spurious|fabricat|\bfake\b|hoax"
    r"|^((quotes?|quotations?|sayings|things|remarks|comments|statements|others?|opinions?|views?|said"
    r"|what others said)\s+)*"
    r"(about|regarding|concerning)\b"
    r"|^(quotes|quotations) (from|by) others|^others on\b|^see also|^external links?|^references?$"
    r"|^(foot)?notes?( and references)?$|^citations?$"
    r"|^(sources|bibliography|further reading|works cited|gallery|media|cast|credits|"
    r"dialogues?|taglines?|translators?|portrayals?|in fiction|in popular culture)$"
)
_ATTRIBUTED_SECTION = re.compile(
    r"\battributed\b|^attributions?$|unsourced|unverified|uncertain|unconfirmed|source needed|^possibly\b"
)
# Headings with dates and without a work: 1960s, May 1999, (1843–1850), 20th century, Early life, 1920s and
# 1930s.
_DATES = re.compile(
    r"(c(irca)?|early|mid|late|and|to|in|of|the|bc|ad|bce|ce|century|st|nd|rd|th|s|january|february|march"
    r"|april|may|june|july|august|september|october|november|december"
    r"|undated|date unknown|years?|general|other|various|miscellaneous|quotes|quotations|sourced"
    r"|\d+s?|\d+(st|nd|rd|th)|\W)*"
)
_SPEAKER = re.compile(
    rf"^{BOLD}[^{END_BOLD}]{{1,60}}{END_BOLD}\s*:|^{BOLD}[^{END_BOLD}]{{1,60}}:\s*{END_BOLD}"
)
_PLAIN_SPEAKER = re.compile(r"^[A-Z][\w.'’ -]{0,40}:\s")
_TRANSLATION = re.compile(
    r"^\(?(literal |english |common |alternate |loose )*"
    r"(translations?|translated|trans\.?|english|in english|translates? as)\b"
    r"[^:]{0,60}:\s*",
    re.IGNORECASE,
)
_CITATION = re.compile(
    r"\b(1[0-9]|20)\d\d\b|^(as )?(quoted|cited|reported|recorded|attributed|stated|said)\b"
    r"|^(letter|speech|interview|address|remarks|from|in|to|variant|see|source|p|pp|ch|chapter"
    r"|vol|book|act|line|note|comment|on)\b\.?",
    re.IGNORECASE,
)
_PAGE_NUMBERS = re.compile(
    r"\b(pp?|pages?|ch|chapter|vol|volume|lines?|section|§)\.?\s*[\divxlc]+(\s*[-–]\s*\d+)?", re.IGNORECASE
)
_BRACKETED_SOURCE = re.compile(r"(?<=[.!?…\"”’'])\s*[(\[][^()\[\]]{1,300}[)\]]\.?$")
_NAMED_SOURCE = re.compile(r"^[\"“](.+[.!?,…]?)[\"”]\s*[-–—~]+\s*\S.*$")
_OUTER_QUOTES = re.compile(r"^[\"“«„]([^\"“”«»„]*)[\"”»“]$")


class Page(NamedTuple):
    """A page of a dump in its current revision."""

    title: str
    revision: str
    text: str


@dataclass
class PageQuotes:
    """The quotes of a page, and counts of the items left out by reason."""

    quotes: list[Quote] = field(default_factory=list)
    left_out: Counter = field(default_factory=Counter)


def is_person(wikitext: str) -> bool:
    """Whether the page has the category of a person: births, living people, or an unknown year of birth."""
    return bool(_PERSON.search(wikitext))


def page_quotes(page: Page, attributed: bool = False, english_only: bool = True) -> PageQuotes:
    """Return the quotes of a person's page; with `attributed` also those of sections of attributed quotes."""
    results = PageQuotes()
    path: list[tuple[int, str, int]] = []  # level, title and status of the sections around
    for heading, lines in _sections(lines_of(page.text)):
        if heading is not None:
            path = [entry for entry in path if entry[0] < heading.level]
            title = plain(heading.text)
            path.append((heading.level, title, section_status(title)))
        status = max((entry[2] for entry in path), default=KEEP)
        items = _items(lines)
        if status == DROP or (status == ATTRIBUTED and not attributed):
            if items:
                reason = "in a section that is dropped" if status == DROP else "only attributed"
                results.left_out[reason] += len(items)
            continue
        work = next((title for _, title, _ in reversed(path) if not _is_general(title)), "")
        for item in items:
            reason, text = _quote_of(item, english_only)
            if reason:
                results.left_out[reason] += 1
            else:
                kind = "sourced" if status == KEEP else "attributed"
                results.quotes.append(
                    Quote(page.title, text, work or _cited_work(item), page.title, page.revision, kind)
                )
    return results


def section_status(title: str) -> int:
    """Return KEEP, ATTRIBUTED or DROP by the title of a section.

    >>> [section_status(title) for title in ("Quotes", "1960s", "Attributed", "Quotes about him")]
    [0, 0, 1, 2]
    """
    title = " ".join(title.casefold().replace("‑", "-").strip(" :.'\"").split())
    if _DROPPED_SECTION.search(title):
        return DROP
    return ATTRIBUTED if _ATTRIBUTED_SECTION.search(title) else KEEP


def _sections(lines: list[Line]) -> list[tuple[Line | None, list[Line]]]:
    """Return (heading, lines up to the next heading) of each section; the first has no heading."""
    sections: list[tuple[Line | None, list[Line]]] = [(None, [])]
    for line in lines:
        if line.level:
            sections.append((line, []))
        else:
            sections[-1][1].append(line)
    return sections


def _items(lines: list[Line]) -> list[list[Line]]:
    """Return items: lines with a single star and the lines that belong to them.

    A poem or block quotation outside of lists is an item as well.
    """
    items: list[list[Line]] = []
    is_open = False
    for line in lines:
        if line.marks == "*" or (not line.marks and BREAK in line.text):
            items.append([line])
            is_open = True
        elif not line.marks:
            is_open = False
        elif (
            line.marks.startswith(":")
            and _SPEAKER.match(line.text)
            and not (is_open and items[-1][0].marks.startswith(":"))
        ):
            items.append([line])  # a dialogue without a star is not part of the quote above it
            is_open = True
        elif is_open:
            items[-1].append(line)
    return items


def _quote_of(item: list[Line], english_only: bool) -> tuple[str, str]:
    """Return (reason for leaving it out, "") or ("", cleaned quote)."""
    quoted = [
        line.text
        for line in item
        if line.marks in ("", "*", "*:", ":") and not re.match(r"[-–—~]", plain(line.text))
    ]
    pieces = [piece.strip() for text in quoted for piece in text.split(BREAK) if plain(piece)]
    if not pieces:
        return "without words", ""
    if _is_dialogue(pieces):
        return "dialogue", ""
    text = _cleaned(" ".join(pieces))
    if english_only and not is_english(text):
        text = next(filter(None, map(_translation, item[1:])), "")
        if not text:
            return "not in English", ""
    return ("", text) if re.search(r"\w\W+\w", text) else ("without words", "")


def _is_dialogue(pieces: list[str]) -> bool:
    """Whether lines begin with names of speakers: at least one in bold, or two in all."""
    bold = sum(bool(_SPEAKER.match(piece)) for piece in pieces)
    named = sum(bool(_PLAIN_SPEAKER.match(plain(piece))) for piece in pieces)
    return bold > 0 or named > 1


def _translation(line: Line) -> str:
    """Return the English translation in a line below a quote, empty for another line, such as a citation."""
    if not line.marks.startswith("*") or len(line.marks) < 2:
        return ""
    text = plain(line.text)
    named = _TRANSLATION.match(text)
    if not named and _CITATION.search(text):
        return ""
    text = _cleaned(text[named.end() :] if named else text)
    is_sentence = named or re.search(r"[.!?…]$", text) or text != plain(line.text)
    return text if is_sentence and len(text.split()) > 2 and is_english(text) else ""


def _cleaned(text: str) -> str:
    """Return plain text without [sic], without a source at its end, and without quotation marks around it."""
    text = re.sub(r"\[\s*(sic|citation needed|source\?)\s*\]", "", plain(text), flags=re.IGNORECASE)
    text = _BRACKETED_SOURCE.sub("", text).strip()
    named = _NAMED_SOURCE.match(text)
    text = named[1] if named else text
    whole = _OUTER_QUOTES.match(text.strip())
    return " ".join((whole[1] if whole else text).split())


def _is_general(title: str) -> bool:
    """Whether a heading does not name a work: `Quotes`, a date, a decade."""
    return bool(_DATES.fullmatch(title.casefold()))


def _cited_work(item: list[Line]) -> str:
    """Return the work cited in the first line below a quote, empty without a citation.

    Page numbers are removed, so that quotes of a letter have the same source.
    """
    for line in item[1:]:
        if line.marks == "**":
            cited = _PAGE_NUMBERS.sub("", plain(line.text)).strip(" ,;")
            if (
                cited
                and len(cited.split()) <= MOST_CITED_WORDS
                and not _TRANSLATION.match(cited)
                and not _translation(line)
            ):
                return cited
    return ""
