"""Tables of the metrics of scores: over all trials, by condition, and paired differences."""

from collections.abc import Callable, Sequence
from pathlib import Path

from dada.data.datadir import readable
from dada.evaluate.results import ConditionResults, SystemResults
from dada.metrics.figure import Figure
from dada.metrics.measures import MEASURES, TANDEM, table_metrics
from dada.metrics.significance import differ
from dada.metrics.tdcf import OVERALL
from dada.report.load import Section
from dada.report.tables import (
    ABSENT,
    Cell,
    Column,
    Show,
    Table,
    figure_cell,
    figure_table,
    header_of,
    mark_best,
    mean_percent,
    number,
    percent,
    show_of,
    shown,
)

ATTACK = "attack"  # the condition whose values training may have or lack
RATES = {"frr_at_threshold": "false alarms", "far_at_threshold": "accepted spoofs"}  # heads of columns


def score_tables(section: Section) -> list[Table]:
    """All tables of the metrics of scores."""
    return [
        eer_table(section),
        weighted_table(section),
        *(table for name in section.own_tables for table in condition_tables(section, name)),
        *(tandem_table(section, name) for name in (*section.own_tables, *section.columns)),
        within_table(section),
        metric_table(section),
        rates_table(section),
        difference_table(section),
    ]


def eer_table(section: Section, show: Show = percent) -> Table:
    """EER over all spoofs, and over those of every value of the conditions with few values."""
    note = "EER in % of the spoofs named by the column against all bona fide speech."
    if section.columns:
        named = (f"`{name}` ({', '.join(map(readable, section.values(name)))})" for name in section.columns)
        note += f" Columns by {', '.join(named)}."
    columns = [Column(header, figure, show) for header, figure in eer_columns(section)]
    table = figure_table("Equal error rate", note, section.scored, columns, lower_is_better=True)
    if len({len(results.seeds) for results in section.scored.values()}) > 1:
        table.headers.append("seeds")
        for row in table.rows:
            row.append(Cell(str(len(section.scored[row[0].text].seeds))))
    return table


def eer_columns(section: Section) -> list[tuple[str, Callable[[SystemResults], Figure | None]]]:
    """Head and EER of all spoofs, and of every value of the conditions with few values."""
    return [("all", lambda results: (results.metrics or {}).get("eer"))] + [
        (readable(value), _eer_of(name, value)) for name in section.columns for value in section.values(name)
    ]


def weighted_table(section: Section) -> Table:
    """The mean EER over several test sets."""
    figures = {name: results.metrics["weighted_eer"] for name, results in section.weighted.items()}
    figures = {name: figure for name, figure in figures.items() if figure is not None}
    table = Table("Weighted equal error rate", "", ["system", "WEER"])
    if figures:
        weights = next(iter(section.weighted.values())).weights
        named = (f"{readable(split)} {weight:g}" for split, weight in weights.items())
        table.note = f"Mean EER in %: {', '.join(named)}."
        table.rows = [[Cell(name), figure_cell(figure)] for name, figure in figures.items()]
        mark_best(table, lower_is_better=True)
        if len(table.rows) == 1:
            table.rows[0][1].best = True
    return table


def condition_tables(section: Section, condition: str) -> list[Table]:
    """EER for every value of a condition with many values; attacks of the training data apart from others."""
    values, known = section.values(condition), section.known_attacks
    if condition != ATTACK or known is None:
        return [condition_table(section, condition, values)]
    groups = {
        "known from the training data": [value for value in values if value in known],
        "unknown to the training data": [value for value in values if value not in known],
    }
    return [condition_table(section, condition, part, kind) for kind, part in groups.items() if part]


def condition_table(section: Section, condition: str, values: Sequence[str], kind: str = "") -> Table:
    """EER for some values of a condition, and its mean over these; `kind` says what they have in common."""
    columns = [Column(readable(value), _eer_of(condition, value), mean_percent) for value in values]
    if len(columns) > 1:
        columns = [*columns, Column("mean", _mean_eer(columns), mean_percent)]
    sizes = next(iter(section.scored.values())).conditions.get(condition, {})
    spoofs = ", ".join(f"{readable(value)} {sizes[value].num_spoof}" for value in values if value in sizes)
    note = f"Mean EER in % of the spoofs of one `{condition}` against all bona fide speech. Spoofs: {spoofs}."
    title = f"Equal error rate by {condition}{f', {kind}' if kind else ''}"
    table = figure_table(title, note, section.scored, columns, lower_is_better=True)
    table.heat = True
    return table


