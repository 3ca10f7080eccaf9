"""MediaWiki markup to plain lines: headings, list items and paragraphs, with all decoration gone.

A page is parsed once by mwparserfromhell and written out again as text in which three things are still
marked: a heading by its level, bold stretches (they name the speakers of a dialogue), and line breaks inside
an item.
"""

import re
from typing import NamedTuple

from dada.errors import UserError

BOLD, END_BOLD, BREAK = "\x01", "\x02", "\x03"
_HEADING = "\x04"
# List marks at the start of a line are told apart from other signs before the parser sees them: it would
# spend most of its time on them.
_HIDE = str.maketrans("*#:;", "\ue000\ue001\ue002\ue003")
_SHOW = str.maketrans("\ue000\ue001\ue002\ue003", "*#:;")
_LIST_MARKS = re.compile(r"^[*#:;]+(?!\s*\{\|)", re.MULTILINE)  # an indented table stays one
_UNSEEN = re.compile(
    r"<!--.*?-->|<ref\b[^<>]*/>|<ref\b[^<>]*>.*?</ref\s*>", re.DOTALL | re.IGNORECASE
)  # comments and references
_ITALICS = re.compile(r"(?<!')''(?!')")
_MARKS = re.compile(f"[{BOLD}{END_BOLD}]")

# Templates whose argument is part of the text: name -> number of that argument, -1 for the last positional
# one.
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
    """One line of a page. A heading has a level; an item has its list marks, `*`, `**`, `*:`; a paragraph
    neither.
    """

    level: int
    marks: str
    text: str  # with BOLD, END_BOLD and BREAK inside


def lines_of(wikitext: str) -> list[Line]:
    """The lines of a page that are not empty, in order. Raises UserError where mwparserfromhell is not
    installed.
    """
    hidden = _LIST_MARKS.sub(
        lambda match: match[0].translate(_HIDE), _ITALICS.sub("", _UNSEEN.sub("", wikitext))
    )
    found = []
    for line in _render(_parser().parse(hidden)).split("\n"):
        level = len(line) - len(line.lstrip(_HEADING))
        marks = re.match("[\ue000-\ue003]*", line)[0]
        text = line[level + len(marks) :].translate(_SHOW).strip()
        if plain(text):
            found.append(Line(level, marks.translate(_SHOW), text))
    return found


def plain(text: str) -> str:
    """Marked text as one plain line: no bold, no breaks, no leftovers of broken markup, single blanks."""
    text = _MARKS.sub("", text).replace(BREAK, " ")
    text = re.sub(r"'{2,}|</?[A-Za-z][^<>]*>|\{\{|\}\}|\[\[|\]\]|\{\||\|\}|__[A-Z]+__", " ", text)
    return " ".join(text.replace("\u200b", "").replace("\xad", "").split())


def _parser():
    try:
        import mwparserfromhell
    except ImportError as error:
        raise UserError(
            "reading wiki markup needs mwparserfromhell: pip install 'mwparserfromhell>=0.6'"
        ) from error
    return mwparserfromhell


def _render(code) -> str:
    return "" if code is None else "".join(_node(node) for node in code.nodes)


def _node(node) -> str:
    kind = type(node).__name__
    return _RENDERERS.get(kind, lambda _: "")(node)


def _heading(node) -> str:
    return f"\n{_HEADING * node.level}{_inline(_render(node.title))}\n"


def _link(node) -> str:
    """The text of an internal link; nothing of images and categories, whose captions are not the page's text."""
    target = str(node.title).strip()
    if target.lower().startswith(DROPPED_LINKS):
        return ""
    if node.text is not None and str(node.text).strip():
        return _render(node.text)
    if node.text is not None or re.match(
        r"[a-z]{2,3}(-[a-z]+)?:", target
    ):  # the same page in another language
        return re.sub(r"\s*\(.*\)$", "", target.split(":")[-1]) if node.text is not None else ""
    return target.lstrip(":")


def _template(node) -> str:
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


def _tag(node) -> str:
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
    """A stretch of several lines as one, its lines still to be told apart."""
    return BREAK.join(
        line.translate(_SHOW).strip().lstrip(":").strip() for line in text.strip().split("\n") if line.strip()
    )


def _entity(node) -> str:
    try:
        return node.normalize().replace("\xa0", " ")
    except ValueError:  # a number that is no character
        return ""


_RENDERERS = {
    "Text": lambda node: node.value,
    "Heading": _heading,
    "Wikilink": _link,
    "ExternalLink": lambda node: _render(node.title),
    "HTMLEntity": _entity,
    "Template": _template,
    "Tag": _tag,
}
