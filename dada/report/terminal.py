"""Tables in the terminal."""

import io
from collections.abc import Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table as RichTable

from dada.report.claim_tables import claim_table
from dada.report.load import Section, load
from dada.report.score_tables import eer_table, metric_columns
from dada.report.split import counts_line
from dada.report.tables import Table, figure_cell, mean_percent, percent
from dada.report.text_tables import author_table

WIDEST = 10_000  # characters; a table takes what it needs, and a narrower one would lose columns


def summary(views: Sequence[Any]) -> str:
    """EER and the means of the other metrics of every system on every test split; empty without results."""
    parts = []
    for section in load(views):
        tables = [score_summary(section)] if section.scored else [author_table(section)]
        tables += [claim_table(section, "eer")]
        shown = [_plain(table) for table in tables if table.rows]
        if section.is_test and shown:
            parts.append("\n\n".join([counts_line(section).replace("`", ""), *shown]))
    return "\n\n".join(parts)


def score_summary(section: Section) -> Table:
    """The table of EERs with intervals over all spoofs, means by condition, and means of the other
    metrics.
    """
    table, columns = eer_table(section, mean_percent), metric_columns(section, short=True)
    table.headers = ["EER % all" if header == "all" else header for header in table.headers]
    table.headers += [column.header for column in columns]
    for row in table.rows:
        results = section.scored[row[0].text]
        row[1].text = percent((results.metrics or {}).get("eer"))
        row += [figure_cell(column.figure(results), column.show) for column in columns]
    return table


def table_text(table: Table) -> str:
    """A table as plain text, its note below it."""
    return f"{_plain(table)}\n\n{table.note}"


def _plain(table: Table) -> str:
    shown = RichTable(box=box.SIMPLE_HEAD, pad_edge=False)
    for i, header in enumerate(table.headers):
        shown.add_column(header, justify="left" if i == 0 else "right", no_wrap=True)
    for row in table.rows:
        shown.add_row(*(cell.text for cell in row))
    out = io.StringIO()
    Console(file=out, width=WIDEST, color_system=None, highlight=False).print(shown)
    return "\n".join(line.rstrip() for line in out.getvalue().strip("\n").splitlines())
