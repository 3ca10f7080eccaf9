"""The outcome as a table in the terminal."""

import io
from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table as RichTable

from dada.report.load import load
from dada.report.tables import Table, author_table, counts_line, eer_table, mean_percent, percent

WIDEST = 240  # columns; the table takes what it needs


def summary(views: Sequence) -> str:
    """EER of every system on every test split, by protocol, as plain text; nothing where there are no
    results.
    """
    out = io.StringIO()
    console = Console(file=out, width=WIDEST, color_system=None, highlight=False)
    for section in load(views):
        if not section.is_test or not (section.scored or author_table(section).rows):
            continue
        if not section.scored:
            console.print(counts_line(section).replace("`", ""), soft_wrap=True)
            console.print(_plain_table(author_table(section)))
            continue
        content = eer_table(section, mean_percent)
        table = RichTable(box=box.SIMPLE_HEAD, pad_edge=False)
        for i, header in enumerate(content.headers):
            table.add_column(
                "EER % all" if header == "all" else header,
                justify="left" if i == 0 else "right",
                no_wrap=True,
            )
        for row in content.rows:
            entry = section.scored[row[0].text]["metrics"]["eer"]
            table.add_row(row[0].text, percent(entry), *(cell.text for cell in row[2:]))
        console.print(counts_line(section).replace("`", ""), soft_wrap=True)
        console.print(table)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()).rstrip()


def _plain_table(content: Table) -> RichTable:
    """A table of a report as one of rich."""
    table = RichTable(box=box.SIMPLE_HEAD, pad_edge=False)
    for i, header in enumerate(content.headers):
        table.add_column(header, justify="left" if i == 0 else "right", no_wrap=True)
    for row in content.rows:
        table.add_row(*(cell.text for cell in row))
    return table


def table_text(table: Table) -> str:
    """A table as plain text, its note below it."""
    out = io.StringIO()
    Console(file=out, width=WIDEST, color_system=None, highlight=False).print(_plain_table(table))
    return "\n".join(line.rstrip() for line in out.getvalue().strip("\n").splitlines()) + f"\n\n{table.note}"
