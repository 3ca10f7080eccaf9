"""Conversion of MediaWiki markup to plain lines: headings, list items and paragraphs.

mwparserfromhell parses a page. The text written from it keeps three marks: the level of a heading, bold text
(names of speakers in a dialogue), and line breaks inside an item.
"""

import re
from collections.abc import Callable
from types import ModuleType
from typing import Any, NamedTuple

from dada.errors import UserError

BOLD, END_BOLD, BREAK = "\x01", "\x02", "\x03"
_HEADING = "\x04"
# List marks at the start of a line are replaced before parsing: the parser spends most of its time on them.
_HIDE = str.maketrans("*#:;", "\ue000\ue001\ue002\ue003")
_SHOW = str.maketrans("\ue000\ue001\ue002\ue003", "*#:;")
_LIST_MARKS = re.compile(r"^[*#:;]+(?!\s*\{\|)", re.MULTILINE)  # except before an indented table
_UNSEEN = re.compile(
    r"<!--.*?-->|<ref\b[^<>]*/>|<ref\b[^<>]*>.*?</ref\s*>", re.DOTALL | re.IGNORECASE
)  # comments and references
_ITALICS = re.compile(r"(?<!')''(?!')")
_MARKS = re.compile(f"[{BOLD}{END_BOLD}]")

# Templates with an argument that is part of the text: name -> number of the argument, -1 for the last
# positional argument.
TEXT_ARGUMENT = {
    **dict.fromkeys(("lang", "transl", "transliteration", "langx", "nihongo"), 2),
    **dict.fromkeys(("w", "abbr"), -1),
    **dict.fromkeys(
        (
            "quote",
            "cquote",
            "blockquote",
            "quotation",
            "bquote",
            "poem",
            "poemquote",
            "verse",
            "smallcaps",
            "sc",
            "small",
            "nowrap",
            "nobr",
            "center",
            "big",
            "larger",
            "smaller",
            "italic",
            "em",
            "strong",
            "bold",
            "u",
            "underline",
            "color",
        ),
        1,
    ),
}
TEXT_ARGUMENT["abbr"] = 1
TEXT_ARGUMENT["color"] = 2
NAMED_ARGUMENTS = ("text", "quote", "1")
SIGNS = {
    "ndash": "–",
    "mdash": "—",
    "—": "—",
    "–": "–",
    "spaced ndash": " – ",
    "snd": " – ",
    "'": "'",
    '"': '"',
    "!": "|",
    "=": "=",
    "...": "…",
    "gap": " ",
}
DROPPED_TAGS = frozenset(
    {
        "ref",
        "references",
        "gallery",
        "table",
        "math",
        "score",
        "timeline",
        "imagemap",
        "graph",
        "templatestyles",
        "s",
        "strike",
        "del",
        "style",
        "script",
    }
)
BLOCK_TAGS = frozenset({"poem", "blockquote", "p", "verse"})  # line breaks inside are no new items
DROPPED_LINKS = ("file:", "image:", "media:", "category:")


class Line(NamedTuple):
    """A line of a page: a heading with its level, an item with list marks such as `*:`, or a paragraph."""

    level: int
    marks: str
    text: str  # with BOLD, END_BOLD and BREAK inside


def lines_of(wikitext: str) -> list[Line]:
    """Return the lines of a page that are not empty. Raise UserError without mwparserfromhell."""
    hidden = _LIST_MARKS.sub(
        lambda match: match[0].translate(_HIDE), _ITALICS.sub("", _UNSEEN.sub("", wikitext))
    )
    lines = []
    for line in _render(_parser().parse(hidden)).split("\n"):
        level = len(line) - len(line.lstrip(_HEADING))
        unmarked = line.lstrip("\ue000\ue001\ue002\ue003")
        marks = line[: len(line) - len(unmarked)]
        text = line[level + len(marks) :].translate(_SHOW).strip()
        if plain(text):
            lines.append(Line(level, marks.translate(_SHOW), text))
    return lines


def plain(text: str) -> str:
    """Return marked text as a plain line without bold, breaks, remains of broken markup, or double spaces."""
    text = _MARKS.sub("", text).replace(BREAK, " ")
    text = re.sub(r"'{2,}|</?[A-Za-z][^<>]*>|\{\{|\}\}|\[\[|\]\]|\{\||\|\}|__[A-Z]+__", " ", text)
    return " ".join(text.replace("\u200b", "").replace("\xad", "").split())


def _parser() -> ModuleType:
    try:
        import mwparserfromhell
    except ImportError as error:
        raise UserError(
            "reading wiki markup needs mwparserfromhell: pip install 'mwparserfromhell>=0.6'"
        ) from error
    return mwparserfromhell


def _render(code: Any) -> str:
    return "" if code is None else "".join(_node(node) for node in code.nodes)


def _node(node: Any) -> str:
    kind = type(node).__name__
    return _RENDERERS.get(kind, lambda _: "")(node)


def _heading(node: Any) -> str:
    return f"\n{_HEADING * node.level}{_inline(_render(node.title))}\n"


def _link(node: Any) -> str:
    """Return the text of an internal link, empty for images and categories."""
    target = str(node.title).strip()
    if target.lower().startswith(DROPPED_LINKS):
        return ""
    if node.text is not None and str(node.text).strip():
        return _render(node.text)
    if node.text is not None or re.match(r"[a-z]{2,3}(-[a-z]+)?:", target):  # a page in another language
        return re.sub(r"\s*\(.*\)$", "", target.split(":")[-1]) if node.text is not None else ""
    return target.lstrip(":")


def _template(node: Any) -> str:
    name = " ".join(str(node.name).replace("_", " ").split()).lower()
    if name in SIGNS:
        return SIGNS[name]
    base = "lang" if name.startswith("lang-") else name
    if base not in TEXT_ARGUMENT:
        return ""
    place = 1 if name.startswith("lang-") else TEXT_ARGUMENT[base]
    positional = [param for param in node.params if not param.showkey]
    if positional:
        index = place - 1 if place > 0 else len(positional) - 1
        return _inline(_render(positional[min(index, len(positional) - 1)].value))
    named = {str(param.name).strip().lower(): param.value for param in node.params}
    return next((_inline(_render(named[key])) for key in NAMED_ARGUMENTS if key in named), "")


def _tag(node: Any) -> str:
    name = str(node.tag).strip().lower()
    if name == "br":
        return BREAK
    if name == "hr" or name in DROPPED_TAGS:
        return ""
    content = _render(node.contents)
    if name == "b":
        return f"{BOLD}{content}{END_BOLD}"
    return _inline(content) if name in BLOCK_TAGS else content


def _inline(text: str) -> str:
    """Join lines to one with BREAK between them."""
    return BREAK.join(
        line.translate(_SHOW).strip().lstrip(":").strip() for line in text.strip().split("\n") if line.strip()
    )


def _entity(node: Any) -> str:
    try:
        return node.normalize().replace("\xa0", " ")
    except ValueError:  # not the number of a character
        return ""


_RENDERERS: dict[str, Callable[[Any], str]] = {
    "Text": lambda node: node.value,
    "Heading": _heading,
    "Wikilink": _link,
    "ExternalLink": lambda node: _render(node.title),
    "HTMLEntity": _entity,
    "Template": _template,
    "Tag": _tag,
}
