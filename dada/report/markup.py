"""HTML for reports: documents from the templates in dada/report/assets, and the elements that pages share."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from importlib import resources
from string import Template

ASSETS = resources.files("dada.report") / "assets"


def asset(name: str) -> str:
    """Return the text of a file of dada/report/assets."""
    return (ASSETS / name).read_text(encoding="utf-8")


def document(template: str, styles: Sequence[str], scripts: Sequence[str], **parts: str) -> str:
    """Return a whole HTML document, which needs no other file.

    `styles` and `scripts` are names of assets. `parts` fill the other placeholders of the template, as HTML.
    """
    css = "".join(asset(style) for style in styles)
    script = "".join(asset(name) for name in scripts)
    return Template(asset(template)).substitute(parts, css=css, script=script)


def breaking(name: str) -> str:
    """Return the HTML of a name that breaks, at its joints, only where it is wider than half a phone."""
    joints = escape(name).replace("_", "_<wbr>").replace("-", "-<wbr>")
    return f"<span class=whole>{joints}</span>"


def definitions(facts: Mapping[str, str]) -> str:
    """Return the entries of a <dl>; the terms are plain text, the descriptions HTML."""
    return "".join(f"<dt>{escape(term)}</dt><dd>{text}</dd>" for term, text in facts.items())


def table(heads: Iterable[str], rows: Iterable[str], caption: str = "") -> str:
    """Return a <table> of the cells of its head (<th>) and of its rows (<td>), both HTML."""
    named = f"<caption>{escape(caption)}</caption>" if caption else ""
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    return f"<table>{named}<thead><tr>{''.join(heads)}</tr></thead><tbody>{body}</tbody></table>"


def head(text: str) -> str:
    """Return a <th> of a column; `text` is HTML."""
    return f"<th scope=col>{text}</th>"