def tandem_table(section: Section, condition: str) -> Table:
    """Tandem costs for every value of a condition, where stage 9 had an ASV."""
    values = section.values(condition)
    entries = [
        entry
        for results in section.scored.values()
        for entry in results.conditions.get(condition, {}).values()
    ]
    costs = [figures for entry in entries if any(figures := tandem_costs(entry))]
    table = Table(f"Tandem cost by {condition}", "", ["system", *map(readable, values)])
    if not costs:
        return table
    versions = ["legacy definition of ASVspoof 2019", "in brackets the revised one of ASVspoof 2021"]
    if not any(legacy for legacy, _ in costs):
        versions = ["revised definition of ASVspoof 2021"]
    is_within = any(entry.within is not None for entry in entries)
    against = "bona fide speech that shares the value" if is_within else "all bona fide speech"
    scopes = {entry.asv if entry.within is None else entry.asv_within for entry in entries}
    rates = "overall" if scopes == {OVERALL} else "of the same trials, where it knows them"
    table.note = (
        f"Mean min t-DCF, {', '.join(versions)}, of the spoofs of one `{condition}` against {against}. "
        f"Rates of the ASV: {rates}."
    )
    for name, results in section.scored.items():
        by_value = [results.conditions.get(condition, {}).get(value) for value in values]
        table.rows.append([Cell(name), *(_tandem_cell(entry) for entry in by_value)])
    mark_best(table, lower_is_better=True)
    return table


def tandem_costs(entry: ConditionResults) -> tuple[Figure | None, Figure | None]:
    """Legacy and revised min t-DCF under one value, within it where bona fide speech has it too, as ASVspoof
    publishes them.
    """
    metrics = entry.metrics if entry.within is None else entry.within
    return metrics.get(TANDEM[0]), metrics.get(TANDEM[1])


def _tandem_cell(entry: ConditionResults | None) -> Cell:
    costs = [cost for cost in tandem_costs(entry) if cost is not None] if entry else []
    texts = [number(cost.mean, 4) for cost in costs] or [ABSENT]
    return Cell(texts[0] + (f" ({texts[1]})" if len(texts) > 1 else ""), costs[0].mean if costs else None)


def within_table(section: Section) -> Table:
    """EER between the two classes where both have the same value of a condition."""
    columns = []
    for condition in [*section.columns, *section.own_tables]:
        for value in section.values(condition):
            column = Column(f"{condition} {readable(value)}", _eer_within(condition, value), percent)
            if any(column.figure(results) for results in section.scored.values()):
                columns.append(column)
    note = "EER in % between bona fide speech and spoofs that share the value."
    title = "Equal error rate within a condition"
    return figure_table(title, note, section.scored, columns, lower_is_better=True)


def metric_columns(section: Section, short: bool = False) -> list[Column]:
    """The metrics besides the EER that some system has; `short` shows means alone."""
    return [
        Column(header_of(name), _metric(name), show_of(name, short))
        for name in table_metrics()
        if name != "eer" and any(_metric(name)(results) for results in section.scored.values())
    ]


def metric_table(section: Section) -> Table:
    """The other metrics over all trials."""
    table = figure_table("Other metrics", "", section.scored, metric_columns(section))
    first = next(iter(section.scored.values()), None)
    if first is not None:
        config, headers = first.provenance.evaluate, set(table.headers)
        table.note = "; ".join(
            f"{header_of(name)}: {MEASURES[name].definition}"
            for name in table_metrics()
            if header_of(name) in headers
        )
        table.note += f". ASV: {Path(first.asv).name}" if first.asv else ""
        table.note += (
            f". Costs: miss {config['cost_miss']:g}, false acceptance {config['cost_fa']:g}, spoofs "
            f"{100 * config['p_spoof']:g} %."
        )
    return table


