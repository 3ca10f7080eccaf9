"""One table of systems by corpora, from the results of several recipes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from dada.evaluate.results import SystemResults, read_results
from dada.metrics.figure import Figure
from dada.metrics.measures import MEASURES
from dada.report.tables import Cell, Table, figure_cell, mark_best, show_of

TRAINED = "trained on "  # begins the note that repeats what the row shows


@dataclass(frozen=True)
class Found:
    """One file of results: `asvspoof2019:aasist` on `asvspoof2021 LA_eval`."""

    system: str
    column: str
    results: SystemResults


def find_results(views: Sequence[Any], with_dev: bool = False) -> Iterator[Found]:
    """All results of a recipe, given its view of every protocol: of systems trained there or elsewhere."""
    for view in views:
        below = "" if view is views[0] else view.protocol
        home, recipe = view.exp_dir("x").parent, view.root.resolve().name
        for split in [*([view.splits.dev] if with_dev and view.splits.dev else []), *view.splits.test]:
            for depth in ("*", "from_*/*", "from_*/*/*"):
                for path in sorted(home.glob(f"{depth}/results/{split}.json")):
                    results = read_results(path)
                    if not isinstance(results, SystemResults):  # of the transcripts
                        continue
                    place = path.parents[1].relative_to(home)
                    system = f"{recipe}:{'/'.join(filter(None, (below, str(place))))}"
                    if depth != "*":
                        system = f"{place.parts[0].removeprefix('from_')}:{'/'.join(place.parts[1:])}"
                    yield Found(system, " ".join(filter(None, (recipe, below, split))), results)


def corpora_table(results: Sequence[Found], columns: Sequence[str], metric: str = "eer") -> Table:
    """Rows are systems by where they were trained, columns splits, and the mean of rows without an empty
    cell, so that means compare alike.
    """
    measure, show = MEASURES[metric], show_of(metric)
    title = measure.title + (" in %" if measure.percent else "")
    cells: dict[tuple[str, str], Cell] = {}
    numbers: dict[str, int] = {}
    for each in results:
        figure = (each.results.metrics or {}).get(metric)
        if figure is not None:
            notes = [note for note in each.results.notes if not note.startswith(TRAINED)]
            marks = "".join(f" ({numbers.setdefault(note, len(numbers) + 1)})" for note in notes)
            cells[each.system, each.column] = Cell(show(figure) + marks, figure.mean)
    columns = [column for column in columns if any(column == of for _, of in cells)]
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
    for column in range(1, len(table.headers)):  # a single value of a column is no best
        if sum(row[column].value is not None for row in table.rows) < 2:
            for row in table.rows:
                row[column].best = False
    table.note = (
        f"{title}, with intervals over resampled speakers and the deviation over training seeds. "
        "Complete rows have a mean."
    )
    table.note += "".join(f"\n({number}) {note}." for note, number in numbers.items())
    return table
