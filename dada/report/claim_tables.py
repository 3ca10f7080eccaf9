"""Tables of claims on texts: metrics by the number of pooled texts, impostors by period, differences."""

from collections.abc import Callable, Iterator

from dada.data.datadir import readable
from dada.evaluate.results import Measurements, SystemResults
from dada.metrics.figure import Figure
from dada.metrics.measures import MEASURES
from dada.report.load import Section
from dada.report.score_tables import difference_cell, differences_hold
from dada.report.tables import Cell, Column, Show, Table, figure_table, header_of, show_of

TITLE = "Verification"


def claim_tables(section: Section) -> list[Table]:
    """A table of every metric, one of the EER by period, and one of paired differences."""
    names = dict.fromkeys(name for _, entry in _entries(section) for name in entry.metrics or {})
    return [
        *(claim_table(section, name) for name in names),
        period_table(section),
        claim_difference_table(section),
    ]


def claim_table(section: Section, name: str, show: Show | None = None) -> Table:
    """A metric of every system, a column for each number of pooled texts."""
    columns = [Column(texts(size), _figure(size, name), show or show_of(name)) for size in _sizes(section)]
    rows = {system: results for system, results in section.results.items() if results.verification}
    note = f"{MEASURES[name].definition[0].upper()}{MEASURES[name].definition[1:]}"
    note += ", in %." if MEASURES[name].percent else "."
    table = figure_table(f"{TITLE}: {header_of(name)}", note, rows, columns, MEASURES[name].lower_is_better)
    if name == "eer" and rows:
        table.note = f"{_protocol(section)} {note}"
    return table


def period_table(section: Section) -> Table:
    """The EER of impostors who spoke in the period of the words, and of the others."""
    pairs = dict.fromkeys(
        (condition, value)
        for _, entry in _entries(section)
        for condition, values in entry.conditions.items()
        for value in values
    )
    columns = [
        Column(f"{texts(size)}, {readable(value)}", _under(size, condition, value), show_of("eer"))
        for condition, value in pairs
        for size in _sizes(section)
    ]
    rows = {system: results for system, results in section.results.items() if results.verification}
    note = (
        "EER in % of the impostors of a column against all true claims. Same: the split has texts by the "
        "claimed speaker of that period."
    )
    return figure_table(f"{TITLE} by period", note, rows if pairs else {}, columns, lower_is_better=True)


def claim_difference_table(section: Section) -> Table:
    """Paired differences of two systems in every metric of claims and the EER by period."""
    places = dict.fromkeys(
        (name, size)
        for pair in section.differences
        for size, entry in pair.verification.items()
        for name in entry.metrics or {}
    )
    headers = [f"{header_of(name)}, {texts(size)}" for name, size in places]
    table = Table(f"Paired differences of {TITLE.lower()}", "", ["first minus second", *headers])
    table.note = (
        "The first system's metric minus the second's, on the same claims; EER in percentage points: below 0 "
        "the first is better. Bold: differs from 0 after Holm's correction over all differences of this "
        "table."
    )
    figures: list[Figure | None] = []
    for pair in section.differences:
        if pair.verification:
            own: list[Figure | None] = [
                (entry.metrics or {}).get(name) if (entry := pair.verification.get(size)) else None
                for name, size in places
            ]
            cells = [difference_cell(name, figure) for (name, _), figure in zip(places, own, strict=True)]
            table.rows.append([Cell(" minus ".join(pair.systems)), *cells])
            figures += own
    confidence = max((r.provenance.evaluate["confidence"] for r in section.results.values()), default=0.95)
    cells = [cell for row in table.rows for cell in row[1:]]
    for cell, is_different in zip(cells, differences_hold(figures, confidence), strict=True):
        cell.best = is_different
    return table


def texts(size: str) -> str:
    """`4 texts`."""
    return f"{size} text{'' if size == '1' else 's'}"


def _protocol(section: Section) -> str:
    """What a trial is, and how many there are."""
    counts = {
        size: entry for results in section.results.values() for size, entry in results.verification.items()
    }
    settings = next(r.provenance.evaluate["verification"] for r in section.results.values() if r.verification)
    clusters = {entry.num_speakers for entry in counts.values()}
    listed = ", ".join(
        f"{entry.num_bonafide:,} and {entry.num_spoof:,} of {texts(size)}" for size, entry in counts.items()
    )
    others = settings["num_impostors"] or "every other"
    speakers = f"{others} speaker{'s' if settings['num_impostors'] > 1 else ''}"
    return (
        "Would this person say this? A trial is a claimed speaker and texts of one source: true claims, and "
        f"claims by {speakers} ({listed}). Intervals over {max(clusters):,} {settings['cluster']}s of the "
        "words and the training seeds."
    )


def _entries(section: Section) -> Iterator[tuple[str, Measurements]]:
    """Number of pooled texts and results, of all systems."""
    for results in section.results.values():
        yield from results.verification.items()


def _sizes(section: Section) -> list[str]:
    return sorted({size for size, _ in _entries(section)}, key=int)


def _figure(size: str, name: str) -> Callable[[SystemResults], Figure | None]:
    def figure(results: SystemResults) -> Figure | None:
        entry = results.verification.get(size)
        return (entry.metrics or {}).get(name) if entry else None

    return figure


def _under(size: str, condition: str, value: str) -> Callable[[SystemResults], Figure | None]:
    def figure(results: SystemResults) -> Figure | None:
        entry = results.verification.get(size)
        under = entry.conditions.get(condition, {}).get(value) if entry else None
        return under.metrics.get("eer") if under else None

    return figure
