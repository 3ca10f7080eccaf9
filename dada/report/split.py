"""The part of a report on one split: its tables, and the sentences above them."""

from dada.evaluate.results import SystemResults
from dada.metrics.figure import Figure
from dada.report.class_tables import class_tables
from dada.report.explanations import explanation_tables
from dada.report.load import Section
from dada.report.score_tables import score_tables
from dada.report.tables import Table
from dada.report.text_tables import abx_table, author_table, transcript_table


def tables_of(section: Section) -> list[Table]:
    """The tables that have rows."""
    tables = [
        *score_tables(section),
        *class_tables(section),
        author_table(section),
        abx_table(section),
        transcript_table(section),
        *explanation_tables(*section.explained),
    ]
    return [table for table in tables if table.rows]


def counts_line(section: Section) -> str:
    """Protocol, trials, seeds and resamples of the split, in one sentence."""
    result = max(section.results.values(), key=lambda result: len(result.seeds))
    config, seeds = result.provenance.evaluate, result.seeds
    classes = (
        "unlabelled"
        if result.num_bonafide is None
        else f"{result.num_bonafide:,} bona fide, {result.num_spoof:,} spoofs"
    )
    trained = f"{len(seeds)} training seed{'s' if len(seeds) > 1 else ''} ({', '.join(map(str, seeds))})"
    trained += (
        ", fewer where a table has a column of seeds"
        if any(len(other.seeds) < len(seeds) for other in section.results.values())
        else ""
    )
    if section.units == "sources":
        counts = f"{result.num_trials:,} texts by {result.num_speakers:,} authors"
    else:
        speakers = f" of {result.num_speakers:,} purported speakers" if result.num_speakers else ""
        counts = f"{result.num_trials:,} trials ({classes}){speakers}"
    figures = [figure for entry in section.results.values() for figure in _figures(entry)]
    resampled = (
        f"intervals at {100 * config['confidence']:g} % from {config['num_resamples']:,} resamples of the "
        f"{section.units}"
        if any(figure.low is not None for figure in figures)
        else "no intervals"
    )
    return f"Protocol `{section.protocol}`, split `{section.split}`: {counts}; {trained}; {resampled}."


def _figures(results: SystemResults) -> list[Figure]:
    """The figures over all trials or texts."""
    figures = [*(results.metrics or {}).values(), results.abx_speaker]
    if results.classes:
        figures.append(results.classes.accuracy)
    if results.authorship:
        figures.append(results.authorship.accuracy)
    return [figure for figure in figures if figure is not None]


def notes_of(section: Section) -> list[str]:
    """The notes on results, each in one line with the systems that it holds for."""
    systems: dict[str, list[str]] = {}
    for name, result in section.results.items():
        for note in result.notes:
            systems.setdefault(note, []).append(f"`{name}`")
    return [f"{', '.join(names)}: {note}." for note, names in systems.items()]
