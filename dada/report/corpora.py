"""One table of systems by corpora, from the results of several recipes."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dada.evaluate.results import SystemResults
from dada.metrics.figure import Figure
from dada.metrics.measures import MEASURES
from dada.report.names import short_names
from dada.report.tables import Cell, Table, figure_cell, mark_best, show_of

TRAINED = "trained on "  # begins the note that repeats the name of the row


@dataclass(frozen=True)
class CorpusResults:
    """The results of one system on one split of a recipe. Both recipes are resolved paths."""

    trained_in: Path
    system: str  # with the protocol, unless it is the default of the recipe
    evaluated_in: Path
    split: str  # with the protocol, unless it is the default of the recipe
    results: SystemResults


def corpora_table(entries: Sequence[CorpusResults], metric: str = "eer") -> Table:
    """Rows are systems by where they were trained, columns splits, and the mean of rows without an empty
    cell, so that means compare alike.

    Recipes whose folders share a name have longer names: the shortest ends of their paths that differ.
    """
    measure, show = MEASURES[metric], show_of(metric)
    title = measure.title + (" in %" if measure.percent else "")
    names = short_names(path for entry in entries for path in (entry.trained_in, entry.evaluated_in))
    cells: dict[tuple[str, str], Cell] = {}
    numbers: dict[str, int] = {}
    units: dict[str, None] = {}
    for entry in entries:
        figure = (entry.results.metrics or {}).get(metric)
        if figure is not None:
            notes = [note for note in entry.results.notes if not note.startswith(TRAINED)]
            marks = "".join(f" ({numbers.setdefault(note, len(numbers) + 1)})" for note in notes)
            place = f"{names[entry.trained_in]}:{entry.system}", f"{names[entry.evaluated_in]} {entry.split}"
            cells[place] = Cell(show(figure) + marks, figure.mean)
            if figure.low is not None:
                units["speakers" if entry.results.num_speakers else "trials"] = None
    columns = list(dict.fromkeys(column for _, column in cells))
    table = Table(f"{title} of systems by corpora", "", ["trained in: system", *columns])
    for system in dict.fromkeys(system for system, _ in cells):
        row = [cells.get((system, column)) or figure_cell(None) for column in columns]
        if len(columns) > 1:
            values = [cell.value for cell in row if cell.value is not None]
            complete = len(values) == len(row)
            row.append(figure_cell(Figure(mean=sum(values) / len(values)) if complete else None, show))
        table.rows.append([Cell(system), *row])
    table.headers += ["mean"] if len(columns) > 1 else []
    mark_best(table, measure.lower_is_better)
    for number in range(1, len(table.headers)):  # a single value of a column is no best
        if sum(row[number].value is not None for row in table.rows) < 2:
            for row in table.rows:
                row[number].best = False
    intervals = f", with intervals over resampled {' or '.join(units)}" if units else ""
    table.note = f"{title}{intervals}, and the deviation over training seeds. Complete rows have a mean."
    table.note += "".join(f"\n({number}) {note}." for note, number in numbers.items())
    return table