def rates_table(section: Section) -> Table:
    """Error rates at the threshold of dev, also of a split of a single class."""
    measured = {name: results for name, results in section.results.items() if any(results.at_dev.values())}
    names = [name for name in RATES if any(results.at_dev.get(name) for results in measured.values())]
    columns = [Column(RATES[name], _rate(name), percent) for name in names]
    note = (
        "Error rates in % at the threshold of each system's EER on dev, for every training seed. False "
        "alarms: bona fide speech that is rejected."
    )
    title = "Errors at the threshold of dev"
    return figure_table(title, note, measured, columns, lower_is_better=True)


def difference_table(section: Section) -> Table:
    """Paired differences of two systems: of the EER over all spoofs and by condition, and of the other
    metrics. Bold is what differs after the correction over all cells of the table.
    """
    places = [(name, value) for name in section.columns for value in section.values(name)]
    others = [name for name in table_metrics() if MEASURES[name].paired and name != "eer"]
    headers = ["EER all", *(readable(value) for _, value in places), *map(header_of, others)]
    table = Table("Paired differences", "", ["first minus second", *headers])
    table.note = (
        "The first system's metric minus the second's, on the same trials, so that what both find hard "
        "cancels; the intervals hold the spread of the speakers and of the training seeds. EER in percentage "
        "points: below 0 the first is better. Bold: differs from 0 after Holm's correction over all "
        "differences of this table."
    )
    figures: list[Figure | None] = []
    for pair in section.differences:
        if pair.metrics is not None:
            conditions = [pair.conditions.get(name, {}).get(value) for name, value in places]
            shown_here = [pair.metrics.get("eer"), *conditions, *map(pair.metrics.get, others)]
            names = ["eer"] * (1 + len(places)) + others
            cells = [difference_cell(*named) for named in zip(names, shown_here, strict=True)]
            table.rows.append([Cell(" minus ".join(pair.systems)), *cells])
            figures += shown_here
    every = [results.provenance.evaluate["confidence"] for results in section.scored.values()]
    confidence = max(every, default=0.95)
    cells = [cell for row in table.rows for cell in row[1:]]
    for cell, is_different in zip(cells, differences_hold(figures, confidence), strict=True):
        cell.best = is_different
    return table


def difference_cell(name: str, figure: Figure | None) -> Cell:
    """A difference of a metric, with its sign."""
    factor, decimals = (100, 1) if MEASURES[name].percent else (1, 3)
    text = shown(figure, lambda value: number(factor * value, decimals, "+"))
    return Cell(text, None if figure is None else figure.mean)


def differences_hold(figures: Sequence[Figure | None], confidence: float) -> list[bool]:
    """Which differences of a family are not 0, by their p-values and Holm's correction."""
    return differ([figure.p_value if figure else None for figure in figures], confidence)


def _metric(name: str) -> Callable[[SystemResults], Figure | None]:
    return lambda results: (results.metrics or {}).get(name)


def _rate(name: str) -> Callable[[SystemResults], Figure | None]:
    return lambda results: results.at_dev.get(name)


def _eer_of(condition: str, value: str) -> Callable[[SystemResults], Figure | None]:
    def figure(results: SystemResults) -> Figure | None:
        entry = results.conditions.get(condition, {}).get(value)
        return entry.metrics.get("eer") if entry else None

    return figure


def _mean_eer(columns: Sequence[Column]) -> Callable[[SystemResults], Figure | None]:
    """The mean of some columns, which all count alike; None where one is missing."""

    def figure(results: SystemResults) -> Figure | None:
        figures = [column.figure(results) for column in columns]
        known = [each.mean for each in figures if each is not None]
        return Figure(mean=sum(known) / len(known)) if known and len(known) == len(figures) else None

    return figure


def _eer_within(condition: str, value: str) -> Callable[[SystemResults], Figure | None]:
    def figure(results: SystemResults) -> Figure | None:
        entry = results.conditions.get(condition, {}).get(value)
        return entry.within.get("eer") if entry and entry.within else None

    return figure
