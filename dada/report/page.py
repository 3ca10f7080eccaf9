"""report.html: one file that needs nothing else, for a laptop, a phone, paper, light and dark."""

import re
from collections.abc import Sequence
from html import escape

from dada.report.class_tables import open_sets
from dada.report.load import Section
from dada.report.markup import breaking, definitions, document, head
from dada.report.markup import table as html_table
from dada.report.plots import calibration_plot, confusion_plot, det_plot, histogram_plot, interval_plot
from dada.report.split import counts_line, notes_of, tables_of
from dada.report.tables import Cell, Table
from dada.report.text_tables import test_sets_table
from dada.report.utterances import NOTE, TITLE, utterance_table
from dada.storage.environment import Machine

NAME = re.compile(r"[A-Za-z].*[_-].*")  # of a system or a model, with joints
# A cell's main part, and what is set small below it: interval and spread, the second system of a pair, a
# second figure.
BESIDE = re.compile(r"(\S+)(?: (\[.*?\]|minus .*|\(.*\)))?(?: (±.*))?")


def page(
    name: str,
    sections: Sequence[Section],
    command: str,
    all_command: str,
    machine: Machine,
    num_det_systems: int,
) -> str:
    """The whole page: test splits open, dev splits folded away."""
    tests = [section for section in sections if section.is_test]
    others = [section for section in sections if not section.is_test]
    links = "".join(f'<a href="#{_anchor(section)}">{_heading(section)}</a>' for section in tests)
    links += "".join(
        f'<a href="#{_anchor(section)}-utterances">utterances</a>' for section in tests if section.pages
    )
    links += '<a href="#dev">development splits</a>' if others else ""
    overview = test_sets_table(sections)
    body = [_card(overview.title, overview.note, _table(overview))] if overview.rows else []
    body += [_section(section, num_det_systems) for section in tests]
    if others:
        folded = "".join(_section(section, num_det_systems) for section in others)
        body.append(f'<details id="dev"><summary>Development splits</summary>{folded}</details>')
    facts = {
        "Everything from nothing": f"<code>{escape(all_command)}</code>",
        "This page from the scores": f"<code>{escape(command)}</code>",
        "Hardware": escape(machine.hardware),
        "Software": escape(machine.software),
    }
    return document(
        "report.html",
        ["report.css"],
        ["scroll.js", "report.js"],
        name=escape(name),
        links=links,
        facts=definitions(facts),
        body="".join(body),
    )


def _section(section: Section, num_det_systems: int) -> str:
    cards = tables = [
        _card(table.title, table.note, _table(table)) for table in tables_of(section) if not table.drawn
    ]
    if tables and section.scored:
        plots = [
            _card("EER and its interval", "", interval_plot(section), "wide"),
            _card(
                "Detection error trade-off",
                "Mean of the training seeds; bands are bootstrap intervals over speakers; dots are the "
                "EER. Axes are probit-scaled.",
                det_plot(section, num_det_systems),
                "narrow",
            ),
        ]
        below = [
            _card(
                "Scores",
                "Share of each class by score, over all training seeds.",
                histogram_plot(section),
                "wide",
            )
        ]
        if any(result.calibration for result in section.scored.values()):
            note = (
                "Log-likelihood ratios that are well calibrated lie on the line; a dot grows with its share "
                "of trials. Where a system gives other scores, the calibration of dev was applied first: "
                "(calibrated)."
            )
            below.append(_card("Calibration", note, calibration_plot(section), "wide"))
        if open_sets(section):
            note = (
                "% of the trials of a true class, over all training seeds: rows are true classes, "
                "columns decisions."
            )
            below.insert(
                0, _card("Confusion matrices of the open-set systems", note, confusion_plot(section))
            )
        cards = [tables[0], *plots, *tables[1:], *below]
    if section.pages:
        card = _card(TITLE, NOTE, utterance_table(section.pages))
        cards.append(f'<div id="{_anchor(section)}-utterances">{card}</div>')
    lines = [counts_line(section), *notes_of(section)]
    notes = "".join(f"<p class=soft>{_code(line)}</p>" for line in lines)
    heading = f"<h2>{_heading(section)}</h2>{notes}"
    return f'<section id="{_anchor(section)}">{heading}{"".join(cards)}</section>'


def _card(title: str, note: str, content: str, svg_class: str = "") -> str:
    content = content.replace("<svg ", f'<svg class="{svg_class}" ', 1) if svg_class else content
    paragraph = f"<p class=soft>{_code(note)}</p>" if note else ""
    return (
        f"<div class=card><h3>{escape(title)}</h3>"
        f"{paragraph}"
        f"<div class=scroll tabindex=0>{content}</div></div>"
    )


def _table(table: Table) -> str:
    full_heat = table.full_heat if table.heat else None
    rows = ("".join(_cell(cell, full_heat) for cell in row) for row in table.rows)
    return html_table((head(escape(header)) for header in table.headers), rows, table.title)


def _cell(cell: Cell, full_heat: float | None) -> str:
    parts = BESIDE.fullmatch(cell.text)
    text = _text(parts[1] if parts else cell.text)
    small = [f"<span>{_text(part)}</span>" for part in parts.groups()[1:] if part] if parts else []
    if small:
        text += f" <span class=by>{' '.join(small)}</span>"
    attributes = " class=best" if cell.best and full_heat is None else ""
    if cell.value is not None:
        attributes += f' data-value="{cell.value:.6g}"'
        if full_heat is not None:
            share = min(cell.value / full_heat, 1)
            attributes += (
                f' style="background:color-mix(in srgb, var(--heat) {100 * share:.0f}%, var(--card))"'
            )
    return f"<td{attributes}>{text}</td>"


def _text(text: str) -> str:
    """Return a text as HTML, in which the names of systems break only where they are too wide."""
    return " ".join(breaking(word) if NAME.fullmatch(word) else escape(word) for word in text.split(" "))


def _heading(section: Section) -> str:
    return f"Protocol {escape(section.protocol)}, {escape(section.split)}"


def _anchor(section: Section) -> str:
    return re.sub(r"[^a-z0-9]+", "-", f"{section.protocol}-{section.split}".lower())


def _code(text: str) -> str:
    return re.sub(r"`([^`]*)`", r"<code>\1</code>", escape(text))
