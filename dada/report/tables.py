"""Tables of text, for Markdown, HTML and the terminal alike, and the numbers in them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from dada.metrics.figure import Figure
from dada.metrics.measures import MEASURES

ABSENT = "–"
Row = TypeVar("Row")
Show = Callable[[Figure | None], str]


@dataclass
class Cell:
    """The text of a cell, the number to sort and colour by, and whether it is the best of its column."""

    text: str
    value: float | None = None
    best: bool = False


@dataclass
class Table:
    """`rows` hold the system's name first. `heat` means that cells may be coloured by their value, an EER."""

    title: str
    note: str
    headers: list[str]
    rows: list[list[Cell]] = field(default_factory=list)
    heat: bool = False
    full_heat: float = 0.5  # value at and above which a cell has the full colour: of an EER, chance
    drawn: bool = False  # the page draws a plot instead


@dataclass(frozen=True)
class Column:
    """A column: its head, the figure of a row's results, and how to show it."""

    header: str
    figure: Callable[..., Figure | None]
    show: Show


def percent(figure: Figure | None) -> str:
    """A share in percent: `12.3 [9.8, 15.1] ±0.4` is the mean over seeds, its interval, and the seeds'
    standard deviation.
    """
    return shown(figure, lambda value: number(100 * value, 1))


def plain(figure: Figure | None) -> str:
    """As `percent`, of a quantity with three decimals."""
    return shown(figure, lambda value: number(value, 3))


def mean_percent(figure: Figure | None) -> str:
    """The mean alone, in percent."""
    return ABSENT if figure is None else f"{100 * figure.mean:.1f}"


def mean_plain(figure: Figure | None) -> str:
    """The mean alone, with three decimals."""
    return ABSENT if figure is None else number(figure.mean, 3)


def show_of(name: str, short: bool = False) -> Show:
    """How to show a metric of the catalogue; `short` shows its mean alone."""
    if MEASURES[name].percent:
        return mean_percent if short else percent
    return mean_plain if short else plain


def header_of(name: str) -> str:
    """The head of a metric's column."""
    return MEASURES[name].title + (", %" if MEASURES[name].percent else "")


def number(value: float, decimals: int, sign: str = "") -> str:
    """With so many decimals, and the sign `+` where wanted; a value that rounds to zero has no sign.

    >>> number(-0.0004, 3), number(0.0123, 2, "+")
    ('0.000', '+0.01')
    """
    rounded = round(value, decimals)
    return f"{rounded:{sign}.{decimals}f}" if rounded else f"{0:.{decimals}f}"


def shown(figure: Figure | None, show: Callable[[float], str]) -> str:
    """Mean, interval and spread, each as `show` writes a number; `[–]` where no interval can be given."""
    if figure is None:
        return ABSENT
    text = show(figure.mean) + (f" [{ABSENT}]" if figure.no_interval else "")
    if figure.low is not None and figure.high is not None:
        text += f" [{show(figure.low)}, {show(figure.high)}]"
    return text + (f" ±{show(figure.spread).lstrip('+')}" if figure.spread is not None else "")


def figure_cell(figure: Figure | None, show: Show = percent) -> Cell:
    """A cell with a figure."""
    return Cell(show(figure), None if figure is None else figure.mean)


def figure_table(
    title: str,
    note: str,
    rows: Mapping[str, Row],
    columns: Sequence[Column],
    lower_is_better: bool | None = None,
) -> Table:
    """A row for each name, a column for each figure, with the best of every column marked where wanted."""
    table = Table(title, note, ["system", *(column.header for column in columns)])
    if columns:
        for name, results in rows.items():
            cells = [figure_cell(column.figure(results), column.show) for column in columns]
            table.rows.append([Cell(name), *cells])
    if lower_is_better is not None:
        mark_best(table, lower_is_better)
    return table


def mark_best(table: Table, lower_is_better: bool) -> None:
    """Mark the best cell of every column, where a table has several rows."""
    for column in range(1, len(table.headers)) if len(table.rows) > 1 else ():
        values = [row[column].value for row in table.rows]
        known = [value for value in values if value is not None]
        for row in table.rows if known else ():
            row[column].best = row[column].value == (min(known) if lower_is_better else max(known))
