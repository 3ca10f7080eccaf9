"""RESULTS.md: every table with the command that made it."""

from collections.abc import Sequence

from dada.report.load import Section
from dada.report.split import counts_line, notes_of, tables_of
from dada.report.tables import Cell, Table
from dada.report.text_tables import test_sets_table
from dada.storage.environment import Machine

HEAD = """# Results: {name}

Written by stage 11 (`report`), never by hand; `dada publish` copies it to the recipe. `12.3 [9.8, 15.1] ±0.4`
is the mean over training seeds, the {confidence:g} % interval of that mean over {units} and seeds, and the
standard deviation over seeds; `[–]` where there is no interval, because a class has one cluster only or
because the figure does not vary. With one seed, the interval says nothing of other trainings. **Bold** is the
best of a column.{more}

* Everything from nothing: `{all_command}`
* Hardware: {hardware}
* Software: {software}
"""


def markdown(name: str, sections: Sequence[Section], command: str, all_command: str, machine: Machine) -> str:
    """The whole file."""
    confidence = 100 * next(iter(sections[0].results.values())).provenance.evaluate["confidence"]
    spoken = any(section.scored for section in sections)
    units, more = (
        ("speakers", "\nHigher scores mean more bona fide; EER ties are grouped.")
        if spoken
        else ("sources of texts", "")
    )
    head = HEAD.format(
        name=name, units=units, more=more, confidence=confidence, all_command=all_command, **vars(machine)
    )
    parts = [head]
    overview = test_sets_table(sections)
    if overview.rows:
        parts.append("\n".join(table_lines(overview, command)).replace("### ", "## ", 1) + "\n")
    for section in sections:
        parts.append(f"## Protocol {section.protocol}, {section.split}\n\n{counts_line(section)}\n")
        if notes := notes_of(section):
            parts.append("\n".join(f"* {note}" for note in notes) + "\n")
        parts += ["\n".join(table_lines(table, command)) + "\n" for table in tables_of(section)]
    return "\n".join(parts)


def table_lines(table: Table, command: str | None = None) -> list[str]:
    """A table under its heading, the command that made it, and its note."""
    made_by = [f"`{command}`", ""] if command else []
    lines = [
        f"### {table.title}",
        "",
        *made_by,
        *(line for note in table.note.split("\n") for line in (note, "")),
    ]
    lines.append("| " + " | ".join(table.headers) + " |")
    lines.append("|" + "|".join([" --- "] + [" ---: "] * (len(table.headers) - 1)) + "|")
    return lines + ["| " + " | ".join(_cell(cell) for cell in row) + " |" for row in table.rows]


def _cell(cell: Cell) -> str:
    text = cell.text.replace("|", "\\|")
    return f"**{text}**" if cell.best else text
